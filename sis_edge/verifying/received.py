"""An archive that somebody else made: checked, and taken into a folder of runs."""

import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sis_edge.bundles import signatures
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import Bundle, open_bundle
from sis_edge.errors import BundleError, RecordError, UsageError
from sis_edge.files.disk import writing
from sis_edge.results import store
from sis_edge.verifying import archive, chain, sums
from sis_edge.verifying.export import NAMESPACE
from sis_edge.verifying.link import ChainLink, Verification, changed, ok, unchecked

NOT_SIGNED = "it is not signed: whoever changes all of it can change its hashes, too"


@dataclass(frozen=True)
class Unpacked:
    """An archive in a folder that is removed soon: the run's file, the bundle with all of its files or None."""

    run: Path
    bundle: Bundle | None
    found: Verification


@contextmanager
def unpacked(
    path: Path, build_dir: Path, *, above: Path | None = None, signers: Path | None = None, with_dataset: bool = False
) -> Iterator[Unpacked]:
    """Unpack an archive into a new folder, in `above` or where temporary files go, and check everything in it.

    Raises RecordError where it is no archive of ours; what changed is in what is found.
    """
    with writing(above or Path(tempfile.gettempdir())), tempfile.TemporaryDirectory(prefix=".run-", dir=above) as made:
        folder = Path(made)
        names = archive.unpack(path, folder)
        runs = [name for name in names if name.startswith(archive.RUN)]
        if len(runs) != 1:
            raise RecordError(f"{path} holds {len(runs)} runs and not one; ask for it again")
        manifest, damage = _manifest(folder / archive.BUNDLE)
        listed = () if manifest is None else manifest.manifest.files
        bundle = manifest if any(f"{archive.BUNDLE}{entry.path}" in names for entry in listed) else None
        found = chain.verify(
            folder / runs[0], bundle or build_dir, manifest=manifest, with_dataset=with_dataset, shown=path
        )
        signed, signer = _signature(folder, signers)
        links = (sums.check(folder, names), *signed, *damage, *found.links)
        why = None if signer else signed[0].text if signed else NOT_SIGNED
        yield Unpacked(folder / runs[0], bundle, replace(found, links=links, signer=signer, not_signed=why))


def keep(path: Path, runs_dir: Path, bundle_folder: Path | None, signers: Path | None = None) -> tuple[Path, bool]:
    """Add the run of an archive to a folder of runs; its file there, and whether it was there before.

    With a folder for it the bundle is unpacked, too. Raises RecordError for an archive in which something changed, and
    UsageError where the bundle's folder is there already, or the archive has no bundle.
    """
    if bundle_folder is not None and bundle_folder.exists():
        raise UsageError(f"{bundle_folder} is there already; name a new folder with --bundle")
    above = None if bundle_folder is None else bundle_folder.absolute().parent
    if above is not None:
        with writing(above):
            above.mkdir(parents=True, exist_ok=True)
    with unpacked(path, Path("build"), above=above, signers=signers) as there:
        if faults := there.found.changed:
            listed = "; ".join(f"{each.subject}: {each.text}" for each in faults)
            raise RecordError(f"{path} is not imported, since something in it has changed: {listed}")
        if bundle_folder is not None:
            if there.bundle is None:
                raise UsageError(f"{path} has only the bundle's manifest; leave out --bundle")
            with writing(bundle_folder):
                there.bundle.path.rename(bundle_folder)
        data = store.content(there.run)
        before = set(runs_dir.iterdir()) if runs_dir.is_dir() else set()
        kept = store.add(data, store.parsed(data, path), runs_dir)
        return kept, kept in before


def _manifest(folder: Path) -> tuple[Bundle | None, list[ChainLink]]:
    """The archive's bundle, of which there may be only the manifest; None, and why, where that cannot be read."""
    if not (folder / MANIFEST).is_file():
        return None, [changed("bundle's manifest", "it is not in the archive")]
    try:
        return open_bundle(folder), []
    except BundleError:
        return None, [changed("bundle's manifest", "it cannot be read")]


def _signature(folder: Path, signers: Path | None) -> tuple[list[ChainLink], str | None]:
    path = folder / archive.SIGNATURE
    if not path.exists() or not (folder / archive.SUMS).exists():
        return [], None
    listed = (folder / archive.SUMS).read_bytes()
    found = signatures.judged(path, lambda: listed, signers or signatures.allowed_signers(), NAMESPACE, archive.SUMS)
    if found.is_false or not _is_plain(path.read_bytes()):
        return [changed("signature", found.why_not or f"{archive.SIGNATURE} is not as ssh-keygen writes it")], None
    if found.signer is None:
        return [unchecked("signature", str(found.why_not))], None
    return [ok("signature", f"signed by {found.signer}")], found.signer


def _is_plain(signature: bytes) -> bool:
    """Whether a signature has the one form that ssh-keygen writes, where base64 allows several."""
    try:
        first, *lines, last, end = signature.split(b"\n")
        again = base64.b64encode(base64.b64decode(b"".join(lines), validate=True))
    except ValueError:
        return False
    frame = (first, last, end) == (b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----", b"")
    return frame and again == b"".join(lines) and all(len(line) == 70 for line in lines[:-1])
