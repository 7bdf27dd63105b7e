"""JSON for github-action-benchmark (tool `customSmallerIsBetter`): the candidate's values, which it draws over time."""

import json
from typing import Any

from sis_edge.gate.decision import GateFinding, change_text
from sis_edge.gate.result import GateResult

UNITS = {"s": ("ms", 1e3), "J": ("mJ", 1e3), "B": ("kB", 1e-3)}
"""How it shows a unit, and by what that multiplies the value: one unit for all times, so that the line has no step."""


def benchmark(result: GateResult) -> str:
    """An array with an object for each value that was measured; names stay the same from one commit to the next."""
    return json.dumps([_entry(each) for each in result.findings if each.change.value is not None], indent=1) + "\n"


def _entry(finding: GateFinding) -> dict[str, Any]:
    change, metric = finding.change.value, finding.metric
    assert change is not None
    network = f"{finding.network} ({finding.setting})" if finding.setting else finding.network
    if metric.in_points:  # accuracy is better the larger it is, the share of errors is not
        name, unit, value = f"{network}: error (top-1)", "%", 100 * (1 - change.candidate)
    else:
        unit, times = UNITS[metric.unit]
        name, value = f"{network}: {metric.title}", times * change.candidate
    extra = f"{finding.state}; {change_text(metric, change)} from the base"
    return {"name": name, "unit": unit, "value": value, "extra": extra}
