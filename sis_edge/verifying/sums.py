"""`SHA256SUMS` of an archive: the hash of each file, as `sha256sum -c` reads it."""

import re
from collections.abc import Mapping
from pathlib import Path

from sis_edge.files.hashing import file_sha256
from sis_edge.verifying.archive import SIGNATURE, SUMS
from sis_edge.verifying.link import ChainLink, changed, of_faults

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_SUBJECT = "archive"


def text(hashes: Mapping[str, str]) -> bytes:
    """The file, in the order of names."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(hashes.items())).encode()


def check(folder: Path, names: set[str]) -> ChainLink:
    """Whether the files of an unpacked archive are those that it lists."""
    if SUMS not in names:
        return changed(_SUBJECT, f"it has no {SUMS}")
    written = (folder / SUMS).read_bytes()
    listed = dict(_parsed(written))
    if text(listed) != written:
        return changed(_SUBJECT, f"{SUMS} is not as it was written")
    there = names - {SUMS, SIGNATURE}
    faults = [f"{name}: missing" for name in sorted(listed.keys() - there)]
    faults += [f"{name}: extra" for name in sorted(there - listed.keys())]
    both = sorted(listed.keys() & there)
    faults += [f"{name}: changed" for name in both if file_sha256(folder / name) != listed[name]]
    return of_faults(_SUBJECT, faults, f"its {len(listed)} files are those of {SUMS}")


def _parsed(data: bytes) -> list[tuple[str, str]]:
    lines = data.decode("utf-8", "replace").split("\n")
    return [(found[2], found[1]) for line in lines if (found := _LINE.fullmatch(line))]
