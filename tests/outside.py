"""Packages of somebody else's that add to sis-edge: modules and their entry points, in a folder for `sys.path`."""

from collections.abc import Mapping
from pathlib import Path


def write_distribution(
    folder: Path, files: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]], name: str = "outside"
) -> Path:
    """A package as pip would leave it: files by their path, and entry points (group -> name -> value)."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder
