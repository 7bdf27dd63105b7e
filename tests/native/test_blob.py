"""Blobs: written as described, and refused with a sentence where they are not."""

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sis_agent.native.library import Library, LibraryError
from sis_edge.native import blob
from sis_edge.spec import LayerSpec

from .chains import Case, Layer, pack, random_layer


def chain_case() -> Case:
    rng = np.random.default_rng(2)
    layers = [random_layer(rng, 3, 6, 3, 0.5, pool=2), random_layer(rng, 6, 4, 1, 1, relu=False)]
    return Case(layers, 8, 8, average=True)


class CompactLayer:
    def __init__(self, layer: Layer, side: int) -> None:
        filters, inputs, kernel, _ = layer.weight.shape
        self.spec = LayerSpec("x", "CL", inputs, filters, kernel, side, layer.pool, is_class_layer=not layer.relu)
        self.weight, self.bias = layer.weight, layer.bias


def test_encode_writes_the_described_bytes() -> None:
    case = replace(chain_case(), layers=[random_layer(np.random.default_rng(0), 3, 6, 3, 0.2)])
    pairs = blob.existing(case.layers[0].weight)
    assert len(blob.groups(pairs)) == len(case.layers[0].weight), "this draw has no two equal neighbours"
    found = blob.encode([CompactLayer(case.layers[0], 8)], global_average=True)
    assert found == pack(case)


def test_encode_marks_the_layers_that_use_winograds_algorithm() -> None:
    case = replace(chain_case(), layers=[random_layer(np.random.default_rng(0), 3, 6, 3, 0.2)])
    marked = replace(case, layers=[replace(case.layers[0], winograd=True)])
    assert blob.encode([CompactLayer(case.layers[0], 8)], None, True, [True]) == pack(marked) != pack(case)


def test_dense_filters_become_one_group() -> None:
    assert len(blob.groups(np.ones((7, 3), dtype=bool))) == 1


def test_blocks_share_the_union_of_their_inputs() -> None:
    pairs = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=bool)
    found = blob.groups(pairs, block=2)
    assert [(group.begin, group.end, group.inputs.tolist()) for group in found] == [(0, 2, [0, 2]), (2, 3, [1])]


def test_a_block_computes_the_same_with_its_explicit_zeros(library: Library) -> None:
    case = chain_case()
    images = case.images(2)
    results = []
    for block in (1, 4, 8):
        layers = [CompactLayer(case.layers[0], 8), CompactLayer(case.layers[1], 4)]
        with library.chain(blob.encode(layers, [block, block], global_average=True)) as chain:
            outputs = np.empty((2, 4, 1, 1), np.float32)
            chain.run(images, outputs, 2)
            results.append(outputs)
    np.testing.assert_allclose(results[1], results[0], atol=1e-5)
    np.testing.assert_allclose(results[2], results[0], atol=1e-5)


HEADER, LAYER = 16, 48  # where the first layer's fields and its bias begin


def put(place: int, value: int) -> Callable[[bytes], bytes]:
    return lambda good: good[:place] + struct.pack("<I", value) + good[place + 4 :]


def second_layer() -> int:
    """Where the second layer's fields begin: its kernel is 1 x 1, of 6 inputs and 4 filters."""
    return pack(chain_case()).index(struct.pack("<3I", 1, 6, 4))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda good: b"", "not a sis-edge blob"),
        (lambda good: b"ELF!" + good[4:], "not a sis-edge blob"),
        (put(4, 9), "version 9, this library reads 1"),
        (put(8, 0), "0 layers"),
        (put(8, 5000), "5000 layers"),
        (put(8, 3), "ends before layer 2"),
        (put(8, 1), "bytes follow the last layer"),
        (put(12, 6), "unknown flags 0x6"),
        (put(HEADER, 4), "layer 0 has kernels of side 4"),
        (put(HEADER, 33), "layer 0 has kernels of side 33"),
        (put(HEADER + 4, 0), "layer 0 has 0 inputs"),
        (put(HEADER + 8, 70000), "70000 filters"),
        (put(HEADER + 12, 5000), "map of 5000 x 8"),
        (put(HEADER + 20, 9), "pools its map of 8 x 8 by 9"),
        (put(HEADER + 20, 1), "layer 1 takes 6 maps of 4 x 4, which the layer before does not give"),
        (put(HEADER + 24, 2), "unknown flags 0x2"),
        (put(HEADER + 24, 0x31), "unknown flags 0x31"),
        (
            lambda good: put(HEADER, 7)(put(HEADER + 24, 17)(good)),
            "Winograd's algorithm with kernels of side 7; 3 and 5",
        ),
        (put(second_layer() + 24, 16), "layer 1 uses Winograd's algorithm with kernels of side 1"),
        (put(HEADER + 28, 7), "7 groups for 6 filters"),
        (put(LAYER, 0x7FC00000), "a bias that is not a finite number"),
        (put(LAYER + 24, 7), "group 0 has 7 filters, and 6 are left"),
        (put(LAYER + 28, 4), "group 0 has 4 inputs of 3"),
        (lambda good: good[:60], "ends within layer 0"),
        (lambda good: good[:-1], "ends within layer 1"),
        (lambda good: good[:-4] + struct.pack("<f", np.inf), "a weight that is not a finite number"),
    ],
)
def test_a_malformed_blob_is_refused_with_a_sentence(
    library: Library, damage: Callable[[bytes], bytes], sentence: str
) -> None:
    with pytest.raises(LibraryError, match=sentence):
        library.chain(damage(pack(chain_case())))


def test_inputs_must_rise(library: Library) -> None:
    case = Case([random_layer(np.random.default_rng(0), 3, 1, 1, 1)], 4, 4, average=True)
    good = pack(case)
    inputs = LAYER + 4 + 8  # behind the bias of one filter and the group's two counts
    assert struct.unpack_from("<3I", good, inputs) == (0, 1, 2)
    for wrong in ((0, 0, 2), (0, 2, 1), (0, 1, 3)):
        with pytest.raises(LibraryError, match="where a larger one below 3 is needed"):
            library.chain(good[:inputs] + struct.pack("<3I", *wrong) + good[inputs + 12 :])
