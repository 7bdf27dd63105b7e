"""Files that older versions wrote: see `recorded/README`."""

import gzip
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent / "recorded"
RUNS = (
    *("run-1-x86-64", "run-1-jetson-nano", "run-1-jetson-orin-nano", "run-2-x86-64", "run-3-x86-64", "run-4-x86-64"),
    "run-5-x86-64",
)


def old_run(name: str, folder: Path) -> Path:
    """A stored run of an older version, as a file in `folder`."""
    path = folder / f"{name}.json"
    path.write_bytes(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    return path


def old_bundle(folder: Path, version: int = 3) -> Path:
    """A bundle of an older version, in `folder`."""
    with zipfile.ZipFile(FOLDER / f"bundle-{version}.zip") as archive:
        archive.extractall(folder)
    return folder / "old-bundle"
