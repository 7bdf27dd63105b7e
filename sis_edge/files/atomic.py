"""Write a text file as a whole or not at all."""

import os
from pathlib import Path

from sis_edge.files.disk import writing


def write_text(path: Path, text: str) -> Path:
    """Write `text` beside `path`, flush it to the disk, then rename: nobody ever sees half of a file.

    Missing folders are made. Raises DiskError with the folder and the system's own reason; what stood at `path`
    before is then still there.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path
