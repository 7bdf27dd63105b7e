"""What a report says of a run, before any format: titles, sentences, facts and tables."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from sis_agent.schema import Facts, Job
from sis_edge.board.jobs import LENGTHS
from sis_edge.bundles.identity import SPARSE_24
from sis_edge.errors import RecordError
from sis_edge.report import rows as show
from sis_edge.report.layers import layer_tables
from sis_edge.report.tables import COLUMNS, Table, table
from sis_edge.results import sampling
from sis_edge.results.comparison import Row, compare
from sis_edge.results.kernel_choice import SparseChoice, advice, choices
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import Level, Verdict, judge

# The data sets that the paper reports accuracies for.
PAPER_DATASETS = {"cifar10": "CIFAR-10", "svhn": "SVHN"}

READING = (
    "Speed-up is the median over rounds of the dense network's median latency in the round divided by this network's. "
    "All networks take turns in random order within a round, so that a board that warms up or clocks down does so for "
    "all alike.",
    "The 95% interval of a speed-up comes from a hierarchical bootstrap: rounds are drawn with replacement, then "
    "inferences within each drawn round, 10,000 times. An interval that holds 1 shows no difference.",
    "The 95% interval of an accuracy is Wilson's, that of a drop is Newcombe's. Both speak of other test images of the "
    "same kind, not of other trainings.",
    "A percentile is given only where the sample carries it: p50 from 11, p90 from 64, p99 from 662 inferences.",
    "The energy of an inference is the sensor's total over blocks in which one network ran back to back, divided by "
    "the inferences: gross as it is, net after the idle power before and after was taken away. Its scope, what the "
    "sensor covers, stands in every label; energies of different scopes are not comparable.",
    "The verdict is worked out from the record alone: VALID, SUSPECT or INVALID, with every reason that was found.",
    "The ceiling is the ratio of multiply-accumulates, dense to this network: a run time that skipped every synapse "
    "that does not exist, and had no other cost, would reach it. It is counted, not measured; kernels that take less "
    "time for each multiply-accumulate than the dense network's go beyond it.",
)


# What a simulated board's transport puts before its name.
SIMULATED = "simulated "

HEADLINES: dict[Level, str] = {
    "VALID": "nothing in the record speaks against these numbers",
    "SUSPECT": "the numbers may be right, and something could have bent them",
    "INVALID": "the numbers do not describe what they claim to; measure again",
    "NONE": "the times say nothing about a board, so no speed-up is claimed",
}


@dataclass(frozen=True)
class Section:
    """One run: everything that a format lays out."""

    title: str
    mark: str | None
    findings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    board: tuple[tuple[str, str], ...]
    method: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    reproduce: tuple[str, ...]
    verdict: Verdict
    choices: tuple[SparseChoice, ...]
    run: StoredRun
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Document:
    """A report over one or more runs."""

    title: str
    sections: tuple[Section, ...]
    reading: tuple[str, ...] = READING


def document(runs: Sequence[StoredRun], seed: int = 0) -> Document:
    """The report of these runs; raises RecordError where there is none. `seed` is the bootstrap's."""
    if not runs:
        raise RecordError("there is no run to report; `sis-edge deploy` measures one")
    sections = tuple(section(run, seed) for run in runs)
    title = sections[0].title if len(sections) == 1 else f"SiS against the dense NiN: {len(sections)} runs"
    return Document(title, sections)


def section(run: StoredRun, seed: int = 0) -> Section:
    """What there is to say of one run."""
    rows = tuple(compare(run, seed))
    verdict = judge(run.record)
    chosen = () if run.record.facts_before.emulated else tuple(choices(run.record.networks, seed))
    return Section(
        title=f"{_dense_or_run(run)}: {run.manifest.dataset} on {board_name(run)}",
        mark=mark(rows),
        findings=(
            *((row.network, _finding(row, run.manifest.reference)) for row in rows if not row.is_dense),
            *((choice.label, advice(choice)) for choice in of_engines(chosen)),
        ),
        notes=_notes(run, rows),
        tables=(*(table(name, rows, mark(rows)) for name in COLUMNS), *layer_tables(run, rows, chosen, mark(rows))),
        choices=chosen,
        board=_board(run),
        method=_method(run, rows),
        environment=_environment(run.record.facts_before, run.record.facts_after),
        provenance=_provenance(run),
        reproduce=_reproduce(run),
        verdict=verdict,
        run=run,
        rows=rows,
    )


def of_engines(chosen: Sequence[SparseChoice]) -> list[SparseChoice]:
    """The choices between TensorRT's engines; those of native kernels stand beside their layers."""
    return [choice for choice in chosen if choice.form == SPARSE_24]


def mark(rows: Sequence[Row]) -> str | None:
    """The mark that every table and chart of a run carries; None for a run on a real board."""
    names = [name for name in ("simulated", "emulated") if any(getattr(row, name) for row in rows)]
    return " and ".join(names) or None


def headline(verdict: Verdict) -> str:
    """The verdict in one line: its word, and what it means."""
    word = "NO VERDICT" if verdict.level == "NONE" else verdict.level
    return f"{word}: {HEADLINES[verdict.level]}"


def verdict_lines(verdict: Verdict) -> tuple[str, ...]:
    """The reasons in words, and what could not be looked at."""
    lines = [f"{_upper(reason.sentence)}." for reason in verdict.reasons]
    if verdict.unseen:
        lines.append(f"This board did not show, so that nothing is known of it: {', '.join(verdict.unseen)}.")
    return tuple(lines)


def board_name(run: StoredRun) -> str:
    """The board by its model, or by the best of what is known."""
    facts = run.record.facts_before
    return facts.model or facts.cpu_model or facts.machine or run.profile


def _dense_or_run(run: StoredRun) -> str:
    return f"SiS against the dense {run.manifest.reference}" if run.manifest.reference else "SiS networks"


def _finding(row: Row, dense: str | None) -> str:
    """What one network buys, in a sentence that goes on from its name."""
    end = f" Problem: {row.problem}." if row.problem and row.latency_p50_s is not None else ""
    if row.speed_up is None:
        return f"no speed-up, since {row.reasons['speed_up']}.{end}"
    parts = [f"{show.speed_up(row)} the speed of {dense}"]
    if row.speed_up_low is None or row.speed_up_high is None:
        parts[0] += f" (no interval: {row.reasons['speed_up_low']})"
    else:
        parts[0] += f" (95% interval {show.speed_up_interval(row)}; ceiling {show.ratio(row.ceiling)})"
        if row.speed_up_low <= 1 <= row.speed_up_high:
            parts[0] += ", which is no difference shown"
    if row.accuracy_drop is not None and row.accuracy_drop_low is not None and row.accuracy_drop_high is not None:
        side = "below" if row.accuracy_drop >= 0 else "above"
        interval = f"{show.points(row.accuracy_drop_low)} to {show.points(row.accuracy_drop_high)}"
        images = show.plural(row.host_test_images, "test image")
        parts.append(
            f"accuracy {show.points(abs(row.accuracy_drop))} points {side} it "
            f"(95% interval of the drop {interval}, {images})"
        )
        if row.accuracy_drop_low <= 0 <= row.accuracy_drop_high:
            parts[1] += ", which these images cannot tell from 0"
    return f"{'; '.join(parts)}.{end}"


def _notes(run: StoredRun, rows: Sequence[Row]) -> tuple[str, ...]:
    notes = []
    if (marked := mark(rows)) is not None:
        notes.append(f"This run is {marked}: its latencies, loads and memory say nothing about a real board.")
    trainings = sorted({(row.train_images, row.epochs) for row in rows})
    name = PAPER_DATASETS.get(run.manifest.dataset, run.manifest.dataset)
    amounts = "; ".join(
        f"{show.plural(n, 'image')} of {name} for {show.plural(epochs, 'epoch')}" for n, epochs in trainings
    )
    if run.manifest.dataset not in PAPER_DATASETS:
        notes.append(
            f"Trained on {amounts}: not comparable with the paper's {' and '.join(PAPER_DATASETS.values())} figures."
        )
    else:
        notes.append(
            f"Trained on {amounts}. The paper does not say how long it trained, so its accuracies stand beside "
            "these for orientation only."
        )
    if run.record.problem is not None:
        notes.append(f"The job ended early: {run.record.problem.message}.")
    unsteady = [row.network for row in rows if row.warmup_steady is False]
    if unsteady:
        notes.append(
            f"The warm-up of {', '.join(unsteady)} ended before latencies were steady: measure again on a quiet board."
        )
    for row in rows:
        if row.is_dense and row.problem is not None:  # the others' stand in their findings
            notes.append(f"{row.network}: {row.problem}.")
    return tuple(notes)


def _board(run: StoredRun) -> tuple[tuple[str, str], ...]:
    facts = run.record.facts_before
    memory = show.size(facts.memory_total_bytes) if facts.memory_total_bytes is not None else None
    known = (
        ("Board", facts.model),
        ("Profile", run.profile),
        ("Reached as", run.board),
        ("Host name", facts.hostname),
        ("Machine", facts.machine),
        ("CPU", facts.cpu_model),
        ("CPU cores", str(facts.cpu_count) if facts.cpu_count is not None else None),
        ("Memory", memory),
        ("System", facts.os_name),
        ("Kernel", facts.kernel),
        ("L4T", facts.l4t or "none: not a Jetson, or not recognised as one"),
        ("glibc", facts.glibc),
        ("Python", facts.python),
        ("Run time", ", ".join(f"{name} {version}" for name, version in sorted(facts.runners.items())) or None),
        ("Power mode", facts.power_mode or "none: this board has no such modes, or does not tell"),
        ("Power sensors", "; ".join(f"{kind}: {state}" for kind, state in sorted(facts.power_sources.items())) or None),
    )
    return tuple((label, text or "unknown") for label, text in known)


def _method(run: StoredRun, rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    job, record = run.record.job, run.record
    told = {name: value for name, value in record.runner_details.items() if name != "harness_latencies_s"}
    details = "; ".join(f"{name}: {_plain(value)}" for name, value in sorted(told.items()))
    return (
        ("Rounds", _rounds(run, rows)),
        ("Order", f"random within each round (seed {job.seed})"),
        ("Warm-up", f"{show.seconds(job.warmup_s)} at least for each network, not counted"),
        ("Run time", f"{job.runner}{' (' + details + ')' if details else ''}"),
        ("Threads", str(job.threads)),
        ("Batch", show.plural(job.batch_size, "image")),
        ("Cores", ", ".join(map(str, job.cores)) if job.cores else "not pinned: the system chose"),
        ("Clocks locked", _lock(run)),
        ("Power", _power(run)),
        ("Cost of the harness", _harness(run)),
        ("Cost of sampling", _sampling(run)),
        ("Clock", f"{record.clock}, resolution {show.seconds(record.clock_resolution_s)}"),
        ("Started", f"{record.started_at} by the board's clock"),
        ("Stored", f"{run.stored_at.isoformat()} by the host's clock"),
        ("Duration", f"{record.duration_s:.1f} s"),
    )


def _rounds(run: StoredRun, rows: Sequence[Row]) -> str:
    ends = {
        "length": "until every network had its length",
        "target_ci": f"until every speed-up was known to {show.percent(run.record.job.target_ci or 0)}",
        "time_limit": "until the time limit",
    }
    measured = [row for row in rows if row.rounds]
    if not measured:
        return f"none of {run.record.job.rounds}"
    each = [round(row.samples / row.rounds) for row in measured]
    return (
        f"{show.span([row.rounds for row in measured])}, with {show.span(each)} inferences of every network in each, "
        f"{ends.get(run.record.ended_by, run.record.ended_by)}"
    )


def _lock(run: StoredRun) -> str:
    lock = run.record.clock_lock
    if not lock.requested:
        return "not asked for"
    if not lock.locked:
        return f"NO: {lock.reason or 'the agent does not say why'}"
    settings = ", ".join(f"{name} = {value}" for name, value in sorted(lock.settings.items()))
    after = {True: "restored afterwards", False: "NOT restored afterwards", None: "whether restored is unknown"}
    return f"yes ({settings}); {after[lock.restored]}"


def _power(run: StoredRun) -> str:
    power = run.record.power
    if not power.traces:
        return f"unavailable ({power.reason or 'the agent does not say why'})"
    trace = power.traces[0]
    own = "unknown" if trace.update_interval_s is None else show.seconds(trace.update_interval_s)
    rails = " + ".join(power.total_rails) or "no rule for a total"
    return (
        f"{trace.source}, total of scope {power.scope or 'unknown'}: {rails}; read every "
        f"{show.seconds(trace.sample_interval_s)}, its own update interval {own}"
    )


def _sampling(run: StoredRun) -> str:
    """What reading sensors and state cost, of a core and of latency."""
    found = sampling.cost(run.record)
    share = "unknown" if found.cpu_share is None else show.percent(found.cpu_share)
    if found.slowdown is None:
        return f"{share} of a core; its effect on latency is not known: {found.reason}"
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
    return f"{show.seconds(median(latencies_s))} of each latency (median of {len(latencies_s)} calls of a null network)"


def _environment(before: Facts, after: Facts) -> tuple[tuple[str, str, str], ...]:
    def clocks(facts: Facts) -> str:
        known = [hertz for hertz in facts.cpu_frequency_hz if hertz is not None]
        ends = sorted({min(known), max(known)}) if known else []
        return " to ".join(show.si(hertz, "Hz") for hertz in ends) or "unknown"

    def heat(facts: Facts) -> str:
        known = {zone: degrees for zone, degrees in facts.temperatures_c.items() if degrees is not None}
        return ", ".join(f"{zone} {degrees:.1f} °C" for zone, degrees in sorted(known.items())) or "unknown"

    def load(facts: Facts) -> str:
        return "unknown" if facts.load_average_1min is None else f"{facts.load_average_1min:.2f}"

    def memory(facts: Facts) -> str:
        return "unknown" if facts.memory_available_bytes is None else show.size(facts.memory_available_bytes)

    def power_mode(facts: Facts) -> str:
        return facts.power_mode or "unknown"

    def governor(facts: Facts) -> str:
        return facts.governor or "unknown"

    return tuple(
        (label, read(before), read(after))
        for label, read in (
            ("Governor", governor),
            ("Power mode", power_mode),
            ("CPU clocks", clocks),
            ("Temperatures", heat),
            ("Load, 1 min", load),
            ("Memory available", memory),
        )
    )


def _provenance(run: StoredRun) -> tuple[tuple[str, str], ...]:
    manifest, made = run.manifest, run.manifest.provenance
    board_packages = {name: version for name, version in run.record.facts_before.packages.items() if version}
    return (
        ("Run", run.record.run_id),
        ("Bundle", f"{manifest.name} ({run.bundle_id})"),
        ("Data set", f"{manifest.dataset}, SHA-256 {manifest.dataset_sha256}"),
        ("Agent", run.record.agent_id),
        ("sis-edge", f"{made.sis_edge}, Python {made.python}, bundle made {made.created_at}"),
        ("Built on", f"{made.host_machine}, {made.host_cpu or 'CPU unknown'}"),
        ("Packages of the host", ", ".join(f"{name} {version}" for name, version in sorted(made.packages.items()))),
        ("Packages of the board", ", ".join(f"{name} {version}" for name, version in sorted(board_packages.items()))),
        *(
            (f"Graph of {entry.name}", f"seed {entry.graph_seed}, SHA-256 {entry.graph_sha256}")
            for entry in manifest.networks
        ),
        *(
            (
                f"Weights of {entry.name}",
                f"{entry.training.recipe}; seed {entry.training.seed}, precision {entry.training.precision}; "
                f"ONNX against PyTorch on {show.plural(entry.parity.images, 'image')}: largest difference "
                f"{entry.parity.max_abs_difference:.2e}, same top-1 on {show.percent(entry.parity.top1_agreement)}",
            )
            for entry in manifest.networks
        ),
    )


def _reproduce(run: StoredRun) -> tuple[str, ...]:
    """The commands that build the same bundle and measure it the same way; the images limit is always spelled out."""
    entries, job = run.manifest.networks, run.record.job
    training = entries[0].training
    zoo = [entry.training.zoo for entry in entries if entry.training.zoo is not None]
    build = {
        "--profile": run.manifest.profile,
        "--dataset": run.manifest.dataset,
        "--networks": ",".join(entry.name for entry in entries),
        **({} if zoo else {"--epochs": training.epochs, "--seed": training.seed, "--limit": training.train_images}),
        "--test-images": run.manifest.test_image_count,
        "--name": run.manifest.name,
    }
    measure: dict[str, object] = {}
    here = run.board == "local" or run.board.startswith(SIMULATED)
    if run.board.startswith(SIMULATED):
        measure["--board"] = run.board.removeprefix(SIMULATED)
    elif not here:
        user, _, place = run.board.rpartition("@")
        host, _, port = place.rpartition(":")
        measure |= {"--host": (host or place).strip("[]")} | ({"--port": port} if host else {})
        measure |= {"--user": user} if user else {}
    if measure.get("--board") is None and run.profile != ("local" if here else run.manifest.profile):
        measure["--profile"] = run.profile
    if job.runner != "onnxruntime":
        measure["--backend"] = job.runner
    names = dict.fromkeys(network.network or network.name for network in job.networks)
    if set(names) != {entry.name for entry in entries}:
        measure["--networks"] = ",".join(names)
    measure |= {"--seed": job.seed, "--threads": job.threads, "--batch-size": job.batch_size}
    if job.target_ci is not None:
        measure["--target-ci"] = f"{100 * job.target_ci:g}%"
    if job.cores:
        measure["--cores"] = ",".join(map(str, job.cores))
    flags = ["--lock-clocks"] if job.lock_clocks else []
    length = _length(job)
    if length == "strict" or (length == "quick" and here):
        flags.append(f"--{length}")
    from_zoo = ["--from-zoo"] if len(zoo) == len(entries) else []
    return _command("build", build, from_zoo), _command("bench" if here else "deploy", measure, flags)


def _length(job: Job) -> str | None:
    """The length of the command line that this job has, where it is neither the profile's nor unknown."""
    for name, (changes, _) in LENGTHS.items():
        if changes and all(getattr(job, field) == value for field, value in changes.items()):
            return name
    return None


def _command(name: str, options: Mapping[str, object], flags: Sequence[str] = ()) -> str:
    words = [word for option, given in options.items() for word in (option, str(given))]
    return shlex.join(["sis-edge", name, *words, *flags])


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
