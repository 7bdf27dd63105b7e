"""What `gate` says: each metric of each network, and whether the candidate passes."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.gate.decision import GateFinding
    from sis_edge.gate.result import GateResult


class MetricFinding(Part):
    """One metric of one network. Changes and limits are shares of the base's value, for accuracy differences of shares;
    above 0 is worse. `stops`: it makes the gate fail.
    """

    network: str
    setting: str = Field(description="Threads and batch size, where several are measured; else empty.")
    metric: str
    unit: str = Field(description="Unit of base and candidate; empty for shares.")
    base: float | None
    candidate: float | None
    change: float | None
    change_low: float | None = Field(description="Lower end of the change's 95% interval.")
    change_high: float | None
    samples: int | None
    limit: float
    state: Literal["ok", "regressed", "undecided", "not measured"]
    reason: str
    stops: bool


class GateDocument(Document):
    """`sis-edge gate`: whether the candidate passes, and why. Exit code 12 where it does not."""

    document: Literal["gate"] = "gate"
    passed: bool
    base: str
    candidate: str
    interleaved: bool = Field(description="Whether one job measured both, in the same rounds.")
    findings: tuple[MetricFinding, ...]
    notes: tuple[str, ...]
    runs: tuple[str, ...] = Field(description="Files of the stored runs; two where a finding was to be confirmed.")


def gated(result: "GateResult") -> GateDocument:
    """The document of a result."""
    return GateDocument(
        passed=result.passed,
        base=result.base,
        candidate=result.candidate,
        interleaved=result.interleaved,
        findings=tuple(_finding(each, result.rules.stops(each)) for each in result.findings),
        notes=result.notes,
        runs=tuple(str(each.path) for each in result.runs),
    )


def _finding(finding: "GateFinding", stops: bool) -> MetricFinding:
    change, nothing = finding.change.value, finding.change.reason or ""
    interval = change.interval if change else None
    no_interval = nothing or (change.reason if change else None) or "too few samples"
    return MetricFinding(
        network=finding.network,
        setting=finding.setting,
        metric=finding.metric.name,
        unit=finding.metric.unit,
        limit=finding.limit,
        state=finding.state,
        reason=finding.reason,
        stops=stops,
        **known(
            base=(change.base if change else None, nothing),
            candidate=(change.candidate if change else None, nothing),
            change=(change.estimate if change else None, nothing),
            samples=(change.samples if change else None, nothing),
            change_low=(interval.low if interval else None, no_interval),
            change_high=(interval.high if interval else None, no_interval),
        ),
    )
