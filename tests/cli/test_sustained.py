"""The words of sustained work on the command line."""

from pathlib import Path

import pytest
from command import sis_edge_here
from tiny_bundle import tiny_bundle

from sis_edge.board.sustained import SustainedOptions
from sis_edge.cli.measuring import asked


def test_words_become_options() -> None:
    found = asked(sustain="30m", rate=30.0, cool_to=45.0, rest="1.5min").options.sustained
    assert found == SustainedOptions(1800.0, 30.0, 45.0, 90.0)
    assert asked().options.sustained == SustainedOptions()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "30"), "say with --sustain for how long"),
        (("--sustain", "30"), "--sustain is '30', and must be a number with a unit"),
        (("--sustain", "2s"), "must be from 5 s to 24 h"),
        (("--sustain", "30s", "--rate", "-1"), "--rate is -1, and must be above 0"),
        (("--cool-to", "400"), "--cool-to is 400, and must be a temperature from 1 to 150"),
        (("--rest", "soon"), "--rest is 'soon'"),
        (("--self-check", "--sustain", "30s"), "--self-check and --sustain exclude each other"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    tiny_bundle(tmp_path / "bundle")
    done = sis_edge_here("bench", "bundle", *words, cwd=tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "runs").exists()
