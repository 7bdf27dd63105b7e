"""Outputs of the user's own networks against expected ones, and accuracy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sis_agent.protocol import ProblemError
from sis_agent.runners import inputs
from sis_agent.runners.base import Runner
from sis_agent.worker import tensors

NAN, INF = float("nan"), float("inf")


def check(given: Any, expected: Any, tolerance: float = 0.0, relative: float = 0.0) -> Any:
    return tensors.golden_check({"y": np.asarray(given)}, {"y": np.asarray(expected)}, 1, tolerance, relative)


@pytest.mark.parametrize(
    ("tolerance", "relative", "passed"), [(0.1, 0.0, False), (1.0, 0.0, True), (0.0, 0.01, True), (0.0, 0.009, False)]
)
def test_the_tolerances_add_up_for_each_value(tolerance: float, relative: float, passed: bool) -> None:
    found = check([101.0, 0.0], [100.0, 0.0], tolerance, relative)
    assert (found.max_abs_difference, found.mean_abs_difference, found.passed) == (1.0, 0.5, passed)


def test_a_share_of_a_small_value_is_small() -> None:
    assert not check([100.0, 1.0], [100.0, 0.0], relative=0.1).passed
    assert check([100.0, 1.0], [100.0, 0.0], tolerance=0.5, relative=0.1).passed is False


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_not_finite_must_be_expected(value: float) -> None:
    assert check([1.0, value], [1.0, value]).passed
    for given, expected in (([value], [1.0]), ([1.0], [value]), ([value], [3.0 if value != value else -value])):
        with pytest.raises(ProblemError, match="'y' has NaN or infinity for 1 of 1") as caught:
            check(given, expected, 1e9)
        assert caught.value.problem.code == "bad-outputs"


def test_whole_numbers_truth_values_and_texts() -> None:
    assert check(np.array([2], np.uint8), np.array([5], np.uint8), 3).max_abs_difference == 3
    assert not check([True], [False]).passed
    assert check(["a", "b"], ["a", "b"]).passed
    assert not check(np.array(["a", "c"], dtype=object), ["a", "b"], 10.0).passed


def test_all_expected_outputs_count_and_others_do_not() -> None:
    outputs = {"a": np.zeros((1, 3), np.float32), "b": np.ones(1), "list": [{}]}
    found = tensors.golden_check(outputs, {"b": np.zeros(1), "a": np.zeros((1, 3))}, 1, 0.5, 0)
    assert (found.max_abs_difference, found.mean_abs_difference, found.passed) == (1.0, 0.25, False)
    assert tensors.golden_check(outputs, {"b": np.ones(1)}, 1, 0, 0).top1_agreement is None
    for name in ("c", "list"):
        with pytest.raises(ProblemError, match=f"no tensor output '{name}', which is expected; it has a, b"):
            tensors.golden_check(outputs, {name: np.zeros(1)}, 1, 0, 0)
    with pytest.raises(ProblemError, match=r"'a' has the shape \[1, 3\], the expected one \[3\]"):
        tensors.golden_check(outputs, {"a": np.zeros(3)}, 1, 0, 0)
    with pytest.raises(ProblemError, match="hold no output"):
        tensors.golden_check(outputs, {}, 1, 0, 0)


def test_another_class_on_top_is_reported() -> None:
    found = check(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), 2.0)
    assert (found.top1_agreement, found.passed) == (0.5, True)


def test_top_1_and_top_5() -> None:
    scores = np.tile(np.arange(8, dtype=np.float32), (4, 1))
    found = tensors.accuracy({"y": scores}, np.array([7, 3, 2, 7]))
    assert (found.correct, found.wrong, found.correct_top5) == (2, [1, 2], 3)
    assert tensors.accuracy({"y": scores[:, :5]}, np.array([4, 0, 0, 0])).correct_top5 is None


@pytest.mark.parametrize(
    ("output", "labels", "text"),
    [
        (np.zeros((2, 3, 4), np.float32), [0, 0], r"'y' is float32 \[2, 3, 4\], and accuracy needs class scores"),
        (np.zeros((2, 3), np.int64), [0, 0], r"'y' is int64 \[2, 3\]"),
        (np.zeros((2, 3), np.float32), [0], r"labels are int64 \[1\], and the output 'y' has 2 rows"),
        (np.zeros((2, 3), np.float32), [0.0, 1.0], r"labels are float64 \[2\]"),
        (np.zeros((2, 3), np.float32), [0, 3], "from 0 to 3, and the output 'y' has 3 classes"),
        (np.zeros((2, 3), np.float32), [-1, 0], "from -1 to 0"),
        (np.full((2, 3), NAN, np.float32), [0, 0], "NaN or infinity"),
    ],
)
def test_what_has_no_accuracy_is_named(output: Any, labels: Any, text: str) -> None:
    with pytest.raises(ProblemError, match=text):
        tensors.accuracy({"y": output}, np.asarray(labels))


def test_a_damaged_file_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "inputs.npz"
    np.savez(path, a=np.zeros(3), b=np.float32(1))
    assert {name: value.shape for name, value in tensors.load(str(path)).items()} == {"a": (3,), "b": ()}
    np.save(tmp_path / "one.npy", np.zeros(3))
    for content in (b"", path.read_bytes()[:100], b"nonsense", (tmp_path / "one.npy").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ProblemError, match="push the bundle again"):
            tensors.load(str(path))


def test_a_runner_that_knows_images_only_says_so() -> None:
    with pytest.raises(ProblemError, match="images as input only; use another for") as caught:
        Runner().load_tensors("m.onnx", {}, {})
    assert caught.value.problem.code == "bad-model"


def test_open_sizes_take_any_rows() -> None:
    wanted = [inputs.NetworkInput("a", None, [None, -1, "n"]), inputs.NetworkInput("b", "str", None)]
    given = {"a": np.zeros((2, 3, 4)), "b": np.array(["x"])}
    assert inputs.check("m", wanted, given) is None
    with pytest.raises(ProblemError, match="is str of any shape, and float64"):
        inputs.check("m", wanted, {**given, "b": np.zeros(1)})
