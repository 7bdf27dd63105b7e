"""The command `calibrate`: probes and library in, seconds out. No speed is asserted."""

import platform
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sis_agent import lock
from sis_agent.calibration.profiled import ProfiledModel
from sis_edge.native import build, probes
from sis_edge.native.int8 import geometry
from sis_edge.native.int8 import probes as int8_probes

from .board import Board
from .sparse import of_another_architecture

NATIVE, DENSE, INT8 = probes.NATIVE[-1], probes.SMALL[0], int8_probes.INT8[-1]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return with_probes(Board(tmp_path / "root", sys.executable))


def with_probes(board: Board) -> Board:
    """One probe of each kind, and the library."""
    folder = board.root / "calibration"
    folder.mkdir()
    shutil.copyfile(build.library(platform.machine()), folder / "kernels.so")
    with zipfile.ZipFile(folder / "probes.zip", "w") as archive:
        archive.writestr(f"native/{NATIVE.name}", NATIVE.blob())
        archive.writestr(f"int8/{INT8.name}", INT8.blob())
        archive.writestr(f"dense/{DENSE.name}", DENSE.onnx())
        archive.writestr(f"plain/{probes.REST.name}", probes.REST.onnx())
    return board


def check_answer(answer: dict) -> None:  # type: ignore[type-arg]
    assert len(answer["native"][NATIVE.name]) == NATIVE.stage_count == 3
    assert len(answer["int8"][INT8.name]) == len(INT8.stages)
    assert all(seconds > 0 for seconds in answer["int8"][INT8.name])
    assert answer["int8_instruction_set"] in geometry.INSTRUCTION_SETS
    assert len(answer["dense"][DENSE.name]) == len(answer["operators"][DENSE.name])
    assert sum("Conv" in operator for operator in answer["operators"][DENSE.name]) == len(DENSE.layers)
    assert answer["threads"] == 1
    assert all(seconds > 0 for seconds in (*answer["native"][NATIVE.name], answer["plain"][probes.REST.name]))
    assert sum(answer["dense"][DENSE.name]) > 0
    assert answer["other_cores"] >= 0
    assert answer["peak_flops"] > 0
    assert answer["instruction_set"] in ("avx512", "avx2", "neon", "portable")


def test_probes_are_timed_and_the_board_is_free_again(board: Board) -> None:
    import onnxruntime

    for _ in range(2):
        answer = board.call("calibrate", "calibration").answer
        check_answer(answer)
        assert answer["onnxruntime"] == onnxruntime.__version__
    with lock.guarded(str(board.root)) as guard:
        assert lock.owner(guard) is None


def test_several_threads_are_asked_for(board: Board) -> None:
    assert board.call("calibrate", "calibration", "--threads", "2").answer["threads"] == 2
    assert sorted(path.name for path in (board.root / "calibration").iterdir()) == ["kernels.so", "probes.zip"]


def test_a_library_of_another_architecture_is_a_problem(board: Board) -> None:
    of_another_architecture(board.root / "calibration" / "kernels.so")
    problem = board.call("calibrate", "calibration").problem
    assert problem["code"] == "bad-library"
    assert "is not a sis-edge library for this processor" in problem["message"]


@pytest.mark.parametrize("place", [None, 6, 8])
def test_damaged_probes_are_a_problem(board: Board, place: int | None) -> None:
    """Cut off, and with members of a version and a flag that are not known."""
    path = board.root / "calibration" / "probes.zip"
    data = bytearray(path.read_bytes()[: -40 if place is None else None])
    if place is not None:
        data[data.index(b"PK\1\2") + place] = 195
    path.write_bytes(data)
    assert board.call("calibrate", "calibration").problem["code"] == "bad-probes"


@pytest.mark.parametrize("folder", ["..", "/tmp", "calibration/../.."])
def test_only_folders_of_the_root(board: Board, folder: str) -> None:
    assert board.call("calibrate", folder).problem["code"] == "bad-name"


def test_a_job_that_runs_is_not_disturbed(board: Board) -> None:
    owner = lock.acquire(str(board.root), "j1")
    try:
        problem = board.call("calibrate", "calibration").problem
    finally:
        lock.release(str(board.root), owner)
    assert problem["code"] == "busy"
    assert "'j1'" in problem["message"]


def test_clean_removes_the_probes(board: Board) -> None:
    removed = [entry["name"] for entry in board.call("clean").answer["entries"] if entry["kind"] == "calibrations"]
    assert sorted(removed) == ["kernels.so", "probes.zip"]


def test_each_session_has_a_profile_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime names the file by prefix and time, in seconds up to 1.25: sessions of one prefix share it."""
    import onnxruntime

    prefixes = []

    def session(model: bytes, settings: onnxruntime.SessionOptions, **options: Any) -> onnxruntime.InferenceSession:
        prefixes.append(settings.profile_file_prefix)
        return opened(model, settings, **options)

    opened = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    models = [ProfiledModel(DENSE.onnx(), 1, str(tmp_path)) for _ in range(3)]
    assert len({Path(prefix) for prefix in prefixes}) == len(models)
    for runs, model in enumerate(models, start=1):
        for _ in range(4 * runs):
            model.run()
    assert [len(model.nodes()[1]) for model in models] == [1, 2, 3]
