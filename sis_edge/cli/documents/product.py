"""What `export` says of the files that it wrote."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sis_edge.cli.documents.base import Document


class ExportDocument(Document):
    """`sis-edge export`: a folder, and the names of its files."""

    document: Literal["export"] = "export"
    folder: str
    files: tuple[str, ...]


def exported(folder: Path, files: Sequence[Path]) -> ExportDocument:
    """The document of an export to `folder`."""
    return ExportDocument(folder=str(folder), files=tuple(path.name for path in files))
