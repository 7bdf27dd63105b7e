"""How a run was measured: rounds, runtime, clocks, power, and what measuring itself cost."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.report import rows as show
from sis_edge.report.sections.findings import RANDOM_INPUTS
from sis_edge.report.sections.sustained import sustained_method
from sis_edge.results import sampling
from sis_edge.results.rows import Row
from sis_edge.results.rows.structure import tensor_text
from sis_edge.results.schema import StoredRun

OTHER_RUNNERS = "other_runners"
"""Under this key the agent reports on the runtimes that are not the job's."""
UNSAID = (OTHER_RUNNERS, "harness_latencies_s", "runner", "turn_inferences", "on_gpu")
"""What a runtime reports of itself and other lines of the report say."""

NO_REASON = "the agent gave no reason"


def method(run: StoredRun, rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    """Label and text of each part of the method."""
    job, record = run.record.job, run.record
    return (
        ("Rounds", _rounds(run, rows)),
        ("Worker processes", _processes(run)),
        ("Order", f"random within each round (seed {job.seed})"),
        ("Warm-up", f"at least {show.seconds(job.warmup_s)} for each network, not counted"),
        ("Runtime", _runtime(run)),
        ("Threads", str(job.threads)),
        *((("Batch", show.plural(job.batch_size, "image")),) if run.manifest.networks else ()),
        *((f"Inputs of {entry.name}", _inputs(entry)) for entry in run.manifest.given),
        ("Cores", ", ".join(map(str, job.cores)) if job.cores else "not pinned: chosen by the operating system"),
        ("Clocks locked", _lock(run)),
        ("Power", _power(run)),
        *sustained_method(run),
        ("Cost of the harness", _harness(run)),
        ("Cost of sampling", _sampling(run)),
        ("Clock", f"{record.clock}, resolution {show.seconds(record.clock_resolution_s)}"),
        ("Started", f"{record.started_at} by the board's clock"),
        ("Stored", f"{run.stored_at.isoformat()} by the host's clock"),
        ("Duration", f"{record.duration_s:.1f} s"),
    )


def _runtime(run: StoredRun) -> str:
    job, details = run.record.job, run.record.runner_details
    others = details.get(OTHER_RUNNERS) or {}
    said = [f"{name}{_details(details if name == job.runner else others.get(name, {}))}" for name in run.runtimes]
    return " and ".join(said) + (", in random order in the same rounds" if len(said) > 1 else "")


def _details(reported: Mapping[str, Any]) -> str:
    """What a runtime reports of itself, in brackets."""
    shown = "; ".join(f"{name}: {_plain(value)}" for name, value in sorted(reported.items()) if name not in UNSAID)
    return f" ({shown})" if shown else ""


def _inputs(entry: GivenNetwork) -> str:
    """The tensors that it ran with, and whether they are real."""
    shapes = "; ".join(map(tensor_text, entry.input_tensors))
    if not entry.inputs_are_random:
        return f"{shapes}; given by the user"
    seed = "" if entry.inputs_seed is None else f" (seed {entry.inputs_seed})"
    return f"{shapes}; random inputs{seed}: {RANDOM_INPUTS}"


def _rounds(run: StoredRun, rows: Sequence[Row]) -> str:
    ends = {
        "length": "until every network had enough time and inferences",
        "target_ci": f"until every speed-up was known to within {show.percent(run.record.job.target_ci or 0)}",
        "time_limit": "until the time limit",
        "problem": "until a problem ended them",
    }
    measured = [row.latency for row in rows if row.latency.rounds]
    if not measured:
        return f"none of {run.record.job.rounds}"
    each = [round(latency.samples / latency.rounds) for latency in measured]
    return (
        f"{show.span([latency.rounds for latency in measured])}, with {show.span(each)} inferences of every network in "
        f"each, {ends.get(run.record.ended_by, run.record.ended_by)}"
    )


def _processes(run: StoredRun) -> str:
    """How many share the rounds, and the turns that other programs disturbed."""
    turns = [turn for network in run.record.networks for turn in network.rounds]
    again = sum(turn.preempted for turn in turns)
    disturbed = f"; {again} of {len(turns) + again} turns were disturbed by other programs and measured again"
    return f"{len({turn.process for turn in turns})}, which share the rounds{disturbed if again else ''}"


def _lock(run: StoredRun) -> str:
    lock = run.record.clock_lock
    if not lock.requested:
        return "not requested"
    if not lock.locked:
        return f"NO: {lock.reason or NO_REASON}"
    settings = ", ".join(f"{name} = {value}" for name, value in sorted(lock.settings.items()))
    after = {True: "restored afterwards", False: "NOT restored afterwards", None: "whether restored is unknown"}
    return f"yes ({settings}); {after[lock.restored]}"


def _power(run: StoredRun) -> str:
    power = run.record.power
    if not power.traces or power.status != "measured":
        return f"unavailable ({power.reason or NO_REASON})"
    trace = power.traces[0]
    update = "unknown" if trace.update_interval_s is None else show.seconds(trace.update_interval_s)
    rails = " + ".join(power.total_rails) or "no rule for a total"
    return (
        f"{trace.source}, total of scope {power.scope or 'unknown'}: {rails}; read every "
        f"{show.seconds(trace.sample_interval_s)}, update interval of the sensor {update}"
    )


def _sampling(run: StoredRun) -> str:
    """What reading sensors and state cost: of a core, and of latency."""
    found = sampling.cost(run.record)
    share = "an unknown share" if found.cpu_share is None else show.percent(found.cpu_share)
    if found.slowdown is None:
        return f"{share} of a core; effect on latency unknown ({found.reason})"
    bounds = found.interval
    interval = f"95% interval {bounds.low:.4f} to {bounds.high:.4f}" if bounds else f"no interval: {found.reason}"
    return (
        f"{share} of a core; with sampling, latencies of {found.network} were {found.slowdown:.4f} times those without "
        f"({interval}; {show.plural(found.pairs, 'pair')} of turns)"
    )


def _harness(run: StoredRun) -> str:
    latencies_s = run.record.runner_details.get("harness_latencies_s")
    if not isinstance(latencies_s, list) or not latencies_s:
        return "unknown"
    return (
        f"{show.seconds(median(latencies_s))} of each latency (median of {len(latencies_s)} calls that compute nothing)"
    )


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
