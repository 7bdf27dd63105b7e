"""The profile that networks of the user's own are measured with on a board: that of the board, unless one is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import sis_edge_here
from given_models import write

from sis_edge import profiles, simulated
from sis_edge.board import fitting
from sis_edge.cli import deploy, reach
from sis_edge.cli import given as given_options
from sis_edge.errors import UsageError
from sis_edge.transport import LocalTransport, Transport


def agent_reads(monkeypatch: pytest.MonkeyPatch, settings: profiles.AgentSettings) -> None:
    """The agent that is asked which profile fits works with these settings, not the usual ones."""
    client = fitting.AgentClient
    monkeypatch.setattr(fitting, "AgentClient", lambda transport, usual: client(transport, settings))


@contextmanager
def jetson(monkeypatch: pytest.MonkeyPatch) -> Iterator[reach.Way]:
    """A simulated Jetson as a board that the command line reaches, whose agent reads its file tree from the start."""
    with simulated.board("orin-nano-sim") as board:
        agent_reads(monkeypatch, board.profile.agent)
        yield reach.Way(lambda: board.transport, ("--host", "jetson.local"))


def test_it_is_that_of_the_boards_model(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with jetson(monkeypatch) as way:
        name = deploy._detected(way)
    assert name is not None
    assert name.startswith("jetson-orin-nano")
    said = " ".join(capsys.readouterr().err.split())
    assert f"profile {name}, for its model is NVIDIA Jetson Orin Nano" in said
    assert "--profile NAME takes another" in said


def test_a_board_that_no_profile_names_is_measured_as_any_computer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent_reads(monkeypatch, profiles.AgentSettings(python="python3", sysroot=str(tmp_path / "bare")))
    (tmp_path / "bare").mkdir()
    assert deploy._detected(reach.Way(lambda: LocalTransport(tmp_path), ("--host", "x"))) is None
    assert "profile local, for no profile names this board's model; --profile NAME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "profile"),
    [
        (("--host", "jetson.local"), "jetson-orin-nano-super"),
        (("--host", "jetson.local", "--profile", "raspberry-pi-5"), "raspberry-pi-5"),
        ((), None),  # this machine: its own profile
    ],
)
def test_the_board_is_asked_where_nobody_names_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], profile: str | None
) -> None:
    chosen: list[str | None] = []

    def bundle(own: object, name: str | None, *more: object) -> Transport:
        chosen.append(name)
        raise UsageError("far enough")

    monkeypatch.setattr(deploy, "_detected", lambda way: "jetson-orin-nano-super")
    monkeypatch.setattr(given_options, "bundle", bundle)
    write("residual", tmp_path)
    done = sis_edge_here("deploy", *words, "--onnx", "residual.onnx", cwd=tmp_path)
    assert "far enough" in done.stderr
    assert chosen == [profile]
