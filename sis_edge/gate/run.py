"""A gate from base and candidate to a result: measured, decided, and measured again before it fails."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from sis_edge.board.measure import StoredFile
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BoardError, RecordError
from sis_edge.gate.decision import GateFinding, confirmed, doubtful
from sis_edge.gate.environment import Difference, differences
from sis_edge.gate.findings import findings
from sis_edge.gate.joined import join
from sis_edge.gate.measurer import Measurer
from sis_edge.gate.pairing import Paired, pair
from sis_edge.gate.result import GateResult, Rules
from sis_edge.gate.sides import GateSide
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import judge_run

Measure = Callable[[Bundle, Sequence[str] | None, int], Sequence[StoredFile]]
"""Measures these networks of a bundle (None: all) in a fresh job for each combination of threads and batch size, and
stores the runs. The last argument says how many measurements of the same came before."""


def together(
    base: GateSide,
    candidate: GateSide,
    measure: Measure,
    scratch: Path,
    rules: Rules,
    only: Collection[str] | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> GateResult:
    """Both in one job, in the same rounds; `scratch` is an empty folder for the bundle of both.

    Raises UsageError where they have nothing in common, BundleError where one job cannot measure both, and as
    `measure` does.
    """
    paired = pair(base.bundle.manifest.names, candidate.bundle.manifest.names, only)
    joined = join(base.bundle, candidate.bundle, paired, scratch)
    shown = [(own.shown, names) for own, names in zip(paired.networks, joined.networks, strict=True)]

    def decided(runs: Sequence[StoredFile]) -> list[GateFinding]:
        return [
            finding
            for each in runs
            for finding in findings(each.run, each.run, shown, rules.limits, _setting(each.run, len(runs)))
        ]

    found, runs = _confirmed(lambda turn: measure(joined.bundle, None, turn), decided, say)
    notes = (*paired.notes, *_of_runs(runs))
    return GateResult(base.named, candidate.named, True, rules, found, runs, notes)


def against(
    reference: StoredFile,
    candidate: GateSide,
    measure: Measurer,
    rules: Rules,
    only: Collection[str] | None = None,
    *,
    force: bool = False,
    say: Callable[[str], None] = lambda sentence: None,
) -> GateResult:
    """The candidate alone, measured now, against a run that was stored before.

    Raises UsageError where they have no network in common, RecordError where they cannot be compared and `force` does
    not say that they are to be.
    """
    paired = paired_with(reference.run, candidate.bundle, only)
    shown = [(names.shown, names) for names in paired.networks]
    names = [each.candidate for each in paired.networks]
    measure = measure.like(reference.run)
    refuse(reference, measure.unlike(reference.run, candidate.bundle, names), force=force)

    def decided(runs: Sequence[StoredFile]) -> list[GateFinding]:
        for each in runs:
            refuse(reference, run_differences(reference.run, each.run), force=force)
        return [
            finding
            for each in runs
            for finding in findings(reference.run, each.run, shown, rules.limits, _setting(each.run, len(runs)))
        ]

    found, runs = _confirmed(lambda turn: measure(candidate.bundle, names, turn), decided, say)
    unlike = run_differences(reference.run, runs[0].run)
    notes = (
        "base and candidate were not measured in one job: what differs between two measurements of the same network "
        "is not in the intervals",
        *paired.notes,
        *(f"not comparable, and --force was given: {each.sentence}" for each in unlike if each.hinders),
        *(f"not alike: {each.sentence}" for each in unlike if not each.hinders),
        *_of_runs([reference]),
        *_of_runs(runs),
    )
    return GateResult(str(reference.path), candidate.named, False, rules, found, runs, notes)


def paired_with(reference: StoredRun, candidate: Bundle, only: Collection[str] | None) -> Paired:
    """The networks that a stored run and a bundle have in common; raises UsageError where there is none."""
    measured = [network for network in reference.manifest.names if _has(reference, network)]
    return pair(measured, candidate.manifest.names, only)


def run_differences(reference: StoredRun, candidate: StoredRun) -> tuple[Difference, ...]:
    """What two runs were not measured alike in."""
    before, after = reference.record, candidate.record
    return differences((before.facts_before, before.job), (after.facts_before, after.job))


def refuse(reference: StoredFile, unlike: Sequence[Difference], *, force: bool) -> None:
    """Raise RecordError where a run cannot be a reference, unless it is forced to be one."""
    hindering = [each.sentence for each in unlike if each.hinders]
    if hindering and not force:
        raise RecordError(
            f"{reference.path} is not comparable: {'; '.join(hindering)}; measure base and candidate together with "
            "--base, or give --force to compare all the same"
        )


def _confirmed(
    measure: Callable[[int], Sequence[StoredFile]],
    decided: Callable[[Sequence[StoredFile]], list[GateFinding]],
    say: Callable[[str], None],
) -> tuple[tuple[GateFinding, ...], tuple[StoredFile, ...]]:
    """The findings, and the runs that they stand on: a second job where the first found something beyond its limit."""
    first = _whole(measure(0))
    found = decided(first)
    if not doubtful(found):
        return tuple(found), tuple(first)
    named = ", ".join(dict.fromkeys(each.metric.name for each in found if each.state == "regressed"))
    say(f"beyond its limit: {named}; measuring again to confirm")
    second = _whole(measure(1))
    return confirmed(found, decided(second)), (*first, *second)


def _whole(runs: Sequence[StoredFile]) -> Sequence[StoredFile]:
    for each in runs:
        if (problem := each.run.record.problem) is not None:
            raise BoardError(f"the job failed: {problem.message}; nothing was decided")
    return runs


def _has(run: StoredRun, network: str) -> bool:
    return any(record.network == network for record in run.record.networks)


def _setting(run: StoredRun, count: int) -> str:
    """Threads and batch size, where a gate measures several."""
    job = run.record.job
    return f"threads {job.threads}, batch {job.batch_size}" if count > 1 else ""


def _of_runs(runs: Sequence[StoredFile]) -> list[str]:
    """What must be known of the runs themselves: that a board was no real one, and what may have biased them."""
    notes = []
    for each in runs:
        if (kind := each.run.board_kind) != "real":
            notes.append(f"the board of {each.path.name} is {kind}")
        verdict = judge_run(each.run)
        if verdict.level in ("SUSPECT", "INVALID"):
            show = f"`sis-edge report --run {each.path}` has all {len(verdict.reasons)} reasons"
            first = f": {verdict.reasons[0].sentence}" if verdict.level == "SUSPECT" else ""
            notes.append(f"{each.path.name} is {verdict.level}{first}{f'; {show}' if len(verdict.reasons) > 1 else ''}")
    return notes
