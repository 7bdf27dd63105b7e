"""A stage is done once for the same inputs, and again when what it made is not there any more."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sis_edge.errors import DiskError, InUseError
from sis_edge.files import stages


class Work:
    """Fills a stage's folder and counts how often."""

    def __init__(self, fail: Callable[[], None] | None = None) -> None:
        self.times = 0
        self.fail = fail
        self.found: list[list[str]] = []

    def __call__(self, folder: Path) -> dict[str, Any]:
        self.times += 1
        self.found.append(sorted(path.name for path in folder.iterdir()))
        (folder / "half").write_text("half")
        if self.fail is not None:
            self.fail()
        (folder / "whole").write_text("whole")
        return {"answer": 42, "times": self.times}


def test_it_is_done_once(tmp_path: Path) -> None:
    work = Work()
    first = stages.run(tmp_path, "train", {"a": 1, "b": [2]}, work)
    again = stages.run(tmp_path, "train", {"b": [2], "a": 1}, work)
    assert (first.was_done, again.was_done, work.times) == (False, True, 1)
    assert first.summary == again.summary == {"answer": 42, "times": 1}
    assert first.folder == again.folder == tmp_path / f"train-{stages.key({'a': 1, 'b': [2]})[:20]}"


def test_other_inputs_and_other_stages_have_other_folders(tmp_path: Path) -> None:
    work = Work()
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("train", {"a": 1}),
        ("train", {"a": 2}),
        ("train", {"a": "1"}),
        ("train", {"a": 1, "b": None}),
        ("export", {"a": 1}),
    ]
    assert len({stages.run(tmp_path, stage, inputs, work).folder for stage, inputs in wanted}) == 5
    assert work.times == 5


def test_an_interrupted_stage_finds_what_it_left(tmp_path: Path) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    work = Work(fail)
    with pytest.raises(KeyboardInterrupt):
        stages.run(tmp_path, "train", {}, work)
    work.fail = None
    assert not stages.run(tmp_path, "train", {}, work).was_done
    assert work.found == [[], ["half"]]


def change(folder: Path) -> None:
    (folder / "whole").write_text("WHOLE")


def lose(folder: Path) -> None:
    (folder / "whole").unlink()


def add(folder: Path) -> None:
    (folder / "more").touch()


def cut(folder: Path) -> None:
    (folder / stages.DONE).write_text('{"inputs"')


def empty(folder: Path) -> None:
    (folder / stages.DONE).write_text('{"summary": null, "files": {}}')


@pytest.mark.parametrize("harm", [change, lose, add, cut, empty])
def test_a_damaged_stage_is_done_again_from_nothing(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    work = Work()
    harm(stages.run(tmp_path, "train", {}, work).folder)
    again = stages.run(tmp_path, "train", {}, work)
    assert (again.was_done, again.summary["times"]) == (False, 2)
    assert work.found == [[], []]
    assert (again.folder / "whole").read_text() == "whole"
    assert stages.run(tmp_path, "train", {}, work).was_done


def test_inputs_that_are_no_data_are_our_bug(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        stages.run(tmp_path, "train", {"a": object()}, Work())
    with pytest.raises(ValueError, match="JSON"):
        stages.run(tmp_path, "train", {"a": float("nan")}, Work())


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=r"cannot write .*file/train-.* \(Not a directory\)"):
        stages.run(tmp_path / "file", "train", {}, Work())
    with pytest.raises(DiskError, match="cannot write"), stages.alone(tmp_path / "file" / "x"):
        pass


def test_one_build_at_a_time(tmp_path: Path) -> None:
    with stages.alone(tmp_path / "b" / ".stages"):
        with (
            pytest.raises(InUseError, match=rf"another sis-edge builds in {tmp_path / 'b'} now"),
            stages.alone(tmp_path / "b" / ".stages"),
        ):
            pass
        with stages.alone(tmp_path / "c" / ".stages"):
            pass
    with stages.alone(tmp_path / "b" / ".stages"):
        pass


def test_a_killed_build_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from sis_edge.files import stages\n"
        "with stages.alone(Path(sys.argv[1])): print('locked', flush=True); time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(InUseError, match="another sis-edge"), stages.alone(tmp_path):
            pass
        os.kill(other.pid, signal.SIGKILL)
    with stages.alone(tmp_path):
        pass
