"""A quantised chain as plain arrays. `../c/int8.h` defines the arithmetic.

Values between layers are 0 to 127 in a byte: with seven bits, sums of two products fit 16 bits, so that AVX2 and NEON
are exact without splitting weights, and bytes are signed and unsigned at once, as SDOT and VNNI want them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_VALUE = 127
MOST_WEIGHT = 127


@dataclass(frozen=True, eq=False)
class Int8Layer:
    """A convolution of stride 1 that keeps the map's size, then ReLU, rounding to values, and max pooling by `pool`.

    `weight` int8 [F, I, k, k] is -127 to 127, `bias` int32 [F] in units of the sums, `multiplier` float32 [F] what sums
    are scaled by: to values with the zero point `zero` (0 with ReLU), in the last layer to real numbers.
    """

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.float32]
    relu: bool = True
    zero: int = 0
    pool: int = 1


@dataclass(frozen=True, eq=False)
class Int8Chain:
    """Layers on images [I, height, width]: an image times `inverse_scale`, rounded, plus `zero` are its values.

    With `global_average` the output is the average of the last layer's pixels.
    """

    layers: tuple[Int8Layer, ...]
    height: int
    width: int
    inverse_scale: np.float32
    zero: int
    global_average: bool
