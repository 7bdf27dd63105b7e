"""Measuring a bundle on a board, and finding a job that was started before: both end in stored runs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from sis_agent.schema import Record, to_json
from sis_edge import profiles
from sis_edge.board import deploy, jobs_on_board
from sis_edge.board.attendance import ATTENDANCE, Attendance
from sis_edge.board.events import Event, OnEvent, ignore
from sis_edge.board.jobs import DEFAULT, MeasuringOptions
from sis_edge.board.patience import Patience
from sis_edge.board.session import UnreadableRecordError
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import AgentError, BundleError, Interruption, SisEdgeError, UsageError
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


@dataclass(frozen=True)
class KnownProfile:
    """What a run says of its profile: the name, and whether sis-edge had run on such a board before."""

    name: str
    verified: bool | None

    @classmethod
    def of(cls, profile: DeviceProfile) -> "KnownProfile":
        """That of a profile."""
        return cls(profile.name, profile.board.verified)

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> "KnownProfile":
        """That of the profile which a bundle was built for; None is known of one whose file is not at hand."""
        try:
            return cls.of(profiles.load(bundle.manifest.profile))
        except UsageError:
            return cls(bundle.manifest.profile, None)


def wheel_cache() -> Path:
    """Where wheels for boards are kept on this machine."""
    return cache_root() / "wheels"


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
    attendance: Attendance = ATTENDANCE,
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
        provision_from=wheel_cache() if provision else None,
        on_event=on_event,
        on_unreadable=lambda job_id, error: aside.append(_kept(error, job_id, runs_dir)),
        patience=patience,
        attendance=attendance,
    )
    stored = []
    try:
        for record in records:
            try:
                _check_bundle(record, bundle)
                stored.append(_stored(record, bundle, KnownProfile.of(profile), transport.name, runs_dir))
            except UnreadableRecordError as error:
                aside.append(_kept(error, record.run_id, runs_dir))
        if aside:
            raise AgentError("; ".join(map(str, aside)))
    except (Interruption, SisEdgeError):
        for each in stored:
            on_event(Event("record", f"run stored in {each.path}"))
        raise
    return stored


def collect(
    job_id: str,
    bundles: Iterable[Bundle],
    transport: Transport,
    profile: DeviceProfile,
    runs_dir: Path,
    *,
    is_bundle_named: bool = False,
    is_profile_named: bool = True,
    on_event: OnEvent = ignore,
    patience: Patience | None = None,
    attendance: Attendance = ATTENDANCE,
) -> StoredFile:
    """Store the record of a job that was started before, with the bundle among `bundles` that it measured, else with
    the manifest that the board has of it.

    `is_bundle_named`: the job must have measured one of `bundles`. `is_profile_named`: the run is stored under this
    profile; else under its bundle's, and `profile` only says where the agent is. Raises BundleError where no manifest
    is at hand; the record is then kept aside and named.
    """
    store.check(runs_dir)
    at = jobs_on_board.session(transport, profile, on_event, patience)
    try:
        record = jobs_on_board.collect(at, job_id, attendance)
        candidates = list(bundles)
        bundle = next((bundle for bundle in candidates if bundle.id == record.job.bundle_id), None)
        if bundle is None and not is_bundle_named:
            bundle = jobs_on_board.bundle_of(at, job_id, record.job.bundle_id)
        if bundle is None:
            raise _without_bundle(record, candidates, None if is_bundle_named else runs_dir)
        known = KnownProfile.of(profile) if is_profile_named else KnownProfile.of_bundle(bundle)
        return _stored(record, bundle, known, transport.name, runs_dir)
    except UnreadableRecordError as error:
        raise _kept(error, job_id, runs_dir) from error


def _without_bundle(record: Record, candidates: list[Bundle], runs_dir: Path | None) -> BundleError:
    """The error for a record whose bundle is nowhere; with a folder for runs the record is kept there."""
    known = ", ".join(f"{bundle.path} ({bundle.id})" for bundle in candidates) or "no bundle at all"
    sentence = (
        f"job {record.run_id} measured bundle {record.job.bundle_id}, and here is {known}; name the folder of the "
        "bundle that it measured with --bundle"
    )
    if runs_dir is None:
        return BundleError(sentence)
    path = _keep(json.dumps(to_json(record)).encode(), record.run_id, runs_dir)
    return BundleError(f"{sentence} (the board has cleaned it away; the record is kept in {path})")


def _check_bundle(record: Record, bundle: Bundle) -> None:
    """Raise BundleError for a record of another bundle."""
    if record.job.bundle_id != bundle.id:
        raise BundleError(
            f"the record of run {record.run_id} is of bundle {record.job.bundle_id}, and {bundle.path} is {bundle.id}; "
            "it is not stored, since it would carry another network's accuracies"
        )


def _stored(record: Record, bundle: Bundle, known: KnownProfile, board: str, runs_dir: Path) -> StoredFile:
    try:
        run = StoredRun(
            stored_at=datetime.now(UTC),
            profile=known.name,
            profile_verified=known.verified,
            board=str(board),
            bundle_id=bundle.id,
            manifest=bundle.manifest,
            record=record,
        )
    except ValidationError as error:
        data = json.dumps(to_json(record)).encode()
        raise UnreadableRecordError(f"the record of {record.run_id} from {board} ({fault(error)})", data) from error
    return StoredFile(run, store.save(run, runs_dir))


def _kept(error: UnreadableRecordError, job_id: str, runs_dir: Path) -> AgentError:
    """Keep what came beside the runs; the error that says so."""
    path = _keep(error.data, job_id, runs_dir)
    return AgentError(f"{error}; it is not among the runs, and {path} is what the board sent")


def _keep(data: bytes, job_id: str, runs_dir: Path) -> Path:
    """Keep a record where no report reads it."""
    path = runs_dir / UNREADABLE / f"{safe(job_id)}.json"
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path
