"""Write a file as a whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from sis_edge.files.disk import writing


def write_text(path: Path, text: str) -> Path:
    """As `write_bytes`, of a text in UTF-8."""
    return write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> Path:
    """Write `data` beside `path`, flush it to the disk, then rename: nobody ever sees half of a file.

    Missing folders are made. Raises DiskError with the folder and the system's own reason; what stood at `path`
    before is then still there.
    """
    return _write(path, (data,))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> Path:
    """As `write_bytes`, of what is never held as a whole."""
    return _write(path, chunks)


def write_pieces(path: Path, pieces: Iterable[str]) -> Path:
    """As `write_text`, of a text that is never held as a whole."""
    return _write(path, (piece.encode() for piece in pieces))


def _write(path: Path, pieces: Iterable[bytes]) -> Path:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path
