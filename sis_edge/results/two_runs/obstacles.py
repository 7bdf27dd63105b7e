"""What keeps two runs from being compared, and what else to know of a comparison, each in a sentence.

Refused is what makes the two sets of numbers answers to different questions: another board, other work, other settings,
a run that does not measure what it claims to. What merely happened to differ (versions, the kernel, the governor) is a
warning: it may be what the comparison is about, and `sis-edge explain` weighs it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sis_agent.schema import Facts, Job, TimedCall
from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.results.runtimes import versions
from sis_edge.results.schema import KnownNetwork, StoredRun
from sis_edge.results.two_runs.matching import Match
from sis_edge.results.verdict import Verdict, judge_run

TIMED_PARTS = {
    "input_copy": "copy of inputs",
    "output_copy": "copy of outputs",
    "preprocessing": "preprocessing",
    "postprocessing": "postprocessing",
    "synchronisation": "synchronisation",
}
WHERE = {"inside": "inside the timed call", "outside": "outside the timed call", "none": "not needed"}
EXPLAINED = "`sis-edge explain` weighs such differences"


@dataclass(frozen=True)
class Obstacle:
    """A reason against a comparison: a stable code, a sentence without its full stop, and whether it is refused."""

    code: str
    sentence: str
    is_refused: bool = True


def obstacles(a: StoredRun, b: StoredRun, matches: Sequence[Match], is_one_run: bool) -> tuple[Obstacle, ...]:
    """All of them, the refused first; of one run only its verdict counts."""
    found = [*_verdicts(a, b, is_one_run), *_timed(matches)]
    if not is_one_run:
        for each in (_board, _kind, _settings, _networks, _images, _happened):
            found += each(a, b, matches)
    return tuple(sorted(dict.fromkeys(found), key=lambda obstacle: not obstacle.is_refused))


def _verdicts(a: StoredRun, b: StoredRun, is_one_run: bool) -> Iterator[Obstacle]:
    named = (("the run", a),) if is_one_run else (("A", a), ("B", b))
    for name, run in named:
        verdict = judge_run(run)
        if verdict.level == "NONE":
            yield Obstacle("emulated", f"{name} was measured on an emulated board, whose times are the emulator's")
        elif verdict.level == "INVALID":
            yield Obstacle("invalid", f"{name} is INVALID: {_first(verdict)}")
        elif verdict.level in ("SUSPECT", "QUICK"):
            why = _first(verdict) if verdict.reasons else "it is too short for numbers to rely on"
            yield Obstacle("verdict", f"{name} is {verdict.level}: {why}", is_refused=False)


def _first(verdict: Verdict) -> str:
    more = len(verdict.reasons) - 1
    return verdict.reasons[0].sentence + (f" (and {more} more)" if more else "")


def _board(a: StoredRun, b: StoredRun, matches: Sequence[Match]) -> Iterator[Obstacle]:
    one, other = a.record.facts_before, b.record.facts_before
    for name, words in (("model", "board"), ("machine", "architecture"), ("cpu_model", "processor")):
        if _differ(found := (getattr(one, name), getattr(other, name))):
            yield Obstacle("board", f"the {words} is {found[0]} in A and {found[1]} in B")
            return
    if a.profile != b.profile:
        yield Obstacle("profile", f"A was measured for the profile {a.profile}, B for {b.profile}")
    elif _differ((one.hostname, other.hostname)):
        yield Obstacle(
            "specimen", f"the boards are named {one.hostname} and {other.hostname}: perhaps two of a kind", False
        )


def _kind(a: StoredRun, b: StoredRun, matches: Sequence[Match]) -> Iterator[Obstacle]:
    first, second = (run.is_simulated for run in (a, b))
    if first != second:
        real, other = ("B", "A") if first else ("A", "B")
        yield Obstacle("simulated", f"{other} is of a simulated board, {real} of a real one")


Setting = Callable[[Job, Facts], Any]
SETTINGS: dict[str, tuple[str, Setting]] = {
    "batch-size": ("batch size", lambda job, facts: job.batch_size),
    "threads": ("number of threads", lambda job, facts: job.threads),
    "cores": ("list of cores", lambda job, facts: ",".join(map(str, job.cores)) or "open"),
    "power-mode": ("power mode", lambda job, facts: facts.power_mode),
    "device": ("processing unit", lambda job, facts: "GPU" if job.on_gpu else "CPU"),
}


def _settings(a: StoredRun, b: StoredRun, matches: Sequence[Match]) -> Iterator[Obstacle]:
    for code, (words, read) in SETTINGS.items():
        if _differ(found := tuple(read(run.record.job, run.record.facts_before) for run in (a, b))):
            yield Obstacle(code, f"the {words} is {found[0]} in A and {found[1]} in B")


def _networks(a: StoredRun, b: StoredRun, matches: Sequence[Match]) -> Iterator[Obstacle]:
    for each in matches:
        if each.is_chosen:
            continue
        (entry, record), (other, other_record) = each.a, each.b
        shown = record.network if record and record.network else entry.name
        for what, pair in (
            ("computed in", (entry.precision, other.precision)),
            ("of the form", (entry.form, other.form)),
            ("run by", (a.runtime(record), b.runtime(other_record))),
        ):
            if pair[0] != pair[1]:
                yield Obstacle("network", f"{shown} is {what} {pair[0]} in A and {pair[1]} in B")
        if _differ((weights(a, entry), weights(b, other))) and (entry.form, entry.precision) == (
            other.form,
            other.precision,
        ):
            yield Obstacle("weights", f"{shown} has other weights in B than in A under the same name")


def _timed(matches: Sequence[Match]) -> Iterator[Obstacle]:
    """What stands inside the timed call of one and outside of the other's; noted of networks that were chosen."""
    for each in matches:
        calls = [record.timed_call if record else None for _, record in (each.a, each.b)]
        one, other = (timed_parts(call) for call in calls)
        for part in one:
            if _differ((one[part], other.get(part))):
                words = f"the {part} of {each.title} is {WHERE[one[part]]} in A and {WHERE[other[part]]} in B"
                yield Obstacle("timed-call", words, not each.is_chosen)


def timed_parts(call: TimedCall | None) -> dict[str, str]:
    """Where each known part of an inference is: "inside" of the timed call, "outside" of it, or "none"."""
    parts = {} if call is None else {name: getattr(call, name) for name in TIMED_PARTS}
    return {TIMED_PARTS[name]: part.where for name, part in parts.items() if part is not None and part.where in WHERE}


def weights(run: StoredRun, entry: KnownNetwork) -> str | None:
    """The SHA-256 of the model that a network was measured with; None where the manifest has none."""
    if isinstance(entry, GivenNetwork):
        return entry.source_sha256
    return {file.path: file.sha256 for file in run.manifest.files}.get(entry.model)


def _images(a: StoredRun, b: StoredRun, matches: Sequence[Match]) -> Iterator[Obstacle]:
    if _differ((a.manifest.dataset, b.manifest.dataset)):
        yield Obstacle("images", f"the data set is {a.manifest.dataset} in A and {b.manifest.dataset} in B")
        return
    for each in matches:
        (what, one), (_, other) = tested_with(a, each.a[0]), tested_with(b, each.b[0])
        if not each.is_chosen and any(_differ(pair) for pair in zip(one, other, strict=True)):
            yield Obstacle("images", f"the {what} are others in B than in A")
            return


def tested_with(run: StoredRun, entry: KnownNetwork) -> tuple[str, tuple[str | None, str | None]]:
    """What a network is tested with, in words, and the SHA-256 of images and labels; None where there are none."""
    hashes: dict[str | None, str] = {file.path: file.sha256 for file in run.manifest.files}
    if isinstance(entry, GivenNetwork):
        return f"inputs of {entry.name}", (hashes.get(entry.inputs), hashes.get(entry.labels))
    return "test images", (hashes.get(run.manifest.test_images), hashes.get(run.manifest.test_labels))


def _happened(a: StoredRun, b: StoredRun, matches: Sequence[Match]) -> Iterator[Obstacle]:
    one, other = a.record.facts_before, b.record.facts_before
    pairs = {
        "kernel": (one.kernel, other.kernel),
        "L4T": (one.l4t, other.l4t),
        "governor": (one.governor, other.governor),
        "sis-edge that built the bundle": (a.manifest.provenance.sis_edge, b.manifest.provenance.sis_edge),
    }
    for runtime in a.runtimes:
        pairs[runtime] = (versions(a).get(runtime), versions(b).get(runtime))
    found = [f"{name} {pair[0]} in A, {pair[1]} in B" for name, pair in pairs.items() if _differ(pair)]
    if found:
        yield Obstacle("versions", f"not alike: {'; '.join(found)}; {EXPLAINED}", is_refused=False)


def _differ(pair: Sequence[Any]) -> bool:
    """Whether both are known and not alike: what nobody knows is no reason."""
    return None not in pair and pair[0] != pair[1]
