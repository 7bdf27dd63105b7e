"""The run that a row belongs to, and the run's verdict."""

from dataclasses import dataclass
from datetime import datetime

from sis_edge.results.rows.figure import Figure
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import Level, Verdict


@dataclass(frozen=True)
class RunFigures:
    """Which run on which board, with how many images per call (`batch_size`) and threads of the runtime.

    `stored_at` is the host's clock, `board` how the board was reached.
    """

    run_id: str
    stored_at: datetime
    profile: str
    board: str
    simulated: bool
    emulated: bool
    dataset: Figure[str]
    batch_size: int
    threads: int


@dataclass(frozen=True)
class VerdictFigures:
    """The run's verdict: level, reasons as sentences, version of the rules, and what they could not check."""

    level: Level
    reasons: tuple[str, ...]
    version: int
    unseen: tuple[str, ...]


def run_figures(run: StoredRun) -> RunFigures:
    """What all rows of a run share."""
    record = run.record
    facts = record.facts_before
    return RunFigures(
        run_id=record.run_id,
        stored_at=run.stored_at,
        profile=run.profile,
        board=run.board,
        simulated=run.is_simulated,
        emulated=facts.emulated,
        dataset=Figure.of(run.manifest.dataset, "its networks are the user's own"),
        batch_size=record.job.batch_size,
        threads=record.job.threads,
    )


def verdict_figures(verdict: Verdict) -> VerdictFigures:
    """The verdict as a row holds it."""
    reasons = tuple(reason.sentence for reason in verdict.reasons)
    return VerdictFigures(verdict.level, reasons, verdict.version, verdict.unseen)
