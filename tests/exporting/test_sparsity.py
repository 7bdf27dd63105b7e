"""2:4: our own test of the weights against its definition, and against Polygraphy's."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exporting.networks import images, model, preset_model, saved
from sis_edge.exporting.half import to_half
from sis_edge.exporting.quantize import quantize
from sis_edge.exporting.sparsity import is_24, weights
from sis_edge.formation import Formation


def by_definition(weight: np.ndarray) -> bool:
    """At most two of four consecutive inputs, at every filter and kernel position."""
    filters, inputs, rows, columns = weight.shape
    places = product(range(filters), range(0, inputs, 4), range(rows), range(columns))
    return all(np.count_nonzero(weight[f, i : i + 4, y, x]) <= 2 for f, i, y, x in places)


SHAPES = st.tuples(st.integers(1, 3), st.sampled_from([4, 8, 12]), st.integers(1, 3), st.integers(1, 2))


@given(hnp.arrays(np.int8, SHAPES, elements=st.integers(-1, 1).map(lambda value: value * (value > 0))))
def test_the_definition(weight: np.ndarray) -> None:
    assert is_24(weight) == by_definition(weight)


@pytest.mark.parametrize("inputs", [1, 3, 6, 23])
def test_inputs_that_do_not_come_in_fours(inputs: int) -> None:
    assert is_24(np.zeros((2, inputs, 3, 3))) is None


def test_negative_zero_is_zero() -> None:
    assert is_24(np.full((1, 4, 1, 1), -0.0))


@pytest.mark.parametrize(
    ("name", "most"),
    [("cifar10-sis1", 1), ("cifar10-sis2", 2), ("cifar10-sis3", 4), ("svhn-sis3", 1)],
)
def test_the_paper_s_networks_with_nm(tmp_path: Path, name: str, most: int) -> None:
    """t_c = 0.25 leaves one input of four, 0.5 two, 1 all; three colours do not come in fours."""
    rows = {row.layer: row for row in weights(saved(preset_model(name, "nm"), tmp_path / "nm.onnx"))}
    assert rows["C1"].is_24 is None
    assert [rows[layer].most for layer in ("C2", "C3")] == [most, most]
    assert [rows[layer].is_24 for layer in ("C2", "C3")] == [most <= 2, most <= 2]
    assert not rows["MP3b"].is_24, "the class layer is dense"
    assert rows["C2"].zeros == pytest.approx(1 - most / 4)


@pytest.mark.parametrize(("share", "most"), [(0.5, 2), (0.75, 3)])
def test_two_of_four_fit_and_three_do_not(tmp_path: Path, share: float, most: int) -> None:
    rows = {row.layer: row for row in weights(saved(model(Formation(t_c=share, conv="nm")), tmp_path / "nm.onnx"))}
    assert (rows["C2"].most, rows["C2"].is_24) == (most, most == 2)


def test_scattered_kernels_are_not_24(tmp_path: Path) -> None:
    rows = {row.layer: row for row in weights(saved(preset_model("cifar10-sis1"), tmp_path / "kernel.onnx"))}
    assert rows["C2"].zeros > 0.7
    assert rows["C2"].is_24 is False


@pytest.mark.slow
def test_polygraphy_finds_the_same_layers(tmp_path: Path) -> None:
    network = preset_model("cifar10-sis2", "nm")
    files = [
        saved(network, tmp_path / "fp32.onnx"),
        saved(to_half(network), tmp_path / "fp16.onnx"),
        tmp_path / "int8.onnx",
    ]
    quantize(files[0], files[2], images(8), "tensorrt")
    for path in files:
        done = subprocess.run(
            [Path(sys.executable).with_name("polygraphy"), "inspect", "sparsity", str(path)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr  # it says 0 for dense networks too: only its text tells
        ours = {row.weight: row.is_24 for row in weights(path) if row.is_24 is not None}
        theirs = {name: not non for non, name in re.findall(r"Found (non-)?sparse tensor: (\S+)", done.stdout)}
        assert {name: theirs.get(name) for name in ours} == ours, done.stdout
        assert any(ours.values())
