"""Random keys that are the same on every machine and with every numpy.

numpy promises PCG64's raw 64-bit stream (and SeedSequence's expansion of a seed) for ever, and promises nothing
for `choice` or `permutation`. So candidates are ranked by one raw word each, and ties (one in 2^64) by place.
"""

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Keys: TypeAlias = NDArray[np.uint64]


def raw_keys(seed: int, stream: str, count: int) -> Keys:
    """`count` raw 64-bit words of the named stream of `seed`.

    Streams of different names are independent, so the draw of one layer does not move that of another, and a
    larger share keeps all that a smaller one of the same seed had.
    """
    digest = hashlib.sha256(stream.encode()).digest()
    words = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4)]
    generator = np.random.PCG64(np.random.SeedSequence([seed, *words]))
    keys: Keys = generator.random_raw(count)
    return keys
