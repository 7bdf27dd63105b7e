"""A bundle on a board: agent, bundle and job go over, the record comes back.

Nothing large is sent before the board has shown that it can run the job. A job outlives the connection and this
program; `jobs_on_board.collect` finds it again by its id.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

from sis_agent.schema import Facts, Record
from sis_edge.board.agent_client import Started
from sis_edge.board.attendance import ATTENDANCE, Attendance
from sis_edge.board.duration import announcement
from sis_edge.board.events import Event, OnEvent, ignore
from sis_edge.board.jobs import DEFAULT, MeasuringOptions, combinations, job_for
from sis_edge.board.patience import Patience
from sis_edge.board.session import BoardSession, UnreadableRecordError
from sis_edge.board.started import StartedJob
from sis_edge.board.sustained import check_temperature
from sis_edge.bundles import trust
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BoardError, Interruption
from sis_edge.profiles import DeviceProfile
from sis_edge.profiles.detect import architecture
from sis_edge.profiles.untried import untried
from sis_edge.registries import BACKENDS
from sis_edge.transport import Transport


def new_job_id() -> str:
    """A new job's id: UTC time, so that ids sort by age, and a random end.

    >>> len(new_job_id())
    23
    """
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def deploy(
    bundle: Bundle,
    transport: Transport,
    profile: DeviceProfile,
    *,
    networks: Sequence[str] | None = None,
    seed: int = 0,
    options: MeasuringOptions = DEFAULT,
    job_id: str | None = None,
    provision_from: Path | None = None,
    on_event: OnEvent = ignore,
    patience: Patience | None = None,
    attendance: Attendance = ATTENDANCE,
) -> Record:
    """Measure a bundle on a board: push what is missing, run the job, wait for it, fetch its record.

    `seed` is that of the networks' order. The record may tell of a problem of single networks or of the whole job. Of
    several combinations of threads and batch size the first is measured; `deploy_each` measures them all. A busy board
    is waited for, and Ctrl-C cancels the job on the board: `attendance` has both otherwise. `provision_from` is a cache
    of wheels, out of which the board gets the profile's ONNX Runtime; None leaves the board as it is. Raises
    BundleError, TransportError, AgentError and BoardError as their docstrings say; a lost connection is waited for as
    long as `patience` says.
    """
    _check_request(bundle, profile, networks, options)
    line, runner, facts = ready(bundle, transport, profile, options, provision_from, on_event, patience)
    job = job_for(bundle, profile, networks=networks, seed=seed, options=options, runner=runner, facts=facts)
    on_event(Event("facts", announcement(bundle, job, facts, transport.name)))
    return StartedJob(line, job_id or new_job_id(), attendance).measure(job)


def deploy_each(
    bundle: Bundle,
    transport: Transport,
    profile: DeviceProfile,
    *,
    networks: Sequence[str] | None = None,
    seed: int = 0,
    options: MeasuringOptions = DEFAULT,
    provision_from: Path | None = None,
    on_event: OnEvent = ignore,
    on_unreadable: Callable[[str, UnreadableRecordError], None] | None = None,
    patience: Patience | None = None,
    attendance: Attendance = ATTENDANCE,
) -> Iterator[Record]:
    """As `deploy`, for every combination of threads and batch size that is asked for; each record as it comes.

    `on_unreadable` gets a job's id and the error of its record, and the next combination goes on; None raises it.
    """
    several = combinations(profile, options, bundle.manifest)
    for one in several:
        _check_request(bundle, profile, networks, one)
    line, runner, facts = ready(bundle, transport, profile, options, provision_from, on_event, patience)
    for number, one in enumerate(several, 1):
        job = job_for(bundle, profile, networks=networks, seed=seed, options=one, runner=runner, facts=facts)
        job_id = new_job_id()
        on_event(Event("facts", announcement(bundle, job, facts, transport.name), detail={"job_id": job_id}))
        started = StartedJob(line, job_id, attendance)
        try:
            record = started.measure(job)
        except UnreadableRecordError as error:
            if on_unreadable is None:
                raise
            on_unreadable(started.job_id, error)
        except Interruption as error:
            left = len(several) - number
            if not left:
                raise
            raise Interruption(f"{error}; {left} more {'was' if left == 1 else 'were'} not started") from error
        else:
            yield record


def start_each(
    bundle: Bundle,
    transport: Transport,
    profile: DeviceProfile,
    *,
    networks: Sequence[str] | None = None,
    seed: int = 0,
    options: MeasuringOptions = DEFAULT,
    provision_from: Path | None = None,
    on_event: OnEvent = ignore,
    patience: Patience | None = None,
    attendance: Attendance = ATTENDANCE,
) -> list[Started]:
    """As `deploy_each`, without waiting: each combination is a job of its own, and all but the first queue."""
    several = combinations(profile, options, bundle.manifest)
    for one in several:
        _check_request(bundle, profile, networks, one)
    line, runner, facts = ready(bundle, transport, profile, options, provision_from, on_event, patience)
    found = []
    for one in several:
        job = job_for(bundle, profile, networks=networks, seed=seed, options=one, runner=runner, facts=facts)
        on_event(Event("facts", announcement(bundle, job, facts, transport.name)))
        found.append(StartedJob(line, new_job_id(), attendance).leave(job))
        attendance = replace(attendance, queue=True)
    return found


def _check_request(
    bundle: Bundle, profile: DeviceProfile, networks: Sequence[str] | None, options: MeasuringOptions
) -> None:
    """Raise for the user's mistakes before the board is troubled; which runtime it has is not known yet."""
    job_for(bundle, profile, networks=networks, options=options, runner=profile.runtime.runners[-1])


def ready(
    bundle: Bundle,
    transport: Transport,
    profile: DeviceProfile,
    options: MeasuringOptions,
    provision_from: Path | None,
    on_event: OnEvent,
    patience: Patience | None,
) -> tuple[BoardSession, str, Facts]:
    """A board that has the agent and the bundle, the runtime that it has, and its facts."""
    trust.check(bundle, options.trust)
    line = BoardSession(transport, profile, on_event, patience or Patience())
    facts = line.meet()
    check_threads(options.threads, facts, options.cores, transport.name)
    check_temperature(options.sustained, facts, transport.name)
    if provision_from is not None and line.provision(facts, provision_from):
        facts = line.meet()
    runner = check_board(facts, profile, transport.name)
    check_runtimes(options.runtimes, facts, transport.name)
    if not all(BACKENDS[name].on_gpu for name in options.runtimes or (runner,)):
        _check_root(facts, bundle, profile, transport.name)
    if facts.emulated:
        sign = facts.emulation or "qemu"
        on_event(Event("facts", f"{transport.name} is emulated ({sign}): no speed will be claimed"))
    elif not facts.simulated:
        for sentence in untried(profile, runner):
            on_event(Event("facts", f"Not tried on hardware: {sentence}"))
    for better in profile.runtime.runners:
        if better == runner:
            break
        lack = _lack(facts, better)
        on_event(Event("facts", f"{transport.name} cannot run {better}: {lack}; measuring with {runner} instead"))
    line.push(bundle, facts)
    return line, runner, facts


def check_threads(threads: int | None, facts: Facts, cores: Sequence[int], name: str) -> None:
    """Raise BoardError for more threads than cores that may be used: they would wait for each other.

    `threads` is what a user asked for, `cores` are those that the job is bound to.
    """
    allowed = len(cores) or len(facts.allowed_cores) or facts.cpu_count
    if allowed and facts.cpu_quota_cores is not None:
        allowed = min(allowed, max(1, ceil(facts.cpu_quota_cores)))
    if threads is not None and allowed and threads > allowed:
        cores_and_advice = "1 core; give 1" if allowed == 1 else f"{allowed} cores; give 1 to {allowed}"
        raise BoardError(f"--threads is {threads}, and a job on {name} may use {cores_and_advice}")


def check_board(facts: Facts, profile: DeviceProfile, name: str) -> str:
    """The runtime to measure with: the first of the profile's that the board has.

    Raises BoardError where the board is not the profile's, or has none of them.
    """
    machine = architecture(facts)
    if profile.board.architecture not in ("any", machine) and machine is not None:
        raise BoardError(
            f"{name} is a {facts.machine}, the profile {profile.name} is for {profile.board.architecture}; "
            "choose another with --profile"
        )
    runners = profile.runtime.runners
    for runner in runners:
        if facts.runners.get(runner) == "available":
            return runner
    lacks = _lack(facts, runners[0])
    if len(runners) > 1:
        lacks = "; ".join(f"{runner}: {_lack(facts, runner)}" for runner in runners)
    python = f"its Python is {facts.python_executable or profile.agent.python}, {facts.python or 'version unknown'}"
    ways = [way for runner in runners if (way := _way(runner, _lack(facts, runner)))]
    another = "name another runtime in the profile, or with --backend"
    step = f"{ways[0]}, or {another}" if ways else another
    raise BoardError(f"{name} cannot run {' or '.join(runners)}: {lacks} ({python}); {step}")


def _check_root(facts: Facts, bundle: Bundle, profile: DeviceProfile, name: str) -> None:
    """Raise BoardError for a bundle with native kernels where the agent's folder holds nothing that can be loaded."""
    libraries = [entry.path for entry in bundle.manifest.files if entry.path.endswith(".so")]
    if facts.root_noexec and libraries:
        raise BoardError(
            f"{profile.agent.root} on {name} is on a file system that is mounted noexec, so the bundle's native "
            f"kernels ({libraries[0]}) cannot be loaded; name a folder on another one as `root` in the profile's "
            "[agent]"
        )


def check_runtimes(runtimes: Sequence[str], facts: Facts, name: str) -> None:
    """Raise BoardError where a board lacks one of several runtimes that are to be measured side by side."""
    lacking = [runner for runner in runtimes if facts.runners.get(runner) != "available"]
    if lacking:
        lacks = "; ".join(f"{runner}: {_lack(facts, runner)}" for runner in lacking)
        raise BoardError(
            f"--backend asks for {' and '.join(runtimes)} side by side, and {name} cannot run {lacks}; "
            "name one runtime, or install what is missing"
        )


def _way(runner: str, lack: str) -> str | None:
    """How the board gets a runtime that it lacks; None where what it says has the only remedy."""
    backend = BACKENDS[runner]
    if "cannot be imported" in lack:
        return None if "the agent's own" in lack else backend.repair()
    return None if "32-bit" in lack else backend.install()


def _lack(facts: Facts, runner: str) -> str:
    return facts.runners.get(runner, "this agent has no such runner")
