"""What an archive says of itself to whoever receives it."""

from sis_edge.report.sections.board import board_name
from sis_edge.results.schema import StoredRun

_TEXT = """\
# Run {run_id}

{title}, measured on {board} (profile {profile}), stored {stored_at}.
Networks: {names}.
Bundle {bundle_id}{files}.{data}

## Check it

With sis-edge, where FILE is the archive:

    sis-edge verify FILE
    sis-edge import-run FILE && sis-edge report

Without, after unpacking:

    tar xf FILE
    sha256sum -c SHA256SUMS

{signature}

`run/` holds the stored run: JSON, compressed by gzip. Its last field, where that is `content_sha256`, is the SHA-256 of
all text before it. The bundle's id is the beginning of the SHA-256 of `bundle/manifest.json`, which has the SHA-256 of
the bundle's files.
"""

_SIGNED = """\
It is signed. With the signer's public key in allowed_signers (see ssh-keygen(1)):

    ssh-keygen -Y check-novalidate -n sis-edge-run -s SHA256SUMS.sig < SHA256SUMS
    ssh-keygen -Y verify -n sis-edge-run -f allowed_signers -I NAME -s SHA256SUMS.sig < SHA256SUMS"""

_NOT_SIGNED = """\
It is not signed: the hashes find what changed by accident or in one place, and not a forgery of all of it."""


def text(run: StoredRun, *, is_signed: bool, manifest_only: bool) -> bytes:
    """The archive's README.md."""
    manifest = run.manifest
    data = "" if manifest.dataset is None else f" Data set {manifest.dataset}, SHA-256 {manifest.dataset_sha256}."
    board = {"simulated": "a simulated board", "emulated": "an emulated board"}.get(run.board_kind, board_name(run))
    return _TEXT.format(
        run_id=run.record.run_id,
        title=run.title,
        board=board,
        profile=run.profile,
        stored_at=run.stored_at.isoformat(),
        names=", ".join(manifest.names),
        bundle_id=run.bundle_id,
        files=", of which only the manifest is here" if manifest_only else "",
        data=data,
        signature=_SIGNED if is_signed else _NOT_SIGNED,
    ).encode()
