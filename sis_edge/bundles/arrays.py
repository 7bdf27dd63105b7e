"""Arrays of a bundle, judged by their headers: what numpy or the agent would read is there, bounded, and no program.

A pickle inside an array runs code as it is loaded, and a header may claim gigabytes. Nothing but headers is read.
"""

import ast
import math
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import IO

from sis_edge.files.archives import DAMAGED

MAGIC = b"\x93NUMPY"
LENGTHS = {1: "<H", 2: "<I", 3: "<I"}
"""How each version of the format holds the header's length."""

NUMBERS = re.compile(r"[<>|=](b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32)|[SUV]\d{1,4})")
"""Types of arrays without a program in them, as numpy spells them: a kind, and how many bytes or letters."""

MOST_HEADER_BYTES = 10_000
MOST_BYTES = 1 << 32
"""Of the arrays of one archive, unpacked."""

MOST_MEMBERS = 10_000


def problem(path: Path) -> str | None:
    """What is wrong with an .npy or .npz file; None for a sound one and for files of other kinds. Raises OSError."""
    if path.suffix not in (".npy", ".npz"):
        return None
    try:
        with path.open("rb") as file:
            if path.suffix == ".npy":
                _check(file, path.stat().st_size)
            else:
                _check_archive(file)
    except (ValueError, TypeError, SyntaxError, struct.error, RecursionError, MemoryError, OverflowError) as error:
        return str(error).partition("\n")[0] or "its header cannot be read"
    except DAMAGED as error:
        return f"it is not an archive of arrays ({error})"
    return None


def _check_archive(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS or len({member.filename for member in members}) < len(members):
            raise ValueError("it holds a name twice, or too many")
        size_bytes = sum(member.file_size for member in members)
        if size_bytes > MOST_BYTES:
            raise ValueError(f"it unpacks to {size_bytes / 1e9:.1f} GB (limit {MOST_BYTES / 1e9:.1f} GB)")
        for member in members:
            if not member.filename.endswith(".npy"):
                raise ValueError(f"{member.filename} in it is not an array")
            with archive.open(member) as packed:
                _check(packed, member.file_size)


def _check(file: IO[bytes], size_bytes: int) -> None:
    """Raise ValueError and its like for a header that is none, is too long, or belongs to data of another size."""
    begin = file.read(len(MAGIC) + 2)
    if len(begin) < len(MAGIC) + 2 or begin[: len(MAGIC)] != MAGIC or begin[len(MAGIC)] not in LENGTHS:
        raise ValueError("it is not an array of numpy")
    form = LENGTHS[begin[len(MAGIC)]]
    (length,) = struct.unpack(form, file.read(struct.calcsize(form)))
    if length > MOST_HEADER_BYTES:
        raise ValueError(f"its header has {length:,} bytes (limit {MOST_HEADER_BYTES:,})")
    text = file.read(length).decode("utf-8" if begin[len(MAGIC)] == 3 else "latin1").strip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python, on what is no Python
        header = ast.literal_eval(text)
    if not isinstance(header, dict) or not isinstance(header.get("shape"), tuple):
        raise ValueError("its header has no shape")
    shape, kind = header["shape"], header.get("descr")
    if "O" in str(kind):
        raise ValueError("it holds Python objects (a pickle), which run code as they are loaded")
    found = NUMBERS.fullmatch(kind) if isinstance(kind, str) else None
    if found is None:
        raise ValueError("its type is not one of numbers or texts")
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError("its header has a shape that cannot be")
    each_bytes = int(found[1][1:]) * (4 if found[1][0] == "U" else 1)
    expected_bytes = len(begin) + struct.calcsize(form) + length + math.prod(shape) * each_bytes
    if expected_bytes != size_bytes:
        raise ValueError(f"its header belongs to {expected_bytes:,} bytes, and it has {size_bytes:,}")
