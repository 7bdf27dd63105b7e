"""What `explain` says of two runs."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sis_edge.cli.documents.base import Document, Part, known
from sis_edge.cli.documents.two_runs import ComparedQuantity, ComparedRun, quantity, run_of
from sis_edge.explaining.factor import State
from sis_edge.explaining.ranking import Fit

if TYPE_CHECKING:
    from sis_edge.explaining import Explanation, Factor, Ranked


class ExplainedFactor(Part):
    """A thing that was looked at, with its values in A and in B as text."""

    code: str
    title: str
    a: str
    b: str
    state: State
    note: str


class ExplainedCause(ExplainedFactor):
    """A difference that can change a latency. `score` is the logarithm of how much better than chance it explains."""

    networks: tuple[str, ...] = Field(description="Those that it affects.")
    predicted: float | None = Field(description="B over A, if this were the only difference.")
    fit: Fit
    score: float


class NetworkLatency(Part):
    """A network's latency in A and in B."""

    network: str
    latency: ComparedQuantity


class ExplainDocument(Document):
    """`sis-edge explain`: what differs between two runs, the likeliest cause of the difference in latency first."""

    document: Literal["explain"] = "explain"
    a: ComparedRun
    b: ComparedRun
    networks: tuple[NetworkLatency, ...]
    ratio: float | None = Field(description="Geometric mean of the networks' latencies, B over A.")
    chance_low: float | None = Field(description="With chance_high: where 95% of ratios lie by chance alone.")
    chance_high: float | None
    cause: str | None = Field(description="The code of the likeliest cause.")
    further: tuple[str, ...] = Field(description="Codes of what acts together with it.")
    ranked: tuple[ExplainedCause, ...]
    inert: tuple[ExplainedFactor, ...]
    same: tuple[ExplainedFactor, ...]
    unknown: tuple[ExplainedFactor, ...]


def explained(found: "Explanation") -> ExplainDocument:
    """The document of an explanation."""
    from sis_edge.explaining.text import answer, observed

    comparison, seen = found.comparison, found.observed
    first, second = comparison.verdicts
    nothing = observed(found)
    chance = seen.chance if seen.logs else None
    return ExplainDocument(
        a=run_of(comparison.a, first),
        b=run_of(comparison.b, second),
        networks=tuple(
            NetworkLatency(network=each.title, latency=quantity(each.latency)) for each in comparison.networks
        ),
        further=tuple(each.factor.code for each in found.further),
        ranked=tuple(map(_cause, found.ranked)),
        inert=tuple(map(_factor, found.inert)),
        same=tuple(map(_factor, found.same)),
        unknown=tuple(map(_factor, found.unknown)),
        **known(
            ratio=(seen.ratio if seen.logs else None, nothing),
            chance_low=(chance.low if chance else None, nothing),
            chance_high=(chance.high if chance else None, nothing),
            cause=(found.cause.factor.code if found.cause else None, answer(found)),
        ),
    )


def _cause(each: "Ranked") -> ExplainedCause:
    factor = each.factor
    return ExplainedCause(
        **_values(factor),
        fit=each.fit,
        score=each.score,
        networks=tuple(factor.effect.likely) if factor.effect else (),
        **known(predicted=(each.predicted, "no model predicts it")),
    )


def _factor(factor: "Factor") -> ExplainedFactor:
    return ExplainedFactor(**_values(factor))


def _values(factor: "Factor") -> dict[str, Any]:
    return {name: getattr(factor, name) for name in ("code", "title", "a", "b", "state", "note")}
