"""What came of a gate: the findings, the runs that they stand on, and whether they stop the candidate."""

from dataclasses import dataclass

from sis_edge.board.measure import StoredFile
from sis_edge.gate.decision import GateFinding
from sis_edge.gate.limits import Limits

REQUIRED = frozenset({"latency"})


@dataclass(frozen=True)
class Rules:
    """What the user accepts: `required` metrics must be measured, and `undecided_fails` counts those as failures."""

    limits: Limits = Limits()  # noqa: RUF009  (frozen)
    required: frozenset[str] = REQUIRED
    undecided_fails: bool = False

    def stops(self, finding: GateFinding) -> bool:
        """Whether a finding makes the gate fail."""
        if finding.state == "not measured":
            return finding.metric.name in self.required
        return finding.state == "regressed" or (finding.state == "undecided" and self.undecided_fails)


@dataclass(frozen=True)
class GateResult:
    """`base` and `candidate` as the user named them; `runs` has a second measurement where the first was to be
    confirmed. `interleaved`: one job measured both. `notes` are sentences on what must be known to read it.
    """

    base: str
    candidate: str
    interleaved: bool
    rules: Rules
    findings: tuple[GateFinding, ...]
    runs: tuple[StoredFile, ...]
    notes: tuple[str, ...] = ()

    @property
    def stopping(self) -> tuple[GateFinding, ...]:
        """The findings that make it fail."""
        return tuple(finding for finding in self.findings if self.rules.stops(finding))

    @property
    def passed(self) -> bool:
        """Whether nothing stops the candidate."""
        return not self.stopping

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        counts = {state: sum(finding.state == state for finding in self.findings) for state in STATES}
        words = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
        return f"{'PASSED' if self.passed else 'FAILED'}: {words}"


STATES = ("regressed", "undecided", "not measured", "ok")
"""In the order in which they matter."""
