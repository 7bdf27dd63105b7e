"""Wheels that are brought to a board are those that were pinned: by the SHA-256 of their files.

`wheels.sha256` has those of the shipped profiles' packages, as PyPI publishes them and `sha256sum` writes them; a
profile of the user's own has its own in `sha256` of [[wheels]].
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sis_edge.errors import BoardError
from sis_edge.files.hashing import file_sha256

LISTING = Path(__file__).with_name("wheels.sha256")


def listed() -> dict[str, str]:
    """The pinned wheels of shipped profiles: file name -> SHA-256."""
    lines = (line.split() for line in LISTING.read_text(encoding="utf-8").splitlines())
    return {name: sha256 for sha256, name in lines}


def check(wheels: Iterable[Path], own: Sequence[str], say: Callable[[str], None]) -> None:
    """Remove a wheel that is not the pinned one and raise BoardError; one that nobody pinned by hash is reported.

    `own` are the hashes of the user's profile: with them no other wheel is taken.
    """
    known = listed()
    releases = {_release(name) for name in known}
    for wheel in wheels:
        sha256 = file_sha256(wheel)
        if own or _release(wheel.name) in releases:
            if sha256 not in (own or (known.get(wheel.name),)):
                wheel.unlink()
                raise BoardError(
                    f"{wheel.name} has the SHA-256 {sha256}, which is not pinned for its release: it was removed, and "
                    "nothing was sent to the board; where does pip's index have it from?"
                )
        else:
            say(f"{wheel.name} is taken as pip's index has it: the profile pins no SHA-256 for it")


def _release(name: str) -> tuple[str, ...]:
    """A wheel's package and version, by its file name (PEP 427)."""
    return tuple(name.lower().split("-")[:2])
