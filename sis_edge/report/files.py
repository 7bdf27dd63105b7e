"""What an earlier report left in its folder: `results.json` names its charts, with the SHA-256 of each."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256
from sis_edge.report.json import CHARTS


def digests(texts: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of each file's text, by the file's name."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def written_before(folder: Path) -> set[str]:
    """The charts in the folder that a report wrote and nobody changed since; none where that is not known."""
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


def _is_same(path: Path, sha256: object) -> bool:
    return path.is_file() and not path.is_symlink() and file_sha256(path) == sha256
