"""Arrays that are mapped from a file: read a part at a time, so that the memory held does not grow with the file.

The system counts every page of a mapped file that was touched as memory of the process, until it is given back.
Arrays in memory go through the same functions, which then only read.
"""

import mmap
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 1 << 23

_Scalar = TypeVar("_Scalar", bound=np.generic)


def rows_per_chunk(array: NDArray[Any], chunk_bytes: int = CHUNK_BYTES) -> int:
    """How many rows of the array are nearest below `chunk_bytes`, at least one."""
    return max(1, chunk_bytes // max(1, array[:1].nbytes))


def chunks(array: NDArray[_Scalar], chunk_bytes: int = CHUNK_BYTES) -> Iterator[NDArray[_Scalar]]:
    """The array in consecutive parts of its first axis; each is valid until the next one is asked for."""
    step = rows_per_chunk(array, chunk_bytes)
    for start in range(0, len(array), step):
        yield array[start : start + step]
        give_back(array)


def pick(array: NDArray[_Scalar], rows: NDArray[np.int64]) -> NDArray[_Scalar]:
    """A copy in memory of these rows, in this order."""
    picked = np.asarray(array[rows])
    give_back(array)
    return picked


def give_back(array: NDArray[Any]) -> None:
    """Let go of the pages that a mapped array holds; they are read from the file again when they are needed."""
    mapped = getattr(array, "_mmap", None)
    if isinstance(mapped, mmap.mmap):
        mapped.madvise(mmap.MADV_DONTNEED)
