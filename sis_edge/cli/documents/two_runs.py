"""What `compare` says of two runs."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sis_edge.cli.documents.base import Document, Part, known
from sis_edge.results.two_runs.quantities import Finding
from sis_edge.results.verdict import Verdict

if TYPE_CHECKING:
    from sis_edge.results.schema import StoredRun
    from sis_edge.results.two_runs import ComparedNetwork, Obstacle, QuantityChange, RunComparison


class ComparedRun(Part):
    """One of the two runs."""

    run_id: str
    stored_at: str
    profile: str
    board: str
    simulated: bool
    emulated: bool
    verdict: Verdict


class ComparedQuantity(Part):
    """A quantity of A and of B, named as in `results.csv`; the change is B over A, of accuracies B less A."""

    quantity: str
    a: float | None
    b: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    is_difference: bool
    method: str = Field(description="How the interval from change_low to change_high was made: 95%, of memory a range.")
    finding: Finding


class NetworkChange(Part):
    """A network of A against one of B."""

    network_a: str
    network_b: str
    problem: str | None
    quantities: tuple[ComparedQuantity, ...]


class Against(Part):
    """What speaks against a comparison; one that `is_refused` needs --force."""

    code: str
    sentence: str
    is_refused: bool


class CompareDocument(Document):
    """`sis-edge compare`: the networks of run B against those of run A, and what speaks against it."""

    document: Literal["compare"] = "compare"
    a: ComparedRun
    b: ComparedRun
    is_one_run: bool
    obstacles: tuple[Against, ...]
    networks: tuple[NetworkChange, ...]
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]


def compared(found: "RunComparison") -> CompareDocument:
    """The document of a comparison."""
    first, second = found.verdicts
    return CompareDocument(
        a=run_of(found.a, first),
        b=run_of(found.b, second),
        is_one_run=found.is_one_run,
        obstacles=tuple(map(against, found.obstacles)),
        networks=tuple(map(_network, found.networks)),
        only_in_a=found.matching.only_a,
        only_in_b=found.matching.only_b,
    )


def run_of(run: "StoredRun", verdict: Verdict) -> ComparedRun:
    """One of the runs."""
    record, facts = run.record, run.record.facts_before
    return ComparedRun(
        run_id=record.run_id,
        stored_at=run.stored_at.isoformat(),
        profile=run.profile,
        board=run.board,
        simulated=run.is_simulated,
        emulated=facts.emulated,
        verdict=verdict,
    )


def against(obstacle: "Obstacle") -> Against:
    """One obstacle."""
    return Against(code=obstacle.code, sentence=obstacle.sentence, is_refused=obstacle.is_refused)


def quantity(each: "QuantityChange") -> ComparedQuantity:
    """One quantity."""
    interval = each.interval.value
    reason = each.interval.reason or ""
    return ComparedQuantity(
        quantity=each.name,
        is_difference=each.is_difference,
        method=each.method,
        finding=each.finding,
        **known(
            a=(each.a.value, each.a.reason or ""),
            b=(each.b.value, each.b.reason or ""),
            change=(each.change.value, each.change.reason or ""),
            change_low=(interval.low if interval else None, reason),
            change_high=(interval.high if interval else None, reason),
        ),
    )


def _network(each: "ComparedNetwork") -> NetworkChange:
    return NetworkChange(
        network_a=each.a,
        network_b=each.b,
        quantities=tuple(map(quantity, each.quantities)),
        **known(problem=(each.problem, "none")),
    )
