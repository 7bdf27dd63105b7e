"""Stored runs as rows: one row a network, each set against the dense network of the same run.

A row holds plain values in SI units, as they go into CSV and JSON. A value that is not known is None, and
`reasons` says why under the same name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any

from sis_agent.schema import GoldenCheck, NetworkRecord
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.errors import RecordError
from sis_edge.limits import with_limit
from sis_edge.results.energy import NetworkEnergy, per_inference
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import MIN_ROUNDS, needed, percentile, proportion_difference, speed_up, wilson
from sis_edge.results.verdict import Verdict, judge

PERCENTILES = (50, 90, 99)
REFERENCE = "the reference"
EMULATED = "the board is emulated: its times are the emulator's, and no speed or energy is claimed"

SPEED_UPS = ("speed_up", "speed_up_low", "speed_up_high", "speed_up_rounds", "share_of_ceiling")
ENERGIES = (
    *("energy_gross_j", "energy_gross_low_j", "energy_gross_high_j"),
    *("energy_net_j", "energy_net_low_j", "energy_net_high_j"),
    *("energy_scope", "energy_source", "energy_blocks"),
)


@dataclass(frozen=True)
class Row:
    """One network of one run.

    Accuracies are shares in [0, 1]; `accuracy_drop` is the dense network's host accuracy minus this one's;
    `_low` and `_high` bound 95% intervals. Latencies are those of one call with `batch_size` images.
    `speed_up_rounds` counts the rounds that hold both networks;
    `mac_ratio` counts multiply-accumulates as formed, `ceiling` after compaction, beyond which only kernels go that
    take less time for each: `share_of_ceiling` is speed-up / ceiling.
    `peak_above_baseline_bytes` is what loading and running the network added to its fresh process, and
    `peak_rss_spread` how far the peaks of several such processes lay apart, as a share of their median.
    Energies are joules per inference of `batch_size` images: gross, and net of the board's idle power; `energy_scope`
    says what the sensor covers. The verdict is the whole run's.
    """

    run_id: str
    stored_at: str
    profile: str
    board: str
    simulated: bool
    emulated: bool
    dataset: str
    network: str
    is_dense: bool
    granularity: str
    t_c: float
    t_p: float
    conv_synapses: int
    micro_synapses: int
    synapses: int
    architectural_efficiency: float
    macs: int
    macs_live: int
    mac_ratio: float
    ceiling: float
    train_images: int
    epochs: int
    paper_accuracy: float | None
    host_accuracy: float
    host_test_images: int
    accuracy_drop: float | None
    accuracy_drop_low: float | None
    accuracy_drop_high: float | None
    device_accuracy: float | None
    device_accuracy_low: float | None
    device_accuracy_high: float | None
    device_test_images: int | None
    batch_size: int
    threads: int
    samples: int
    rounds: int
    warmup_steady: bool | None
    latency_p50_s: float | None
    latency_p90_s: float | None
    latency_p99_s: float | None
    speed_up: float | None
    speed_up_low: float | None
    speed_up_high: float | None
    speed_up_rounds: int | None
    share_of_ceiling: float | None
    load_s: float | None
    first_inference_s: float | None
    model_bytes: int | None
    peak_rss_bytes: int | None
    peak_above_baseline_bytes: int | None
    peak_rss_spread: float | None
    device_bytes: int | None
    device_memory_is_unified: bool | None
    energy_gross_j: float | None
    energy_gross_low_j: float | None
    energy_gross_high_j: float | None
    energy_net_j: float | None
    energy_net_low_j: float | None
    energy_net_high_j: float | None
    energy_scope: str | None
    energy_source: str | None
    energy_blocks: int | None
    golden_passed: bool | None
    golden_images: int | None
    golden_max_abs_difference: float | None
    golden_top1_agreement: float | None
    problem: str | None
    verdict: str
    verdict_reasons: str | None
    verdict_version: int
    reasons: dict[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Every value by its name, without the reasons."""
        return {name: getattr(self, name) for name in VALUE_NAMES}


VALUE_NAMES = tuple(part.name for part in fields(Row) if part.name != "reasons")


def compare(run: StoredRun, seed: int = 0) -> list[Row]:
    """The rows of one run, in the bundle's order; `seed` is the bootstrap's."""
    networks = run.networks()
    dense = next((pair for pair in networks if pair[0].name == run.manifest.dense), None)
    run_level = _Run(run, judge(run.record), per_inference(run))
    return [_row(run_level, entry, record, dense, seed) for entry, record in networks]


def compare_all(runs: Iterable[StoredRun], seed: int = 0) -> list[Row]:
    """The rows of several runs, run after run; raises RecordError where there is none."""
    rows = [row for run in runs for row in compare(run, seed)]
    if not rows:
        raise RecordError("there is no run to compare; `sis-edge deploy` measures one")
    return rows


@dataclass(frozen=True)
class _Run:
    """A run with what is worked out once for all of its networks."""

    stored: StoredRun
    verdict: Verdict
    energy: Mapping[str, NetworkEnergy]


def _row(
    of: _Run,
    entry: NetworkEntry,
    record: NetworkRecord | None,
    dense: tuple[NetworkEntry, NetworkRecord | None] | None,
    seed: int,
) -> Row:
    run = of.stored
    problem = _problem(run, record)
    emulated = EMULATED if run.record.facts_before.emulated else None
    found = (
        _structure(entry)
        | _measured(record, problem or "the board did not report it")
        | _accuracy(record, problem or "the bundle holds no test images")
        | _against_dense(entry, record, dense, problem, seed)
        | _energy(of.energy.get(entry.name), emulated or problem or "no energy was measured of it")
    )
    if emulated:
        found |= dict.fromkeys((*SPEED_UPS, *ENERGIES), (None, emulated))
    known = {name: value for name, (value, reason) in found.items()}
    reasons = {name: reason for name, (value, reason) in found.items() if value is None}
    if problem is None:
        reasons["problem"] = "none"
    if not of.verdict.reasons:
        reasons["verdict_reasons"] = "none"
    facts = run.record.facts_before
    return Row(
        run_id=run.record.run_id,
        stored_at=run.stored_at.isoformat(),
        profile=run.profile,
        board=run.board,
        simulated=run.record.simulated or facts.simulated,
        emulated=facts.emulated,
        dataset=run.manifest.dataset,
        is_dense=entry.name == run.manifest.dense,
        batch_size=run.record.job.batch_size,
        threads=run.record.job.threads,
        samples=len(_samples(record)),
        rounds=len(_rounds(record)),
        problem=problem,
        verdict=of.verdict.level,
        verdict_reasons="; ".join(reason.sentence for reason in of.verdict.reasons) or None,
        verdict_version=of.verdict.version,
        reasons=reasons,
        **known,
    )


# Each of the functions below gives name -> (value, the reason where the value is None).
_Found = dict[str, tuple[Any, str]]


def _structure(entry: NetworkEntry) -> _Found:
    training = entry.training
    values = {
        "network": entry.name,
        "granularity": entry.granularity,
        "t_c": entry.t_c,
        "t_p": entry.t_p,
        "conv_synapses": entry.conv_synapses,
        "micro_synapses": entry.micro_synapses,
        "synapses": entry.synapses,
        "architectural_efficiency": entry.architectural_efficiency,
        "macs": entry.macs,
        "macs_live": entry.macs_live,
        "mac_ratio": entry.mac_ratio,
        "ceiling": entry.ceiling,
        "train_images": training.train_images,
        "epochs": training.epochs,
        "host_accuracy": training.host_accuracy,
        "host_test_images": training.host_test_images,
        "paper_accuracy": entry.paper_accuracy,
    }
    return {name: (value, "the paper has no figure for this data set") for name, value in values.items()}


def _measured(record: NetworkRecord | None, reason: str) -> _Found:
    samples = _samples(record)
    found: _Found = {}
    for percent in PERCENTILES:
        short = f"insufficient (n = {len(samples)}, needs {needed(percent)})"
        found[f"latency_p{percent}_s"] = (percentile(samples, percent), short if samples else reason)
    memory = record.memory if record else None
    memory_reason = memory.reason if memory and memory.reason else reason
    peak, baseline = (memory.peak_rss_bytes, memory.baseline_rss_bytes) if memory else (None, None)
    added = peak - baseline if peak is not None and baseline is not None else None
    golden = record.golden if record else None
    peaks = sorted(memory.repeats_peak_rss_bytes) if memory else []
    spread = (peaks[-1] - peaks[0]) / median(peaks) if len(peaks) > 1 else None
    device_reason = (memory.device_reason if memory else None) or "no memory of a device was asked for"
    return found | {
        "load_s": (record.load_s if record else None, reason),
        "warmup_steady": (record.warmup_steady if record else None, reason),
        "first_inference_s": (record.first_inference_s if record else None, reason),
        "model_bytes": (record.model_bytes if record else None, reason),
        "peak_rss_bytes": (peak, memory_reason),
        "peak_above_baseline_bytes": (added, memory_reason),
        "peak_rss_spread": (spread, "measured once" if memory else reason),
        "device_bytes": (memory.device_bytes if memory else None, device_reason),
        "device_memory_is_unified": (memory.unified if memory else None, device_reason),
        "golden_passed": (golden.passed if golden else None, reason),
        "golden_images": (golden.images if golden else None, reason),
        "golden_max_abs_difference": (golden.max_abs_difference if golden else None, reason),
        "golden_top1_agreement": (golden.top1_agreement if golden else None, reason),
    }


def _accuracy(record: NetworkRecord | None, reason: str) -> _Found:
    accuracy = record.accuracy if record and record.accuracy and record.accuracy.images else None
    interval = wilson(accuracy.correct, accuracy.images) if accuracy else None
    return {
        "device_accuracy": (accuracy.correct / accuracy.images if accuracy else None, reason),
        "device_accuracy_low": (interval.low if interval else None, reason),
        "device_accuracy_high": (interval.high if interval else None, reason),
        "device_test_images": (accuracy.images if accuracy else None, reason),
    }


def _against_dense(
    entry: NetworkEntry,
    record: NetworkRecord | None,
    dense: tuple[NetworkEntry, NetworkRecord | None] | None,
    problem: str | None,
    seed: int,
) -> _Found:
    names = SPEED_UPS
    drops = ("accuracy_drop", "accuracy_drop_low", "accuracy_drop_high")
    if dense is None:
        return dict.fromkeys((*names, *drops), (None, "the run has no dense network to compare with"))
    dense_entry, dense_record = dense
    if dense_entry.name == entry.name:
        return dict.fromkeys((*names, *drops), (None, REFERENCE))
    counts = [
        (round(training.host_accuracy * training.host_test_images), training.host_test_images)
        for training in (dense_entry.training, entry.training)
    ]
    interval = proportion_difference(*counts)
    drop = dense_entry.training.host_accuracy - entry.training.host_accuracy
    found: _Found = {name: (value, "") for name, value in zip(drops, (drop, interval.low, interval.high), strict=True)}
    reason = problem or "the network was not measured"
    if not _samples(dense_record):
        reason = f"the dense network {dense_entry.name} was not measured in this run"
    try:
        speed = speed_up(_rounds(dense_record), _rounds(record), seed)
    except ValueError as error:
        speed, reason = None, str(error)
    if speed is None:
        return found | dict.fromkeys(names, (None, reason))
    bounds = speed.interval
    short = f"insufficient ({speed.rounds} rounds, an interval needs {MIN_ROUNDS})"
    return found | {
        "speed_up": (speed.estimate, ""),
        "speed_up_low": (bounds.low if bounds else None, short),
        "speed_up_high": (bounds.high if bounds else None, short),
        "speed_up_rounds": (speed.rounds, ""),
        "share_of_ceiling": (speed.estimate / entry.ceiling, ""),
    }


def _energy(energy: NetworkEnergy | None, reason: str) -> _Found:
    if energy is None:
        return dict.fromkeys(ENERGIES, (None, reason))
    gross = (energy.gross_j, energy.gross_low, energy.gross_high)
    net = (energy.net_j, energy.net_low, energy.net_high)
    values = (*gross, *net, energy.scope, energy.source, energy.blocks)
    reason = energy.reason or reason
    return {name: (value, reason) for name, value in zip(ENERGIES, values, strict=True)}


def _disagreement(run: StoredRun, record: NetworkRecord, golden: GoldenCheck) -> str:
    """In what a network failed its golden check: the difference of logits, or the class on top alone."""
    job = run.record.job
    own = {network.name: network.golden_tolerance for network in job.networks}.get(record.name)
    tolerance = job.golden_tolerance if own is None else own
    difference, limit = with_limit(golden.max_abs_difference, tolerance, ".3g")
    if golden.max_abs_difference <= tolerance:
        others = round((1 - golden.top1_agreement) * golden.images)
        return f"its class differs from the host's for {others} of {golden.images} golden images"
    return f"its logits differ from the host's by up to {difference} (tolerance {limit})"


def _problem(run: StoredRun, record: NetworkRecord | None) -> str | None:
    if record is not None and record.problem is not None:
        return record.problem.message
    if record is not None and record.golden is not None and not record.golden.passed:
        return f"{_disagreement(run, record, record.golden)}: the board does not compute the same function"
    if _samples(record):
        return None
    if run.record.problem is not None:
        return f"the job ended early: {run.record.problem.message}"
    return "the job did not contain this network" if record is None else "no latency was recorded"


def _rounds(record: NetworkRecord | None) -> dict[int, list[float]]:
    return {turn.round: turn.latencies_s for turn in record.rounds if turn.latencies_s} if record else {}


def _samples(record: NetworkRecord | None) -> list[float]:
    return [latency for latencies in _rounds(record).values() for latency in latencies]
