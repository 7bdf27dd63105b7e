"""A stored run's own file: its text by its digest, its compression by compressing again, its parts by each other."""

import hashlib
import zlib

from sis_edge.bundles.manifest import Manifest
from sis_edge.results import digest, store
from sis_edge.results.schema import StoredRun
from sis_edge.verifying.link import ChainLink, changed, of_faults, ok, unchecked

_FIXED = b"\x1f\x8b\x08\x00\0\0\0\0"
"""How every gzip file of ours begins: no name, no time, no comment."""


def of_file(data: bytes, text: bytes) -> list[ChainLink]:
    """The file as it lies, `data`, and its text once unpacked."""
    return [_content(text), *([] if data == text else [_packing(data, text)])]


def of_parts(run: StoredRun) -> ChainLink:
    """Whether record and bundle name each other: the bundle's id, and every file of the job in the manifest."""
    job, listed = run.record.job, {entry.path for entry in run.manifest.files}
    named = [path for network in job.networks for path in (network.model, network.golden_logits) if path]
    faults = [f"the job names {path}, which the manifest does not list" for path in named if path not in listed]
    if job.bundle_id != run.bundle_id:
        faults.insert(0, f"it measured bundle {job.bundle_id}, and the run says {run.bundle_id}")
    return of_faults("record", faults, f"it measured bundle {run.bundle_id}, whose manifest lists the job's files")


def manifest_id(manifest: Manifest) -> str:
    """The id of a bundle with this manifest, as this version writes manifests."""
    return hashlib.sha256((manifest.model_dump_json(indent=2) + "\n").encode()).hexdigest()[:16]


def _content(text: bytes) -> ChainLink:
    if digest.is_right(text):
        return ok("run", "every byte is as it was stored, by its own SHA-256")
    if digest.is_stored(text):
        return changed("run", "its text is not that of its SHA-256")
    return unchecked("run", digest.NOT_STORED)


def _packing(data: bytes, text: bytes) -> ChainLink:
    """Bytes of a gzip file that its text does not depend on: they cannot bend a result, and are none of ours."""
    if not digest.is_stored(text):  # older versions, and people, compressed otherwise
        return unchecked("compression", "no digest was stored, and any gzip may have compressed it")
    unpacker = zlib.decompressobj(wbits=31)
    unpacker.decompress(data, len(text) + 1)
    if not data.startswith(_FIXED) or unpacker.unused_data:
        return changed("compression", "its gzip header or end is not what sis-edge writes")
    if data == store.packed(text):
        return ok("compression", "the same bytes as when its text is compressed again")
    return unchecked("compression", "another zlib than this machine's compressed it, or a byte without content changed")
