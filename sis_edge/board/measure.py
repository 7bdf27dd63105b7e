"""Measuring a bundle on a board, and finding a job that was started before: both end in stored runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sis_agent.schema import Record
from sis_edge.board import deploy
from sis_edge.board.jobs import DEFAULT, MeasuringOptions
from sis_edge.board.session import OnEvent, Patience, ignore
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BundleError
from sis_edge.files.cache import cache_root
from sis_edge.profiles import DeviceProfile
from sis_edge.results import store
from sis_edge.results.schema import StoredRun
from sis_edge.transport import Transport


@dataclass(frozen=True)
class StoredFile:
    """A run and the file that it is stored in."""

    run: StoredRun
    path: Path


def measure(
    bundle: Bundle,
    transport: Transport,
    profile: DeviceProfile,
    runs_dir: Path,
    *,
    networks: Sequence[str] | None = None,
    seed: int = 0,
    options: MeasuringOptions = DEFAULT,
    provision: bool = False,
    on_event: OnEvent = ignore,
    patience: Patience | None = None,
) -> list[StoredFile]:
    """Measure a bundle and store each record as it comes: one for each number of threads and batch size.

    `provision` brings the profile's ONNX Runtime first. Raises as `deploy.deploy` does, BundleError for a record of
    another bundle, and DiskError where a run cannot be stored, before anything is measured.
    """
    store.check(runs_dir)
    records = deploy.deploy_each(
        bundle,
        transport,
        profile,
        networks=networks,
        seed=seed,
        options=options,
        provision_from=cache_root() / "wheels" if provision else None,
        on_event=on_event,
        patience=patience,
    )
    return [_stored(record, bundle, profile, transport.name, runs_dir) for record in records]


def collect(
    job_id: str,
    bundles: Iterable[Bundle],
    transport: Transport,
    profile: DeviceProfile,
    runs_dir: Path,
    *,
    on_event: OnEvent = ignore,
    patience: Patience | None = None,
) -> StoredFile:
    """Store the record of a job that was started before, with the bundle among `bundles` that it measured.

    Raises BundleError where none of them is that one, naming both, before anything is stored.
    """
    store.check(runs_dir)
    record = deploy.collect(transport, profile, job_id, on_event=on_event, patience=patience)
    candidates = list(bundles)
    bundle = next((bundle for bundle in candidates if bundle.id == record.job.bundle_id), None)
    if bundle is None:
        known = ", ".join(f"{bundle.path} ({bundle.id})" for bundle in candidates) or "no bundle at all"
        raise BundleError(
            f"job {job_id} measured bundle {record.job.bundle_id}, and here is {known}; "
            "name the folder of the bundle that it measured with --bundle"
        )
    return _stored(record, bundle, profile, transport.name, runs_dir)


def _stored(record: Record, bundle: Bundle, profile: DeviceProfile, board: str, runs_dir: Path) -> StoredFile:
    if record.job.bundle_id != bundle.id:
        raise BundleError(
            f"the record of run {record.run_id} is of bundle {record.job.bundle_id}, and {bundle.path} is {bundle.id}; "
            "it is not stored, since it would carry another network's accuracies"
        )
    run = StoredRun(
        stored_at=datetime.now(UTC),
        profile=profile.name,
        profile_verified=profile.board.verified,
        board=board,
        bundle_id=bundle.id,
        manifest=bundle.manifest,
        record=record,
    )
    return StoredFile(run, store.save(run, runs_dir))
