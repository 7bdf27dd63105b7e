"""What is said of each metric of each network: within the limit, beyond it, undecided, or not measured.

A change is beyond its limit only where its whole interval is, and within it only where its whole interval is. All else
is undecided, and the finding says how much would have to be measured. Where a measurement varies, it counts as beyond
the limit only if a second one in a fresh job is beyond it too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sis_edge.results.changes import Metric, MetricChange
from sis_edge.results.rows.figure import Figure

State = Literal["ok", "regressed", "undecided", "not measured"]


@dataclass(frozen=True)
class GateFinding:
    """One metric of one network. `reason` says why it is undecided or not measured, or how it was confirmed.

    `setting` has the threads and batch size where a gate measures several, else it is empty.
    """

    network: str
    setting: str
    metric: Metric
    limit: float
    change: Figure[MetricChange]
    state: State
    reason: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is about."""
        return self.network, self.setting, self.metric.name


def decide(
    network: str,
    metric: Metric,
    found: MetricChange | str,
    limit: float,
    *,
    setting: str = "",
    doubt: str | None = None,
) -> GateFinding:
    """The finding for a change, or for the reason why there is none.

    `doubt` is why the run's times and energies cannot be relied on; None where they can.
    """
    if isinstance(found, str):
        return GateFinding(network, setting, metric, limit, Figure.unknown(found), "not measured", found)
    state, reason = _state(found, limit), ""
    if doubt is not None and metric.timed:
        state, reason = "undecided", doubt
    elif state == "undecided":
        reason = f"needs {found.needed(limit)}"
    return GateFinding(network, setting, metric, limit, Figure(found), state, reason)


def _state(change: MetricChange, limit: float) -> State:
    if change.interval is None:
        return "undecided"
    if change.interval.low > limit:
        return "regressed"
    return "ok" if change.interval.high <= limit else "undecided"


def doubtful(findings: Sequence[GateFinding]) -> bool:
    """Whether one is beyond its limit by a measurement that may be off by chance, so that a second one must say so."""
    return any(finding.state == "regressed" and finding.metric.varies for finding in findings)


def confirmed(first: Sequence[GateFinding], second: Sequence[GateFinding]) -> tuple[GateFinding, ...]:
    """The findings of the first measurement, where those beyond their limit must be so in the second one, too."""
    again = {finding.key: finding for finding in second}
    return tuple(_confirmed(finding, again.get(finding.key)) for finding in first)


def _confirmed(first: GateFinding, second: GateFinding | None) -> GateFinding:
    if first.state != "regressed" or not first.metric.varies:
        return first
    if second is None or second.change.value is None:
        why = "" if second is None else f" ({second.reason})"
        return replace(first, state="undecided", reason=f"the second measurement does not have it{why}")
    change = second.change.value
    if second.state == "regressed":
        return replace(first, reason=f"confirmed by a second measurement: {change_text(first.metric, change)}")
    return replace(
        first, state="undecided", reason=f"a second measurement did not confirm it: {change_text(first.metric, change)}"
    )


def change_text(metric: Metric, change: MetricChange) -> str:
    """A change with its interval, in percent; of accuracy in points, as it moves: below 0 is worse."""
    sign, unit = (-1, "") if metric.in_points else (1, "%")
    ends = change.interval and sorted((sign * change.interval.low, sign * change.interval.high))
    if ends and ends[0] == ends[1]:
        return f"{_signed(sign * change.estimate)}{unit}"
    interval = f"{_signed(ends[0])}, {_signed(ends[1])}" if ends else "no interval"
    return f"{_signed(sign * change.estimate)}{unit} [{interval}]"


def _signed(share: float) -> str:
    """A share as percent with its sign, a true minus; 0.0 has none.

    >>> _signed(0.0312), _signed(-0.004), _signed(0.0001)
    ('+3.1', '−0.4', '0.0')
    """
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")
