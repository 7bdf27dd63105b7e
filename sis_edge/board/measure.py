"""Measuring a bundle on a board, and finding a job that was started before: both end in stored runs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from sis_agent.schema import Record, to_json
from sis_edge.board import deploy
from sis_edge.board.jobs import DEFAULT, MeasuringOptions
from sis_edge.board.session import Event, OnEvent, Patience, UnreadableRecordError, ignore
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import AgentError, BundleError
from sis_edge.files.cache import cache_root
from sis_edge.files.disk import writing
from sis_edge.files.names import safe
from sis_edge.profiles import DeviceProfile
from sis_edge.results import store
from sis_edge.results.schema import StoredRun, fault
from sis_edge.transport import Transport

UNREADABLE = "unreadable"
"""Folder below the runs' for records that cannot be used, as they came."""


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

    `provision` brings the profile's ONNX Runtime first. A record that cannot be used is kept in `runs_dir` as it came
    and the next is measured; AgentError names them at the end. Raises as `deploy.deploy` does, BundleError for a record
    of another bundle, and DiskError where a run cannot be stored, before anything is measured.
    """
    store.check(runs_dir)
    aside: list[AgentError] = []
    records = deploy.deploy_each(
        bundle,
        transport,
        profile,
        networks=networks,
        seed=seed,
        options=options,
        provision_from=cache_root() / "wheels" if provision else None,
        on_event=on_event,
        on_unreadable=lambda job_id, error: aside.append(_kept(error, job_id, runs_dir)),
        patience=patience,
    )
    stored = []
    for record in records:
        try:
            stored.append(_stored(record, bundle, profile, transport.name, runs_dir))
        except UnreadableRecordError as error:
            aside.append(_kept(error, record.run_id, runs_dir))
    if aside:
        for each in stored:
            on_event(Event("record", f"run stored in {each.path}"))
        raise AgentError("; ".join(map(str, aside)))
    return stored


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
    try:
        return _collected(job_id, bundles, transport, profile, runs_dir, on_event, patience)
    except UnreadableRecordError as error:
        raise _kept(error, job_id, runs_dir) from error


def _collected(
    job_id: str,
    bundles: Iterable[Bundle],
    transport: Transport,
    profile: DeviceProfile,
    runs_dir: Path,
    on_event: OnEvent,
    patience: Patience | None,
) -> StoredFile:
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
    try:
        run = StoredRun(
            stored_at=datetime.now(UTC),
            profile=profile.name,
            profile_verified=profile.board.verified,
            board=board,
            bundle_id=bundle.id,
            manifest=bundle.manifest,
            record=record,
        )
    except ValidationError as error:
        data = json.dumps(to_json(record)).encode()
        raise UnreadableRecordError(f"the record of {record.run_id} from {board} ({fault(error)})", data) from error
    return StoredFile(run, store.save(run, runs_dir))


def _kept(error: UnreadableRecordError, job_id: str, runs_dir: Path) -> AgentError:
    """Keep what came beside the runs, where no report reads it; the error that says so."""
    path = runs_dir / UNREADABLE / f"{safe(job_id)}.json"
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(error.data)
    return AgentError(f"{error}; it is not among the runs, and {path} is what the board sent")
