"""What `verify` found."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.results.schema import StoredRun
    from sis_edge.verifying.link import Verification

NO_ARCHIVE = "a stored run, which has no signature; its bundle may have one"


class VerifiedLink(Part):
    """One link of the chain, from the record to the data set."""

    subject: str
    state: Literal["ok", "changed", "not checked"]
    text: str


class VerifiedRunDocument(Document):
    """`sis-edge verify`: what of a run is as it was stored. `is_complete`: nothing was left unchecked."""

    document: Literal["verify"] = "verify"
    path: str
    run_id: str
    bundle_id: str
    is_unchanged: bool
    is_complete: bool
    signed_by: str | None
    links: tuple[VerifiedLink, ...]


class ExportedRunDocument(Document):
    """`sis-edge export-run`: the archive of a run."""

    document: Literal["export-run"] = "export-run"
    run_id: str
    bundle_id: str
    path: str
    size_bytes: int
    sha256: str


class ImportedRunDocument(Document):
    """`sis-edge import-run`: the run's file. `was_there`: the folder had the same run already."""

    document: Literal["import-run"] = "import-run"
    run_id: str
    path: str
    was_there: bool
    bundle: str | None


def verified(path: Path, found: "Verification") -> VerifiedRunDocument:
    """The document of a verification."""
    return VerifiedRunDocument(
        path=str(path),
        run_id=found.run_id,
        bundle_id=found.bundle_id,
        is_unchanged=not found.changed,
        is_complete=not found.unchecked,
        links=tuple(VerifiedLink(subject=each.subject, state=each.state, text=each.text) for each in found.links),
        **known(signed_by=(found.signer, found.not_signed or NO_ARCHIVE)),
    )


def exported(run: "StoredRun", path: Path) -> ExportedRunDocument:
    """The document of an archive that was written."""
    from sis_edge.files.hashing import file_sha256

    return ExportedRunDocument(
        run_id=run.record.run_id,
        bundle_id=run.bundle_id,
        path=str(path),
        size_bytes=path.stat().st_size,
        sha256=file_sha256(path),
    )


def imported(run: "StoredRun", path: Path, bundle: Path | None, *, was_there: bool) -> ImportedRunDocument:
    """The document of a run that was taken from an archive."""
    unpacked = (None if bundle is None else str(bundle), "--bundle was not given")
    return ImportedRunDocument(run_id=run.record.run_id, path=str(path), was_there=was_there, **known(bundle=unpacked))
