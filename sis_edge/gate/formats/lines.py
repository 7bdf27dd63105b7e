"""What every format shows of a result: a row for each finding, and the reasons and notes in sentences."""

from sis_edge.gate.decision import GateFinding, change_text
from sis_edge.gate.result import GateResult, Rules
from sis_edge.report import rows as show

HEADINGS = ("Network", "Metric", "Base", "Candidate", "Change [95% interval]", "Limit", "Result")
WORDS = ("Network", "Metric", "Result")
"""The columns that hold no numbers."""

NOTHING = "-"


def cells(finding: GateFinding, rules: Rules) -> tuple[str, ...]:
    """A finding's row."""
    metric, change = finding.metric, finding.change.value
    network = f"{finding.network} ({finding.setting})" if finding.setting else finding.network
    values = (NOTHING,) * 3
    if change is not None:
        values = (value(finding, change.base), value(finding, change.candidate), change_text(metric, change))
    return network, metric.name, *values, limit(finding), verdict(finding, rules)


def verdict(finding: GateFinding, rules: Rules) -> str:
    """The finding's state in capitals where it stops the candidate."""
    return finding.state.upper() if rules.stops(finding) else finding.state


def value(finding: GateFinding, amount: float) -> str:
    """An amount in the metric's unit."""
    if finding.metric.in_points:
        return show.percent(amount)
    return show.si(amount, finding.metric.unit)


def limit(finding: GateFinding) -> str:
    """The limit as it was given: a share of the base, or points.

    >>> from sis_edge.gate.decision import decide
    >>> from sis_edge.results.changes import METRICS
    >>> [limit(decide("nin", METRICS[name], "no sensor", 0.005)) for name in ("latency", "accuracy")]
    ['0.5%', '0.5 points']
    """
    return f"{100 * finding.limit:g}{' points' if finding.metric.in_points else '%'}"


def sentences(result: GateResult) -> list[str]:
    """Why something is undecided, not measured or confirmed: a sentence for each reason, with all that it holds for."""
    found: dict[tuple[str, str], list[str]] = {}
    for finding in result.findings:
        if finding.reason:
            network = f"{finding.network} ({finding.setting})" if finding.setting else finding.network
            names = found.setdefault((verdict(finding, result.rules), finding.reason), [])
            names.append(f"{network} {finding.metric.name}")
    return [f"{', '.join(names)} {state}: {reason}" for (state, reason), names in found.items()]


def measured_how(result: GateResult) -> str:
    """What was compared with what."""
    way = "in the same rounds of one job" if result.interleaved else "now, against the stored run"
    return f"Candidate {result.candidate}, base {result.base}; measured {way}."
