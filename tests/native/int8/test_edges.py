"""Where INT8 could go wrong: saturation at both ends, zero points, empty filters, NaN, threads."""

from dataclasses import replace

import numpy as np
import pytest

from sis_agent.native.library import Library, LibraryError
from sis_edge.native.int8 import MOST_VALUE, Int8Chain, Int8Layer, reference
from sis_edge.native.int8.blob import encode

from .cases import Array, answers, images_of, random_chain, random_layer


def same_everywhere(library: Library, chain: Int8Chain, images: Array) -> Array:
    """The answer, which must be the same bits on all instruction sets and by numpy."""
    expected = reference.run(chain, images)
    for name in library.int8_instruction_sets():
        assert np.array_equal(answers(library, chain, images, name), expected), name
    return expected


def constant_chain(weight: int, pixel: float, kernel: int, inputs: int = 64) -> tuple[Int8Chain, Array]:
    """Two layers whose every weight is the same, on images whose every pixel is."""
    first = Int8Layer(np.full((5, 1, 1, 1), 127, np.int8), np.zeros(5, np.int32), np.full(5, 1 / 127, np.float32))
    first = replace(first, weight=np.repeat(first.weight, inputs, axis=1), multiplier=first.multiplier / inputs)
    second = Int8Layer(
        np.full((3, 5, kernel, kernel), weight, np.int8), np.zeros(3, np.int32), np.full(3, 1, np.float32), relu=False
    )
    chain = Int8Chain((first, second), 9, 9, np.float32(1), 0, global_average=False)
    return chain, np.full((1, inputs, 9, 9), pixel, np.float32)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("weight", [127, -127])
def test_the_largest_products_do_not_saturate(library: Library, weight: int, kernel: int) -> None:
    """All values and weights at their ends: with values of eight bits AVX2's sums of two products leave 16 bits."""
    chain, images = constant_chain(weight, 1e9, kernel)
    found = same_everywhere(library, chain, images)
    assert found[0, 0, 4, 4] == weight * MOST_VALUE * 5 * kernel**2


@pytest.mark.parametrize(("gain", "value"), [(1e3, 127), (-1e3, 0)])
def test_results_saturate_at_both_ends(library: Library, gain: float, value: int) -> None:
    rng = np.random.default_rng(0)
    weight = np.full((4, 3, 3, 3), 100 if gain > 0 else -100, np.int8)
    narrow = Int8Layer(weight, np.zeros(4, np.int32), np.full(4, 100, np.float32), relu=False, zero=64)
    read = Int8Layer(np.ones((1, 4, 1, 1), np.int8), np.zeros(1, np.int32), np.ones(1, np.float32), relu=False)
    chain = Int8Chain((narrow, read), 10, 10, np.float32(10), 5, global_average=False)
    images = np.abs(rng.standard_normal((2, 3, 10, 10))).astype(np.float32) + 1
    found = same_everywhere(library, chain, images)
    assert np.unique(found).tolist() == [4 * (value - 64)]


@pytest.mark.parametrize("zero", [0, 1, 64, 127])
@pytest.mark.parametrize("kernel", [1, 3, 5, 9])
def test_beyond_the_map_is_the_zero_point(library: Library, zero: int, kernel: int) -> None:
    rng = np.random.default_rng(zero)
    layers = [random_layer(rng, 3, 6, kernel, 0.6, relu=False), random_layer(rng, 6, 5, kernel, 0.6, relu=False)]
    layers[0] = replace(layers[0], zero=zero)
    for side in (4, 6, 8, 16, 20):
        chain = replace(random_chain(rng, list(layers), side, side, average=False), zero=zero)
        same_everywhere(library, chain, images_of(chain, 1))


def test_ties_are_rounded_to_even(library: Library) -> None:
    weight = np.eye(4, dtype=np.int8)[:, :, None, None]
    half = Int8Layer(weight, np.zeros(4, np.int32), np.full(4, 0.5, np.float32))
    read = Int8Layer(weight, np.zeros(4, np.int32), np.ones(4, np.float32), relu=False)
    chain = Int8Chain((half, read), 1, 1, np.float32(1), 0, global_average=False)
    images = np.array([1, 3, 5, 7], np.float32).reshape(1, 4, 1, 1)
    assert same_everywhere(library, chain, images).ravel().tolist() == [0, 2, 2, 4]


def test_a_filter_without_kernels_answers_its_bias(library: Library) -> None:
    weight = np.zeros((6, 2, 5, 5), np.int8)
    layer = Int8Layer(weight, np.arange(-2, 4, dtype=np.int32), np.full(6, 0.5, np.float32))
    chain = Int8Chain((layer,), 6, 6, np.float32(1), 3, global_average=False)
    found = same_everywhere(library, chain, images_of(chain, 1))
    assert found[0, :, 0, 0].tolist() == [0, 0, 0, 0.5, 1, 1.5]


@pytest.mark.parametrize(("strange", "like"), [(np.nan, -1e30), (np.inf, 1e30), (-np.inf, -1e30)])
def test_strange_pixels_are_the_nearest_values(library: Library, strange: float, like: float) -> None:
    rng = np.random.default_rng(5)
    chain = random_chain(rng, [random_layer(rng, 2, 6, 3, 1.0)], 12, 12, average=False)
    images = images_of(chain, 1)
    usual = images.copy()
    images[0, 0, 5, 5], usual[0, 0, 5, 5] = strange, like
    assert np.array_equal(same_everywhere(library, chain, images), same_everywhere(library, chain, usual))


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("pool", [1, 2, 3])
def test_pooling_and_relu_of_the_last_layer(library: Library, pool: int, average: bool) -> None:
    rng = np.random.default_rng(pool)
    for side in (7, 16, 19):
        chain = random_chain(rng, [random_layer(rng, 3, 9, 3, 0.5, pool=pool)], side, side, average)
        same_everywhere(library, chain, images_of(chain, 2))


def test_wide_maps_are_read_in_parts(library: Library) -> None:
    rng = np.random.default_rng(1)
    layers = [random_layer(rng, 1, 2, 5, 1.0, pool=2), random_layer(rng, 2, 1, 5, 1.0)]
    chain = random_chain(rng, layers, 70, 1024, average=False)
    same_everywhere(library, chain, images_of(chain, 1))


def test_far_pooling_leads_to_narrow_maps(library: Library) -> None:
    rng = np.random.default_rng(1)
    layers = [random_layer(rng, 1, 5, 1, 1.0, pool=40), random_layer(rng, 5, 3, 5, 1.0)]
    chain = random_chain(rng, layers, 330, 330, average=False)
    same_everywhere(library, chain, images_of(chain, 1))


def test_the_same_bits_on_any_number_of_threads(library: Library) -> None:
    rng = np.random.default_rng(3)
    layers = [random_layer(rng, 3, 40, 5, 0.5, pool=2), random_layer(rng, 40, 30, 1, 1), random_layer(rng, 30, 9, 3, 1)]
    chain = random_chain(rng, layers, 32, 32, average=True)
    images = images_of(chain, 9)
    one = answers(library, chain, images, "", threads=1)
    for threads in (2, 3, 8):
        assert np.array_equal(one, answers(library, chain, images, "", threads))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_profile_names_the_layer_of_each_stage(library: Library, threads: int) -> None:
    rng = np.random.default_rng(9)
    layers = [random_layer(rng, 3, 8, 3, 1, pool=2), random_layer(rng, 8, 4, 1, 1)]
    chain = random_chain(rng, layers, 16, 16, average=True)
    with library.chain(encode(chain)) as running:
        outputs = np.empty((1, 4, 1, 1), np.float32)
        stages = running.profile(images_of(chain, 1), outputs, threads)
    assert {layer for layer, _ in stages} == {0, 1}
    assert np.array_equal(outputs, reference.run(chain, images_of(chain, 1)))


def test_an_unknown_instruction_set_is_refused(library: Library) -> None:
    rng = np.random.default_rng(0)
    chain = random_chain(rng, [random_layer(rng, 1, 1, 1, 1)], 4, 4, average=True)
    with pytest.raises(LibraryError, match=r"does not run the INT8 instruction set avx512$"):
        library.chain(encode(chain), "avx512")
