"""The half-precision kernels of this machine: exact where sums are, else within the bound of their roundings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sis_agent.native.library import Library, LibraryError
from sis_edge.errors import ExportError
from sis_edge.native import blob

from ..chains import Case, Layer, cases, pack, random_layer
from ..test_blob import CompactLayer
from ..test_chain import answers
from .bounds import long_sums, reference, whole_numbers


def direct(case: Case) -> Case:
    layers = [replace(layer, winograd=False) for layer in case.layers]
    return replace(case, layers=layers, half=True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), batch=st.integers(1, 3), threads=st.sampled_from([1, 1, 3]))
def test_every_chain_keeps_the_bound(library: Library, case: Case, batch: int, threads: int) -> None:
    case = direct(case)
    images = case.images(batch)
    expected, bound = reference(case, images)
    for name in library.half_instruction_sets():
        found = answers(library, case, images, name, threads)
        assert found.shape == expected.shape
        assert (np.abs(found - expected) <= bound).all(), name


@pytest.mark.parametrize("side", [1, 2, 3, 7, 8, 9, 17])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_whole_numbers_are_exact(library: Library, side: int, kernel: int) -> None:
    rng = np.random.default_rng(side)
    case = Case([random_layer(rng, 3, 14, kernel, 0.5, pool=2 if side in (3, 7) else 1)], side + 1, side, average=False)
    case, images = whole_numbers(case)
    expected, _ = reference(case, images)
    assert np.abs(expected).max() <= 2048, "fp16 has every whole number up to here"
    for name in library.half_instruction_sets():
        assert np.array_equal(answers(library, case, images, name), expected), name


@pytest.mark.parametrize("kernel", [1, 3, 5, 9])
def test_long_sums_lose_no_terms(library: Library, kernel: int) -> None:
    case, images, total = long_sums(kernel)
    for name in library.half_instruction_sets():
        found = answers(library, case, images, name)
        assert (found[0, :, 4, 4] == total).all(), "fp16 alone ends at 2048: 2048 + 1 is 2048"


def test_the_bias_is_float32_and_too_large_a_result_is_infinite(library: Library) -> None:
    layer = Layer(np.ones((2, 1, 1, 1), np.float32), np.array([-65536.0, 65536.0], np.float32), relu=False)
    case = Case([layer], 4, 4, average=True, half=True)
    images = np.full((1, *case.shape), 60000, np.float32)
    for name in library.half_instruction_sets():
        assert answers(library, case, images, name).ravel().tolist() == [60000 - 65536.0, np.inf]


def test_kernels_that_convert_run_only_where_they_are_named(library: Library) -> None:
    assert library.half_instruction_sets()[-1] == "portable"
    case = direct(Case([random_layer(np.random.default_rng(0), 2, 3, 3, 1.0)], 4, 4, average=True))
    library.chain(pack(case), "portable").close()
    if "neon-fp16" not in library.half_instruction_sets():
        with pytest.raises(
            LibraryError, match="does not run the fp16 instruction set neon-fp16; use the network in fp32"
        ):
            library.chain(pack(case))
    with pytest.raises(LibraryError, match="does not run the fp16 instruction set avx512"):
        library.chain(pack(case), "avx512")


def test_maps_take_half_the_memory(library: Library) -> None:
    case = Case([random_layer(np.random.default_rng(0), 8, 64, 5, 0.5)], 32, 32, average=True)
    sizes = []
    for each, name in ((case, "portable"), (direct(case), "portable")):
        with library.chain(pack(each), name) as chain:
            sizes.append(chain.scratch_bytes())
    assert 0.45 < sizes[1] / sizes[0] < 0.6


def test_what_half_precision_cannot_say_is_refused_at_both_ends(library: Library) -> None:
    case = direct(Case([random_layer(np.random.default_rng(0), 2, 3, 3, 1.0)], 4, 4, average=True))
    transformed = replace(case, layers=[replace(case.layers[0], winograd=True)])
    large = replace(case, layers=[replace(case.layers[0], weight=case.layers[0].weight * np.float32(1e6))])
    for wrong, sentence in (
        (transformed, "uses Winograd's algorithm, which half precision is too coarse for"),
        (large, "has the weight .*, and half precision ends at 65,?504"),
    ):
        with pytest.raises(LibraryError, match="layer 0.* " + sentence):
            library.chain(pack(wrong), "portable")
        layer = CompactLayer(wrong.layers[0], 4)
        with pytest.raises(ExportError, match="layer x " + sentence):
            blob.encode([layer], None, True, [wrong.layers[0].winograd], half=True)


def test_encode_writes_the_described_bytes() -> None:
    case = direct(Case([random_layer(np.random.default_rng(0), 3, 6, 3, 0.2)], 8, 8, average=True))
    assert blob.encode([CompactLayer(case.layers[0], 8)], global_average=True, half=True) == pack(case)
