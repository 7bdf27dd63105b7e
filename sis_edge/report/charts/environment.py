"""The board over the length of the run: clock, heat and power, and what was going on at the time."""

from collections.abc import Sequence
from typing import Any

from sis_agent.schema import PowerTrace, Record
from sis_edge.report.charts.base import BLUE, ORANGE, WIDTH, Chart
from sis_edge.results.energy import total
from sis_edge.results.evidence import Evidence

TITLE = "The board during the run"
PANEL = 96  # pixels, the height of one quantity's panel
HALF_STATE_S = 0.5  # states come once a second: each stands for half a second on either side
POINTS = 400  # of a power trace; more lie closer than the chart can show, so they are averaged
PHASES = {"idle": "#8a8f98", "rounds": BLUE, "energy blocks": ORANGE}

Series = list[tuple[float, float]]


def environment(record: Record, mark: str | None) -> Chart | None:
    """The chart of what was recorded over time; None where nothing was."""
    evidence = Evidence(record)
    panels = [(title, series) for title, series in _panels(evidence) if any(len(line) > 1 for line in series.values())]
    if not panels:
        return None
    phases, throttled = _phases(evidence), _throttled(record)
    words = "; ".join(f"{title} {_range(series)}" for title, series in panels)
    signs = f" Red along the top: the board reported throttling ({len(throttled)} samples)." if throttled else ""
    return Chart(
        name="environment",
        title=TITLE,
        caption=f"Clock of the fastest core in use, hottest zone, power of the sensor's total, as far as they were "
        f"recorded; about one state a second.{signs}",
        alt=f"Chart over time of the board{f', {mark}' if mark else ''}: {words}.{signs}",
        spec=_spec(panels, phases, throttled, record.duration_s, mark),
    )


def _panels(evidence: Evidence) -> list[tuple[str, dict[str, Series]]]:
    record = evidence.record
    clocks, heat = [], []
    for state in record.states:
        known = [hertz for hertz in state.cpu_frequency_hz if hertz]
        if known:
            clocks.append((state.t_s, max(known) / 1e9))
        zones = [
            celsius
            for zone, celsius in state.temperatures_c.items()
            if celsius is not None and "pmic" not in zone.lower()
        ]
        if zones:
            heat.append((state.t_s, max(zones)))
    power: dict[str, Series] = {}
    rails = record.power.total_rails
    # A total that cannot be the board's power has no curve either.
    if evidence.trace is not None and not (rails and isinstance(total(record), str)):
        power = (
            {"total": _watts(evidence.trace, rails)}
            if rails
            else {rail: _watts(evidence.trace, [rail]) for rail in evidence.trace.rails}
        )
    scope = record.power.scope or "scope unknown"
    return [("CPU clock (GHz)", {"": clocks}), ("Temperature (°C)", {"": heat}), (f"Power, {scope} (W)", power)]


def _watts(trace: PowerTrace, rails: Sequence[str]) -> Series:
    """The sum of rails over time, averaged to at most POINTS points; counted energy becomes power between counts."""
    points: Series = []
    before: tuple[float, float] | None = None
    for at, t_s in enumerate(trace.times_s):
        counted = all(rail in trace.energy_j for rail in rails)
        columns = [trace.energy_j[rail] if counted else trace.power_w.get(rail, []) for rail in rails]
        values = [column[at] if at < len(column) else None for column in columns]
        if any(value is None for value in values):
            continue
        total = sum(value for value in values if value is not None)
        if not counted:
            points.append((t_s, total))
        elif before is not None and t_s > before[0]:
            points.append((t_s, (total - before[1]) / (t_s - before[0])))
        before = (t_s, total)
    size = -(-len(points) // POINTS) or 1
    groups = [points[at : at + size] for at in range(0, len(points), size)]
    return [(sum(t for t, _ in group) / len(group), sum(w for _, w in group) / len(group)) for group in groups]


def _phases(evidence: Evidence) -> list[tuple[str, float, float]]:
    idle = [("idle", w.start_s, w.end_s) for w in evidence.record.windows if w.name.startswith("idle")]
    names = ["rounds"] if evidence.measured else []
    names += ["energy blocks"] if evidence.record.energy_blocks else []
    return idle + [(name, *stretch) for name, stretch in zip(names, evidence.stretches, strict=True)]


def _throttled(record: Record) -> list[float]:
    return [
        state.t_s
        for state in record.states
        if any(value > 0 for name, value in state.throttle.items() if "occurred" not in name)
    ]


def _range(series: dict[str, Series]) -> str:
    values = [value for line in series.values() for _, value in line]
    return f"from {min(values):.3g} to {max(values):.3g}"


def _spec(
    panels: list[tuple[str, dict[str, Series]]],
    phases: list[tuple[str, float, float]],
    throttled: list[float],
    duration_s: float,
    mark: str | None,
) -> dict[str, Any]:
    import altair as alt

    layers = []
    for number, (title, series) in enumerate(panels):
        last = number == len(panels) - 1
        x = alt.X(
            "t_s:Q",
            title="Time since the job's start (s)" if last else None,
            scale=alt.Scale(domain=[0, duration_s], nice=False),
            axis=alt.Axis(labels=last, grid=False),
        )
        points = [{"t_s": t, "value": v, "line": name} for name, line in series.items() for t, v in line]
        drawn = []
        if phases:
            shown = [{"t_s": begin, "end_s": end, "phase": name} for name, begin, end in phases]
            colour = alt.Color(
                "phase:N",
                scale=alt.Scale(domain=list(PHASES), range=list(PHASES.values())),
                legend=alt.Legend(orient="top", title=None, symbolType="square", symbolOpacity=0.6),
            )
            drawn.append(alt.Chart({"values": shown}).mark_rect(opacity=0.16).encode(x=x, x2="end_s:Q", color=colour))
        if throttled:
            shown = [{"t_s": max(0.0, t - HALF_STATE_S), "end_s": t + HALF_STATE_S} for t in throttled]
            red = alt.Chart({"values": shown}).mark_rect(color="#d0303a", clip=True)
            drawn.append(red.encode(x=x, x2="end_s:Q", y=alt.value(0), y2=alt.value(6)))
        line = alt.Chart({"values": points}).mark_line(strokeWidth=1.4)
        several = {"strokeDash": alt.StrokeDash("line:N", legend=alt.Legend(orient="bottom", title=None))}
        y = alt.Y("value:Q", title=title, scale=alt.Scale(zero="°C" not in title), axis=alt.Axis(tickCount=4))
        drawn.append(line.encode(x=x, y=y, **(several if len(series) > 1 else {})))
        layers.append(alt.layer(*drawn).properties(width=WIDTH, height=PANEL))
    words: dict[str, Any] = {"text": TITLE} | ({"subtitle": mark.upper()} if mark else {})
    spec: dict[str, Any] = alt.vconcat(*layers, spacing=8).properties(title=words).to_dict()
    return spec
