"""The programs that this machine made itself, known by their SHA-256: libraries of kernels, and engines.

`programs` in the cache has a line for each, `<SHA-256> <file name>`, written as it is made, so that they are known in
every copy of a bundle on this machine. Libraries in the cache count too: a sis-edge before this list made them.
"""

from pathlib import Path

from sis_edge.files.cache import cache_root
from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256


def remember(path: Path) -> None:
    """Note a program that was made here just now; raises DiskError where the cache cannot be written."""
    sha256, listing = file_sha256(path), place()
    if sha256 not in _listed(listing):
        with writing(listing):
            listing.parent.mkdir(parents=True, exist_ok=True)
            with listing.open("a", encoding="utf-8") as file:
                file.write(f"{sha256} {path.name}\n")


def is_own(sha256: str) -> bool:
    """Whether a program with this hash was made on this machine."""
    if sha256 in _listed(place()):
        return True
    compiled = cache_root().glob("native/*/*.so")
    return any(file_sha256(path) == sha256 for path in compiled if path.is_file())


def place() -> Path:
    """The list."""
    return cache_root() / "programs"


def _listed(listing: Path) -> set[str]:
    try:
        text = listing.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not there yet, or not readable
        return set()
    return {line.partition(" ")[0] for line in text.splitlines()}
