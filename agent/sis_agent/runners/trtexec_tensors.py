"""Tensors by name for trtexec: the words that name their shapes, and the files with their values."""

import os
from typing import Any, List

from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Tensors

# It splits lists at commas, and takes quotation marks around a name off.
UNNAMEABLE = ",'"
NARROW_VERSIONS = ("7", "8", "9")  # which have no whole numbers of 8 bytes


def shape(name: str, sizes: Any) -> str:
    """One input's shape as the tool takes it."""
    return "{}:{}".format(name, "x".join(str(size) for size in sizes))


def shapes(tensors: Tensors) -> str:
    """All shapes as the tool takes them; a single value has none, and is left out. Raises ProblemError `bad-inputs`."""
    for name in tensors:
        if any(mark in name for mark in UNNAMEABLE):
            raise ProblemError(
                "bad-inputs",
                "trtexec cannot be given the input '{}', whose name has a comma or a quotation mark; use the runner "
                "tensorrt, or export the network with another name".format(name),
            )
    return ",".join(shape(name, value.shape) for name, value in tensors.items() if value.ndim)


def write(folder: str, tensors: Tensors, version: str) -> List[str]:
    """Write the values as this version of the tool loads them; returns `name:path` of each.

    TensorRT has no doubles, and before 10 no whole numbers of 8 bytes: its engines take those of 4. Raises ProblemError
    `bad-inputs` for a value that those cannot hold.
    """
    files = []
    for place, (name, value) in enumerate(tensors.items()):
        path = os.path.join(folder, "input{}.bin".format(place))  # a tensor's name may be no file's
        _narrowed(name, value, version).tofile(path)
        files.append("{}:{}".format(name, path))
    return files


def _narrowed(name: str, value: Any, version: str) -> Any:
    if value.dtype.name == "float64":
        return value.astype("float32")
    if value.dtype.name == "int64" and version.split(".")[0] in NARROW_VERSIONS:
        narrow = value.astype("int32")
        if (narrow != value).any():
            raise ProblemError(
                "bad-inputs",
                "the input '{}' has values beyond 32 bits, and TensorRT {} has no integers of 64 (10.0 has)".format(
                    name, version
                ),
            )
        return narrow
    return value
