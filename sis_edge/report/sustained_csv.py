"""The windows of sustained work as CSV: one line a window, all digits; what is unknown is empty."""

import csv
import io
from collections.abc import Sequence

from sis_agent.schema import SustainedWindow
from sis_edge.results.schema import StoredRun
from sis_edge.results.sustained import SustainedFigures, of_run
from sis_edge.results.sustained.histogram import count, middle, percentile
from sis_edge.results.sustained.stretches import power_w

NAMES = (
    "run_id", "network", "is_whole", "start_s", "end_s", "calls", "due", "missed", "service_p50_s", "service_p99_s",
    "service_min_s", "service_max_s", "latency_p50_s", "latency_p99_s", "power_w", "energy_per_call_j",
    "cpu_frequency_hz", "gpu_frequency_hz", "temperature_c",
)  # fmt: skip


def sustained_csv(runs: Sequence[StoredRun]) -> str | None:
    """The text of `sustained.csv`; None where no run has sustained work. Times count from each network's start."""
    lines = [line for run in runs for found in of_run(run.record) for line in _lines(run, found)]
    if not lines:
        return None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerows(lines)
    return out.getvalue()


def _lines(run: StoredRun, found: SustainedFigures) -> list[list[object]]:
    rails = () if found.energy_reason is not None else tuple(run.record.power.total_rails)
    begin_s = found.windows[0].start_s if found.windows else 0.0
    is_whole = "true" if found.reason is None else "false"
    head: list[object] = [run.record.run_id, found.network, is_whole]
    return [[*head, *map(_text, _values(window, begin_s, power_w(window, rails)))] for window in found.windows]


def _values(window: SustainedWindow, begin_s: float, watts: float | None) -> list[float | int | None]:
    service, latency, calls = window.service, window.latency, count(window.service)
    joules = None if watts is None or not calls else watts * (window.end_s - window.start_s) / calls
    return [
        window.start_s - begin_s,
        window.end_s - begin_s,
        calls,
        window.due,
        window.missed,
        middle(service),
        percentile(service, 99),
        service.min_s if calls else None,
        service.max_s if calls else None,
        None if latency is None else middle(latency),
        None if latency is None else percentile(latency, 99),
        watts,
        joules,
        window.cpu_frequency_hz,
        window.gpu_frequency_hz,
        window.temperature_c,
    ]


def _text(value: float | int | None) -> str:
    return "" if value is None else repr(value)
