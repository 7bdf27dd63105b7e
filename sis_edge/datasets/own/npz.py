"""Arrays of an .npz file, read in parts: numpy alone would hold a whole array in memory. Pickles are never loaded."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sis_edge.datasets.mapped import CHUNK_BYTES
from sis_edge.errors import DatasetError
from sis_edge.files.archives import DAMAGED


@dataclass(frozen=True)
class Member:
    """An array of the file: its shape and type, and its values a part at a time."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool

    def whole(self) -> NDArray[Any]:
        """All values; for small arrays."""
        with reading(self.path), np.load(self.path, allow_pickle=False) as file:
            array: NDArray[Any] = file[self.name]
            return array

    def parts(self) -> Iterator[NDArray[Any]]:
        """Consecutive parts of the first axis."""
        row_bytes = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        step = max(1, CHUNK_BYTES // max(1, row_bytes))
        with reading(self.path), zipfile.ZipFile(self.path) as archive, archive.open(f"{self.name}.npy") as file:
            _header(file)
            for start in range(0, self.shape[0], step):
                count = min(step, self.shape[0] - start)
                content = file.read(count * row_bytes)
                yield np.frombuffer(content, self.dtype).reshape(count, *self.shape[1:])


def members(path: Path) -> dict[str, Member]:
    """The arrays of the file by name; raises DatasetError for a file that is not one, or that has Python objects."""
    found = {}
    with reading(path), zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            if entry.endswith(".npy"):
                with archive.open(entry) as file:
                    shape, is_fortran, dtype = _header(file)
                name = entry.removesuffix(".npy")
                found[name] = Member(path, name, shape, dtype, is_fortran)
    for member in found.values():
        if member.dtype.hasobject:
            raise DatasetError(
                f"{path}: {member.name} has Python objects, which are never loaded; save numbers or text, such as "
                "labels.astype(str)"
            )
    return found


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Damaged contents raise DatasetError."""
    try:
        yield
    except (*DAMAGED, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DatasetError(
            f"{path} cannot be read as an .npz file ({reason}); write it again with numpy.savez"
        ) from None


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type; leaves the file where the values begin."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    shape, is_fortran, dtype = read(file)
    return shape, is_fortran, dtype
