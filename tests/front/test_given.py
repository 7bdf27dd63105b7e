"""Models of the user's own by the front door: arrays instead of files, names, and what does not fit."""

from pathlib import Path

import numpy as np
import pytest
from given_models import write

import sis_edge
from sis_edge.bundles.verify import verify
from sis_edge.errors import UsageError


def test_arrays_are_inputs_expectations_and_labels(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    inputs = {"image": numbers.standard_normal((4, 3, 16, 16)).astype(np.float32), "ids": np.arange(20).reshape(4, 5)}
    said: list[str] = []
    made = sis_edge.bundle_onnx(
        {"mine": write("two", tmp_path), "other": write("residual", tmp_path)},
        inputs=inputs,
        expected={"scores": np.zeros((4, 10), np.float32)},
        labels=np.array([0, 1, 2, 9]),
        tolerance=2.0,
        reference="other",
        folder=tmp_path / "build",
        on_note=said.append,
    )
    manifest = verify(made.path).manifest
    assert (manifest.reference, [each.name for each in manifest.given]) == ("other", ["mine", "other"])
    mine = manifest.given[0]
    assert (mine.inputs_are_random, mine.expected_from, mine.golden_tolerance) == (False, "given by the user", 2.0)
    with np.load(made.path / mine.inputs) as stored:
        assert all((stored[name] == array).all() for name, array in inputs.items())
    assert mine.labels is not None
    assert np.load(made.path / mine.labels).tolist() == [0, 1, 2, 9]
    calls = [f"{name}: each call has the 4 rows of --inputs; a latency is a call's" for name in ("mine", "other")]
    assert said == calls, "once each; zeros are within the tolerance"


def test_the_same_is_made_once_and_a_name_is_kept(tmp_path: Path) -> None:
    files = [write("residual", tmp_path)]
    first = sis_edge.bundle_onnx(files, shapes={"image": (2, 3, 16, 16)}, folder=tmp_path)
    stamp = (first.path / "manifest.json").stat().st_mtime_ns
    assert sis_edge.bundle_onnx(files, shapes={"image": (2, 3, 16, 16)}, folder=tmp_path).path == first.path
    assert (first.path / "manifest.json").stat().st_mtime_ns == stamp
    assert sis_edge.bundle_onnx(files, name="named", folder=tmp_path).path == tmp_path / "named"


def test_what_does_not_fit(tmp_path: Path) -> None:
    file = write("residual", tmp_path)
    with pytest.raises(UsageError, match=r"models is .*residual.onnx, and must be a list of files"):
        sis_edge.bundle_onnx(str(file))
    with pytest.raises(UsageError, match="no model"):
        sis_edge.bundle_onnx([], folder=tmp_path)
    with pytest.raises(UsageError, match="unknown profile 'nope'"):
        sis_edge.bundle_onnx([file], profile="nope", folder=tmp_path)
    with pytest.raises(UsageError, match="the profile local has no runtime 'tensorrt'"):
        sis_edge.measure(sis_edge.bundle_onnx([file], folder=tmp_path), backends=["tensorrt"])
