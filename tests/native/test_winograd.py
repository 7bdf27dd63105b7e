"""Winograd's algorithm: its matrices in rationals, its kernels against a bound that follows from them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sis_agent.native.library import Library
from sis_edge.native import geometry, winograd
from sis_edge.native.choice import Choice
from sis_edge.spec import LayerSpec

from .chains import Array, Case, Layer, random_layer, reference
from .test_chain import TOLERANCE, answers

rationals = st.fractions(min_value=-8, max_value=8, max_denominator=16)


@settings(max_examples=10, deadline=None)
@given(data=st.data(), size=st.sampled_from([(4, 5), (4, 3), (2, 3), (6, 3), (1, 3)]))
def test_the_matrices_convolve_exactly(data: st.DataObject, size: tuple[int, int]) -> None:
    outputs, taps = size
    back, kernel, pixels = winograd.matrices(outputs, taps)
    count = outputs + taps - 1
    d = data.draw(st.lists(rationals, min_size=count, max_size=count))
    g = data.draw(st.lists(rationals, min_size=taps, max_size=taps))
    products = [dot(row, g) * dot(other, d) for row, other in zip(kernel, pixels, strict=True)]
    assert [dot(row, products) for row in back] == [dot(d[at : at + taps], g) for at in range(outputs)]


def dot(one: "list[Fraction] | tuple[Fraction, ...]", two: "list[Fraction]") -> Fraction:
    return sum((a * b for a, b in zip(one, two, strict=True)), Fraction(0))


def bound(layer: Layer, images: Array) -> NDArray[np.float64]:
    """How far float32 may be from the exact result, [N, F, H, W].

    Every number on the way is a sum of products of entries of |A|, |G|, |g|, |B| and |d|: each of at most
    `steps` roundings adds 2**-24 of that sum (Higham, Accuracy and Stability, 3.1).
    """
    filters, inputs, side, _ = layer.weight.shape
    rows, columns, half = winograd.TILE_ROWS[side], winograd.TILE_WIDTH, side // 2
    (down_a, down_g, down_b), (a, g, b) = (
        [np.abs(np.array([[float(entry) for entry in row] for row in matrix])) for matrix in winograd.matrices(m, side)]
        for m in (rows, columns)
    )
    count, _, height, width = images.shape
    high, wide = -(-height // rows), -(-width // columns)
    framed = np.zeros((count, inputs, high * rows + side - 1, wide * columns + side - 1))
    framed[:, :, half : half + height, half : half + width] = np.abs(images)
    weights = down_g @ np.abs(layer.weight.astype(np.float64)) @ g.T
    found = np.zeros((count, filters, high * rows, wide * columns))
    for y in range(high):
        for x in range(wide):
            pixels = framed[:, :, y * rows : (y + 1) * rows + side - 1, x * columns : (x + 1) * columns + side - 1]
            products = np.einsum("fiab,niab->nfab", weights, down_b @ pixels @ b.T)
            found[:, :, y * rows : (y + 1) * rows, x * columns : (x + 1) * columns] = down_a @ products @ a.T
    steps = inputs + 2 * (side + 2 * (side + 3)) + 2
    return 2.0**-24 * steps * (found[:, :, :height, :width] + np.abs(layer.bias)[:, None, None])


SIDES = [1, 3, 4, 8, 13, 16, 33]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kernel", [3, 5])
def test_the_error_keeps_the_bound_that_follows_from_the_matrices(library: Library, side: int, kernel: int) -> None:
    rng = np.random.default_rng(side)
    for share, block, width in ((0.3, 1, side), (0.3, 14, side), (1.0, 14, side + 1)):
        layer = replace(random_layer(rng, 5, 14, kernel, share, relu=False), winograd=True)
        case = Case([layer], side, width, average=False, block=block)
        images = case.images(2)
        for name in library.instruction_sets():
            error = np.abs(answers(library, case, images, name) - reference(case, images))
            assert (error <= bound(layer, images)).all(), name


@pytest.mark.parametrize(("kernel", "side"), [(3, 8), (3, 32), (5, 8), (5, 16)])
@pytest.mark.parametrize("share", [0.2, 1.0])
def test_wide_layers_answer_as_direct_ones(library: Library, kernel: int, side: int, share: float) -> None:
    """Many inputs and filters: several packs, filters that share inputs, and some without any kernel."""
    layer = random_layer(np.random.default_rng(kernel), 40, 37, kernel, share, pool=2)
    layer.weight[[0, 20, 36]] = 0
    cases = [Case([replace(layer, winograd=each)], side, side, average=False) for each in (False, True)]
    images = cases[0].images(1)
    for name in library.instruction_sets():
        direct, transformed = (answers(library, case, images, name) for case in cases)
        np.testing.assert_allclose(transformed, direct, atol=TOLERANCE, err_msg=name)
        assert not np.array_equal(transformed, direct), "another algorithm rounds otherwise"


def test_the_same_bits_in_any_batch_and_on_any_number_of_threads(library: Library) -> None:
    rng = np.random.default_rng(3)
    layers = [
        replace(random_layer(rng, 3, 40, 5, 0.5, pool=2), winograd=True),
        random_layer(rng, 40, 30, 1, 1),
        replace(random_layer(rng, 30, 29, 3, 0.4), winograd=True),
    ]
    case = Case(layers, 32, 32, average=True)
    images = case.images(9)
    one = answers(library, case, images, "", threads=1)
    for threads in (2, 3, 8):
        assert np.array_equal(one, answers(library, case, images, "", threads))
    for batch in range(1, 9):
        assert np.array_equal(one[:batch], answers(library, case, images[:batch], "", 2))


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_strange_pixel_reaches_no_further_than_the_tiles_that_see_it(library: Library, kernel: int) -> None:
    rng = np.random.default_rng(5)
    weight = rng.random((6, 2, kernel, kernel)).astype(np.float32) + 0.1
    weight[3:, 0] = 0  # filters 3 to 5 do not see the first input
    case = Case([Layer(weight, np.zeros(6, np.float32), relu=False, winograd=True)], 20, 20, average=False)
    clean = case.images(3)
    images = clean.copy()
    images[1, 0, 9, 9] = np.nan
    rows, half = winograd.TILE_ROWS[kernel], kernel // 2
    first, last = (9 - half) // rows * rows, ((9 + half) // rows + 1) * rows
    for name in library.instruction_sets():
        before, after = answers(library, case, clean, name), answers(library, case, images, name)
        assert np.array_equal(before[[0, 2]], after[[0, 2]])
        assert np.array_equal(before[1, 3:], after[1, 3:])
        same = before[1, :3] == after[1, :3]
        assert same[:, :first].all()
        assert same[:, last:].all()
        assert not np.isfinite(after[1, :3, 9 - half : 10 + half, 9 - half : 10 + half]).any()


def test_tiles_are_cut_as_the_kernels_cut_them() -> None:
    avx512, avx2 = (geometry.instruction_set(name) for name in ("avx512", "avx2"))
    sparse = np.tile(np.eye(96, dtype=bool), (2, 1))
    layer = LayerSpec("C2", "CL", 96, 192, 5, 16)
    found = winograd.tiles(avx512, layer, sparse)
    assert (found.vectors, found.chunk, found.quads, found.together, found.groups) == (4, 4, 16, 1, 16)
    few = replace(layer, inputs=24)
    assert winograd.tiles(avx512, few, np.tile(np.eye(24, dtype=bool), (8, 1))).together == 4
    assert winograd.tiles(avx512, few, np.ones((192, 24), bool)).together == 1, "they share their inputs"
    small = winograd.tiles(avx512, LayerSpec("C3", "CL", 192, 192, 3, 8), np.eye(192, dtype=bool))
    assert (small.vectors, small.quads, small.together, small.groups) == (2, 6, 2, 3)
    assert winograd.tiles(avx2, layer, sparse).vectors == 8


def test_it_seems_to_pay_where_many_kernels_share_the_transforms() -> None:
    layer = LayerSpec("C2", "CL", 96, 192, 5, 16)
    draw = np.random.default_rng(0).random((192, 96))
    assert winograd.seems_to_pay(layer, draw < 0.25)
    assert not winograd.seems_to_pay(layer, draw < 0.02)
    assert not winograd.seems_to_pay(replace(layer, kernel=7), draw < 1)


def test_what_it_saves() -> None:
    layer = LayerSpec("C2", "CL", 96, 192, 5, 16)
    assert winograd.saved_macs(layer, 10) == 10 * (25 * 16 * 16 - 4 * 4 * 8 * 8)
    assert winograd.saved_macs(replace(layer, kernel=3, map_side=5), 1) == 9 * 5 * 5 - 3 * 2 * 4 * 6
    assert winograd.saved_macs(replace(layer, map_side=1), 7) == 0
    choice = Choice(layer, 0.5, "native", 1, "faster", winograd=True)
    assert choice.saved_macs == 96 * 96 * (6400 - 1024)
    assert replace(choice, winograd=False).saved_macs == replace(choice, kind="dense").saved_macs == 0
