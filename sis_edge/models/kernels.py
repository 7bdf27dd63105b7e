"""C kernels for training on a CPU (`c/`): compiled once on this machine, loaded once, used while a training runs.

Without a C compiler, or on a GPU, torch's own operators do the same work (`functions.py`).
"""

import ctypes
import platform
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from sis_edge.errors import DiskError, ExportError, UsageError
from sis_edge.native import build

PIECES = 16  # SIS_PIECES in c/training.h
FEW = 64  # channels: below it our products need less time than torch's

# The arguments of each function in c/training.h: a is an array, n a number.
_TYPES = {"a": ctypes.c_void_p, "n": ctypes.c_size_t}
_FUNCTIONS = {
    "sis_training_threads": "n",
    "sis_moments": "anannaa",
    "sis_scale_relu": "anaanna",
    "sis_scale_relu_sums": "aanaaannaa",
    "sis_scale_relu_back": "aanaaaanna",
    "sis_norm_products": "aaaannna",
    "sis_norm_products_back": "aaaaaannnaaa",
    "sis_products": "annnannnnna",
    "sis_patches": "aannnnna",
    "sis_winograd": "aannnna",
    "sis_winograd_back": "aaannnnaa",
    "sis_sparse_images": "aaannnnnna",
    "sis_sparse_images_weights": "aaannnnnna",
    "sis_sparse_winograd": "aaannnnnna",
    "sis_sparse_winograd_back": "aaaannnnnnaa",
}


def sources(level: str) -> build.Sources:
    """The library's sources, for a CPU of that instruction set level."""
    folder = Path(__file__).parent / "c"
    units = {str(path): level for path in sorted(folder.glob("*.c"))} | {str(build.SOURCES / "threads.c"): level}
    return build.Sources("libsis_training.so", (folder, build.SOURCES), units)


@cache
def torch_has_wide_vectors() -> bool:
    """Whether torch's convolutions use AVX-512 here; of our kernels only products of matrices do."""
    return bool(_features().get("avx512_f"))


def _features() -> Mapping[str, bool]:
    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}


@cache
def load() -> ctypes.CDLL | None:
    """The library for this machine, or None where it cannot be built."""
    machine = platform.machine()
    try:
        path = build.library(machine, what=sources(_level(machine)))
        library = ctypes.CDLL(str(path))
    except UsageError:  # no compiler
        return None
    except (ExportError, DiskError, OSError) as error:
        warnings.warn(f"training continues with torch's own operators, which are slower: {error}", stacklevel=2)
        return None
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes = [_TYPES[letter] for letter in arguments]
        function.restype = None
    return library


def _level(machine: str) -> str:
    """The instruction set that this CPU has."""
    features = _features()

    def has(*names: str) -> bool:
        return all(features.get(name) for name in names)

    if machine != "x86_64" or not has("avx2", "fma3"):
        return machine
    return "x86_64_v4" if has(*(f"avx512_{part}" for part in ("f", "bw", "cd", "dq", "vl"))) else "x86_64_v3"


_active: ctypes.CDLL | None = None


def active() -> ctypes.CDLL | None:
    """The library while a training uses it, else None."""
    return _active


@contextmanager
def used(threads: int) -> Iterator[bool]:
    """Train the networks of this process with the kernels on that many threads; yields whether they are there."""
    global _active
    before, _active = _active, load()
    if _active is not None:
        _active.sis_training_threads(threads)
    try:
        yield _active is not None
    finally:
        if _active is not None:
            _active.sis_training_threads(1)
        _active = before


def address(tensor: Tensor) -> int:
    """The address of a tensor's first number."""
    return tensor.data_ptr()
