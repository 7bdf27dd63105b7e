"""A stored run and its bundle as one archive that somebody else can check and report."""

import hashlib
from pathlib import Path

from sis_edge.bundles import signatures
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import SIGNATURE, Bundle
from sis_edge.errors import RecordError, UsageError
from sis_edge.files.atomic import write_chunks
from sis_edge.files.hashing import file_sha256
from sis_edge.results import store
from sis_edge.results.schema import StoredRun
from sis_edge.verifying import archive, bundle_files, chain, readme, sums
from sis_edge.verifying.archive import ArchiveFile
from sis_edge.verifying.link import ChainLink

NAMESPACE = "sis-edge-run"
"""What signatures of archives are for; a bundle's lets programs run, and does not count here."""


def export(
    path: Path, bundle: Bundle | Path, target: Path, *, manifest_only: bool = False, key: Path | None = None
) -> Path:
    """Write the archive of a stored run; `bundle` is the run's, or the folder where bundles are.

    `manifest_only` leaves out the bundle's other files, `key` is the SSH key that signs. Raises RecordError where the
    run or its bundle has changed, UsageError where the bundle is not here or the key cannot sign, DiskError.
    """
    if target.exists():
        raise UsageError(f"{target} is there already; name another file with --output")
    run = store.load(path)
    there = bundle_files.find(run, bundle) if isinstance(bundle, Path) else bundle
    if isinstance(there, ChainLink):
        raise UsageError(f"{there.text}: an archive has the run's bundle, or at least its manifest")
    if faults := chain.verify(path, there).changed:
        listed = "; ".join(f"{each.subject}: {each.text}" for each in faults)
        raise RecordError(f"{path} is not exported, since it or its bundle has changed: {listed}")
    members = [ArchiveFile(archive.README, readme.text(run, is_signed=key is not None, manifest_only=manifest_only))]
    members += [ArchiveFile(f"{archive.RUN}{path.name}", path), *_of_bundle(run, there, manifest_only=manifest_only)]
    return write_chunks(target, archive.pieces(_with_sums(members, key)))


def _of_bundle(run: StoredRun, bundle: Bundle, *, manifest_only: bool) -> list[ArchiveFile]:
    names = [MANIFEST, *([SIGNATURE] if (bundle.path / SIGNATURE).is_file() else [])]
    names += [] if manifest_only else [entry.path for entry in run.manifest.files]
    return [ArchiveFile(f"{archive.BUNDLE}{name}", bundle.path / name) for name in names]


def _with_sums(members: list[ArchiveFile], key: Path | None) -> list[ArchiveFile]:
    members = [ArchiveFile(archive.FORMAT, archive.VERSION), *members]
    listed = sums.text({member.name: _sha256(member.content) for member in members})
    signature = [] if key is None else [ArchiveFile(archive.SIGNATURE, signatures.made(listed, key, NAMESPACE))]
    return [*members[:2], ArchiveFile(archive.SUMS, listed), *signature, *members[2:]]


def _sha256(content: Path | bytes) -> str:
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else file_sha256(content)
