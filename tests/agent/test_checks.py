from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Session
from sis_agent.schema import Accuracy, Preprocess
from sis_agent.worker import checks

HOW = Preprocess([0.5, 0.4, 0.3], [0.2, 0.25, 0.3])
IMAGES = np.random.default_rng(1).integers(0, 256, (70, 3, 4, 4), dtype=np.uint8)


class MeanSession(Session):
    """A network whose logits are the channels' means, with something added."""

    def __init__(self, added: float = 0.0) -> None:
        self.added = added

    def infer(self, images: Any) -> Any:
        assert images.dtype == np.float32
        return images.mean(axis=(2, 3)) + np.float32(self.added)


def reference() -> NDArray[np.float32]:
    pixels = (IMAGES / 255.0 - np.reshape(HOW.mean, (1, 3, 1, 1))) / np.reshape(HOW.std, (1, 3, 1, 1))
    return pixels.mean(axis=(2, 3)).astype(np.float32)


def test_golden_check_passes_on_the_same_logits() -> None:
    found = checks.golden_check(MeanSession(), IMAGES, reference(), 1e-4, HOW)
    assert (found.images, found.top1_agreement, found.passed) == (70, 1.0, True)
    assert 0 <= found.mean_abs_difference <= found.max_abs_difference < 1e-5


def test_golden_check_measures_the_difference() -> None:
    found = checks.golden_check(MeanSession(added=0.25), IMAGES, reference(), 0.2, HOW)
    assert found.max_abs_difference == pytest.approx(0.25, abs=1e-5)
    assert found.top1_agreement == 1.0
    assert not found.passed


def test_one_logit_beyond_the_tolerance_fails() -> None:
    """The largest difference decides, however small the mean is."""
    off = reference()
    off[3, off[3].argmin()] -= 0.25
    found = checks.golden_check(MeanSession(), IMAGES, off, 0.2, HOW)
    assert found.max_abs_difference == pytest.approx(0.25, abs=1e-5)
    assert found.mean_abs_difference < 0.01
    assert (found.top1_agreement, found.passed) == (1.0, False)


def test_another_class_on_top_fails_whatever_the_tolerance() -> None:
    wrong = reference()
    wrong[3] = wrong[3][::-1]
    found = checks.golden_check(MeanSession(), IMAGES, wrong, 1e6, HOW)
    assert found.top1_agreement == pytest.approx(69 / 70)
    assert not found.passed


def test_not_finite_logits_are_a_problem() -> None:
    with pytest.raises(ProblemError, match="70 of 70") as caught:
        checks.golden_check(MeanSession(added=float("nan")), IMAGES, reference(), 1e-4, HOW)
    assert caught.value.problem.code == "bad-logits"


def test_another_shape_is_a_problem() -> None:
    with pytest.raises(ProblemError, match=r"\(70, 3\)"):
        checks.golden_check(MeanSession(), IMAGES, reference()[:, :2], 1e-4, HOW)


def test_accuracy_counts_and_reports_progress() -> None:
    labels = reference().argmax(axis=1)
    labels[:7] = (labels[:7] + 1) % 3
    steps: list[tuple[int, int]] = []
    found = checks.accuracy(MeanSession(), IMAGES, labels, HOW, lambda done, of: steps.append((done, of)))
    assert found == Accuracy(images=70, correct=63, wrong=[0, 1, 2, 3, 4, 5, 6])
    assert steps == [(32, 70), (64, 70), (70, 70)]
    with pytest.raises(ProblemError, match="70 test images and 69 labels"):
        checks.accuracy(MeanSession(), IMAGES, labels[:69], HOW, lambda done, of: None)


def test_float_images_are_taken_as_they_are() -> None:
    ready = np.ones((2, 3, 4, 4), dtype=np.float64)
    found = checks.preprocess(ready, HOW)
    assert found.dtype == np.float32
    assert (found == 1).all()


@pytest.mark.parametrize("batch_size", [1, 70, 150])
def test_the_timed_batch_is_real_images(batch_size: int) -> None:
    batch = checks.timing_batch(IMAGES, batch_size, HOW)
    assert batch.shape == (batch_size, 3, 4, 4)
    assert batch.flags["C_CONTIGUOUS"]
    assert (batch[0] == checks.preprocess(IMAGES[:1], HOW)[0]).all()
    assert (batch[-1] == checks.preprocess(IMAGES, HOW)[(batch_size - 1) % 70]).all()


def test_a_damaged_array_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "inputs.npy"
    for content in (b"", b"\x93NUMPY\x01\x00v\x00", b"nonsense"):
        path.write_bytes(content)
        with pytest.raises(ProblemError, match="push the bundle again"):
            checks.load_array(str(path))
    np.save(path, np.array([object()]), allow_pickle=True)
    with pytest.raises(ProblemError, match="push the bundle again"):
        checks.load_array(str(path))
