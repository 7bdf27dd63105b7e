"""INT8 blobs: written as described, and refused with a sentence where they are not."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from sis_agent.native.library import Library, LibraryError
from sis_edge.native.int8 import Int8Chain, Int8Layer
from sis_edge.native.int8.blob import encode


def small_chain() -> Int8Chain:
    first = Int8Layer(
        np.array([[[[1]], [[0]], [[-3]]], [[[0]], [[5]], [[0]]]], np.int8),
        np.array([7, -8], np.int32),
        np.array([0.5, 0.25], np.float32),
        pool=2,
    )
    last = Int8Layer(
        np.arange(-9, 9, dtype=np.int8).reshape(1, 2, 3, 3),
        np.array([100], np.int32),
        np.array([0.125], np.float32),
        relu=False,
    )
    return Int8Chain((first, last), 6, 4, np.float32(2), 60, global_average=True)


def good() -> bytes:
    return encode(small_chain())


def test_encode_writes_the_described_bytes() -> None:
    parts = [b"SISQ", struct.pack("<3IfI", 1, 2, 1, 2.0, 60)]
    parts.append(struct.pack("<9I2i2f", 1, 3, 2, 6, 4, 2, 1, 0, 2, 7, -8, 0.5, 0.25))
    parts.append(struct.pack("<2I2I4b", 1, 2, 0, 2, 1, -3, 0, 0))  # filter 0 sees inputs 0 and 2
    parts.append(struct.pack("<2I1I4b", 1, 1, 1, 5, 0, 0, 0))
    parts.append(struct.pack("<9Iif", 3, 2, 1, 3, 2, 1, 0, 0, 1, 100, 0.125))
    parts.append(struct.pack("<2I2I20b", 1, 2, 0, 1, *range(-9, 9), 0, 0))
    assert good() == b"".join(parts)


HEADER = 24  # where the first layer begins; its bias follows its nine fields
BIAS = HEADER + 36
MULTIPLIER, GROUP = BIAS + 8, BIAS + 16
LAST = GROUP + 20 + 16  # where the last layer begins


def put(place: int, value: int) -> Callable[[bytes], bytes]:
    return lambda blob: blob[:place] + struct.pack("<I", value) + blob[place + 4 :]


def put_float(place: int, value: float) -> Callable[[bytes], bytes]:
    return lambda blob: blob[:place] + struct.pack("<f", value) + blob[place + 4 :]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda blob: b"SISQ", "not a sis-edge blob"),
        (put(4, 9), "the INT8 blob has version 9, this library reads 1"),
        (put(8, 0), "0 layers"),
        (put(8, 3), "ends before layer 2"),
        (put(8, 1), "bytes follow the last layer"),
        (put(12, 2), "unknown flags 0x2"),
        (put_float(16, 0), "the image is multiplied with 0; a positive number is needed"),
        (put_float(16, np.nan), "a positive number is needed"),
        (put(20, 128), "the image has the zero point 128"),
        (lambda blob: blob[:20], "ends within its header"),
        (put(HEADER, 2), "layer 0 has kernels of side 2"),
        (put(HEADER + 4, 0), "layer 0 has 0 inputs"),
        (put(HEADER + 8, 70000), "70000 filters"),
        (put(HEADER + 12, 1025), "map of 1025 x 4; sides of 1 to 1024"),
        (put(HEADER + 20, 5), "pools its map of 6 x 4 by 5"),
        (put(HEADER + 24, 2), "unknown flags 0x2"),
        (put(HEADER + 28, 1), "layer 0 has the zero point 1; 0 to 127 are possible, and 0 with ReLU"),
        (put(LAST + 28, 1), "layer 1 has the zero point 1"),
        (put(HEADER + 32, 3), "3 groups for 2 filters"),
        (put(HEADER + 32, 1), "the groups of layer 0 cover 1 of 2 filters"),
        (put_float(MULTIPLIER, np.inf), "a multiplier that is not a finite number"),
        (put_float(MULTIPLIER, -1), "layer 0 has the negative multiplier -1"),
        (put_float(MULTIPLIER, 1e9), "filter 0 has the multiplier 1e\\+09, too large for its sums"),
        (put(BIAS, 0x7FFFFFFF), "the sums of layer 0, filter 0 can leave 32 bits"),
        (put(BIAS, 0x80000000), "the sums of layer 0, filter 0 can leave 32 bits"),
        (put(GROUP, 3), "group 0 has 3 filters, and 2 are left"),
        (put(GROUP + 4, 4), "group 0 has 4 inputs of 3"),
        (put(GROUP + 8, 3), "input 3 where a larger one below 3 is needed"),
        (put(GROUP + 12, 0), "input 0 where a larger one below 3 is needed"),
        (put(GROUP + 16, 0x80), "layer 0, group 0 has the weight -128"),
        (put(LAST + 12, 2), "layer 1 takes 2 maps of 2 x 2, which the layer before does not give"),
        (lambda blob: blob[: BIAS + 2], "ends within layer 0"),
        (lambda blob: blob[:-1], "ends within layer 1, group 0"),
    ],
)
def test_a_malformed_blob_is_refused_with_a_sentence(
    library: Library, damage: Callable[[bytes], bytes], sentence: str
) -> None:
    with pytest.raises(LibraryError, match=sentence):
        library.chain(damage(good()))


def test_a_whole_blob_is_read(library: Library) -> None:
    with library.chain(good()) as chain:
        assert (chain.input_shape, chain.output_shape) == ((3, 6, 4), (1, 1, 1))
