"""What an earlier report left in its folder: `results.json` names its charts, with the SHA-256 of each."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256
from sis_edge.report.json import CHARTS

NO_CHARTS = f'"{CHARTS}": {{}}\n}}\n'.encode()
"""How `results.json` ends where its report has none."""


def digests(texts: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of each file's text, by the file's name."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def written_before(folder: Path) -> set[str]:
    """The charts in the folder that a report wrote and nobody changed since; none where that is not known."""
    if _ends_without_charts(folder / "results.json"):
        return set()
    try:
        charts = json.loads((folder / "results.json").read_text(encoding="utf-8"))[CHARTS]
        here = {name: sha256 for name, sha256 in charts.items() if name == Path(name).name}
        return {name for name, sha256 in here.items() if _is_same(folder / name, sha256)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove these files of a folder."""
    for name in names:
        with writing(folder):
            (folder / name).unlink(missing_ok=True)


def _ends_without_charts(path: Path) -> bool:
    """Whether a report says at its end that it has none: that of thousands of runs is not read whole to see it."""
    try:
        with path.open("rb") as file:
            file.seek(-len(NO_CHARTS), os.SEEK_END)
            return file.read() == NO_CHARTS
    except OSError:  # not there, or shorter
        return False


def _is_same(path: Path, sha256: object) -> bool:
    return path.is_file() and not path.is_symlink() and file_sha256(path) == sha256
