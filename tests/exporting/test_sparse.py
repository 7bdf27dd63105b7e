"""What is checked of a network with native nodes before it is bundled, without compiling anything."""

import platform
from pathlib import Path

import numpy as np
import pytest
from native.test_costs import calibration

from sis_edge import profiles
from sis_edge.errors import ExportError
from sis_edge.exporting import parity, sparse
from sis_edge.exporting.sparse import Engine
from sis_edge.native import build

IMAGES = np.zeros((4, 3, 8, 8), np.float32)
LOGITS = np.eye(4, dtype=np.float32)
LABELS = [0, 1, 2, 0]


def answers(monkeypatch: pytest.MonkeyPatch, plain: np.ndarray, native: np.ndarray) -> None:
    """What the files give: the one with a library of operators is the native one."""
    monkeypatch.setattr(parity, "run_onnx", lambda path, images, library=None: plain if library is None else native)


def check(architecture: str = platform.machine()) -> dict[str, object]:
    engine = Engine(architecture, Path("library.so"), None, None)
    return sparse.check(Path("native"), Path("plain.onnx"), engine, IMAGES, LABELS)


def test_the_native_network_is_compared_with_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, LOGITS, LOGITS + np.float32(5e-5))
    found = check()
    assert found["host_accuracy"] == 0.75
    assert found["agreement"] == {
        "images": 4,
        "max_abs_difference": pytest.approx(5e-5, rel=0.01),
        "top1_agreement": 1.0,
    }


@pytest.mark.parametrize("value", [2e-4, float("nan")])
def test_a_native_network_that_answers_otherwise_is_not_bundled(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    wrong = LOGITS.copy()
    wrong[1, 2] += value
    answers(monkeypatch, LOGITS, wrong)
    with pytest.raises(ExportError, match=r"sparse\.onnx differs from the plain network by up to"):
        check()


def test_a_library_of_another_architecture_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, LOGITS, LOGITS)
    found = check("riscv64")
    assert (found["host_accuracy"], found["agreement"]) == (None, None)
    assert "the library is for riscv64" in str(found["unchecked"])


@pytest.mark.parametrize(("profile", "is_used"), [("x86-64", True), ("raspberry-pi-5", False)])
def test_a_calibration_is_used_for_its_own_architecture(
    profile: str, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "library", lambda architecture: Path(architecture, "library.so"))
    assert calibration().library.startswith("x86_64-")
    found = sparse.engine(profiles.load(profile), calibration)
    assert (found.calibration is not None) is is_used
