"""Native networks with branches against ONNX Runtime, for every instruction set that this machine has."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sis_agent.native.library import Library, LibraryError
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.formation import Formation
from sis_edge.networks.architectures import mobilenet_small, resnet20
from sis_edge.spec import LayerSpec

from .graphs import Array, formed, images, networks, pack, reference, weighted

TOLERANCE = 1e-4


def answers(library: Library, network: CompactNetwork, x: Array, instruction_set: str, threads: int = 1) -> Array:
    with library.chain(pack(network), instruction_set) as chain:
        outputs = np.full((len(x), *chain.output_shape), np.nan, dtype=np.float32)
        for _ in range(2):  # the second run finds what the first left in its memory
            chain.run(x, outputs, len(x), threads)
        return outputs


def check(library: Library, network: CompactNetwork, batch: int = 2, threads: int = 1) -> None:
    x = images(network, batch)
    expected = reference(network, x)
    scale = max(1.0, float(np.abs(expected).max()))
    for name in library.instruction_sets():
        found = answers(library, network, x, name, threads)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= TOLERANCE * scale, name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks(), batch=st.integers(1, 3), threads=st.sampled_from([1, 1, 2]))
def test_every_network_answers_as_onnx_runtime(
    library: Library, network: CompactNetwork, batch: int, threads: int
) -> None:
    check(library, network, batch, threads)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 49, 64, 95, 96, 97])
@pytest.mark.parametrize("stride", [1, 2])
def test_sides_around_the_width_of_vectors(library: Library, side: int, stride: int) -> None:
    layers = (
        LayerSpec("a", "CL", 2, 5, 3, side),
        LayerSpec("b", "CL", 5, 5, 3, side, stride=stride, groups=5, activation="relu6", adds="a"),
    )
    last = layers[-1].out_side
    point = LayerSpec("c", "MP", 5, 7, 1, last, activation="none", adds="b")
    wide = LayerSpec("d", "CL", 5, 3, 3, side, stride=stride, source="a")
    check(library, weighted((*layers, point), 0.6, side))
    check(library, weighted((layers[0], wide), 0.6, side))


@pytest.mark.parametrize("network", [resnet20(side=16), mobilenet_small(side=32), mobilenet_small(side=64)])
def test_presets_answer_as_onnx_runtime(library: Library, network: object) -> None:
    check(library, formed(network, Formation(t_c=0.5, t_p=0.3, micro="kernel")), batch=1)  # type: ignore[arg-type]


def test_the_same_bits_on_any_number_of_threads(library: Library) -> None:
    network = formed(resnet20(side=16), Formation(t_c=0.25, t_p=1))
    x = images(network, 3)
    one = answers(library, network, x, "", threads=1)
    for threads in (2, 3, 8):
        assert np.array_equal(one, answers(library, network, x, "", threads))


HEADER, HEAD = 24, 36
WRONG = {
    "version 2, this library reads 1": (4, 2),
    "the blob has 0 layers": (8, 0),
    "images of 0 x 8 x 8": (12, 0),
    "kernels of side 2": (HEADER, 2),
    "the stride 3": (HEADER + 4, 3),
    "0 filters": (HEADER + 8, 0),
    "unknown activation 3": (HEADER + 12, 3),
    "pools its map of 8 x 8 by 9": (HEADER + 16, 9),
    "flags 0x8": (HEADER + 20, 8),
    "reads a later result": (HEADER + 24, 1),
    "layer 0 reads a later result": (HEADER + 28, 1),
    "0 groups": (HEADER + 32, 0),
    "is depthwise with 4 filters for 3 maps": (HEADER + 20, 1),
    "a bias that is not a finite number": (HEADER + HEAD, 0x7FC00000),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_wrong_blob_is_refused_with_a_sentence(library: Library, sentence: str) -> None:
    offset, value = WRONG[sentence]
    network = weighted((LayerSpec("a", "CL", 3, 4, 3, 8), LayerSpec("b", "CL", 4, 4, 3, 8, adds="a")), 1.0, 0)
    good = pack(network)
    library.chain(good).close()
    if "depthwise" in sentence:
        good = good[: HEADER + 32] + struct.pack("<I", 1) + good[HEADER + 36 :]
    with pytest.raises(LibraryError, match=sentence):
        library.chain(good[:offset] + struct.pack("<I", value) + good[offset + 4 :])


def test_every_cut_of_a_blob_is_refused(library: Library) -> None:
    good = pack(weighted((LayerSpec("a", "CL", 3, 2, 3, 8), LayerSpec("b", "CL", 2, 2, 3, 8, adds="a")), 1.0, 0))
    for size in range(0, len(good), 4):
        with pytest.raises(LibraryError):
            library.chain(good[:size])
    with pytest.raises(LibraryError, match="4 bytes follow the last layer"):
        library.chain(good + bytes(4))


def test_what_does_not_fit_into_a_sum_is_refused(library: Library) -> None:
    good = pack(weighted((LayerSpec("a", "CL", 3, 4, 3, 8), LayerSpec("b", "CL", 4, 2, 3, 8)), 1.0, 0))
    first_bytes = HEADER + HEAD + 16 + 8 + 12 + 4 * 3 * 4 * 9
    added = first_bytes + 28
    with pytest.raises(LibraryError, match="layer 1 adds 4 maps of 8 x 8, which do not fit into its 2 of 8 x 8"):
        library.chain(good[:added] + struct.pack("<I", 1) + good[added + 4 :])
