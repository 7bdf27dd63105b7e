"""Sustained work over time: the time of a call, clock, temperature and power of each network's run, from its start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sis_agent.schema import SustainedWindow
from sis_edge.report.charts.axes import across, left_of, upright
from sis_edge.report.charts.base import Chart
from sis_edge.report.charts.drawing import LINE, SERIES, SIZE, Drawing, width_of, wrapped
from sis_edge.report.charts.scale import Scale
from sis_edge.report.charts.series import Curve, curve
from sis_edge.report.charts.subject import Subject
from sis_edge.results.sustained import SustainedFigures, of_run
from sis_edge.results.sustained.histogram import middle
from sis_edge.results.sustained.stretches import power_w
from sis_edge.results.sustained.words import duration

TITLE = "Sustained work"
MOST = len(SERIES)
"""Networks: each has a colour of its own."""

PANEL, BETWEEN = 74.0, 16.0
LEAST_SPAN = 0.04  # of a panel's values: noise shall not look like a slowdown

Read = Callable[[SustainedWindow], float | None]


@dataclass(frozen=True)
class SustainedPanel:
    """One quantity: a curve for each network, by its place in the chart's order."""

    title: str
    curves: tuple[tuple[int, Curve], ...]


@dataclass(frozen=True)
class SustainedLines:
    """All that is drawn; `throttles` has for a network's place the minute from which on it was slow."""

    names: tuple[str, ...]
    panels: tuple[SustainedPanel, ...]
    throttles: tuple[tuple[int, float], ...]
    end_min: float


def needs(subject: Subject) -> str | None:
    """Why it cannot be drawn; None where it can."""
    return None if _figures(subject) else "no sustained work was measured (--sustain)"


def draw(subject: Subject) -> Chart:
    """The chart of a run that has sustained work."""
    figures = _figures(subject)
    drawn, more = figures[:MOST], [each.network for each in figures[MOST:]]
    lines = _lines(subject, drawn)
    return Chart(
        name="sustained",
        title=TITLE,
        caption="Each network alone, from the same start temperature; median time of a call, mean clock, hottest zone "
        "and mean power of each window, as far as they were recorded."
        f"{' Dashed upright: the time to throttle, in the colour of its network.' if lines.throttles else ''}"
        f"{' Not drawn: ' + ', '.join(more) + '.' if more else ''}",
        alt=f"Lines over {duration(60 * lines.end_min)}: {'; '.join(map(_said, drawn))}.",
        draw=partial(_draw, lines),
        mark=subject.mark,
    )


def _figures(subject: Subject) -> list[SustainedFigures]:
    return [each for each in of_run(subject.run.record) if each.windows]


def _lines(subject: Subject, figures: Sequence[SustainedFigures]) -> SustainedLines:
    record = subject.run.record
    rails = () if any(each.energy_reason for each in figures) else tuple(record.power.total_rails)
    on_gpu = record.job.on_gpu and any(window.gpu_frequency_hz for each in figures for window in each.windows)
    clock: Read = (
        (lambda window: _times(window.gpu_frequency_hz, 1e-9))
        if on_gpu
        else (lambda window: _times(window.cpu_frequency_hz, 1e-9))
    )
    readers: tuple[tuple[str, Read], ...] = (
        ("Median time of a call (ms)", lambda window: _times(middle(window.service), 1e3)),
        (f"{'GPU' if on_gpu else 'CPU'} clock, mean (GHz)", clock),
        ("Temperature, hottest zone (°C)", lambda window: window.temperature_c),
        (f"Power, {record.power.scope or 'scope unknown'}, mean (W)", lambda window: power_w(window, rails)),
    )
    panels = [SustainedPanel(title, _curves(figures, read)) for title, read in readers]
    ends_s = [each.windows[-1].end_s - each.windows[0].start_s for each in figures]
    return SustainedLines(
        names=tuple(each.network for each in figures),
        panels=tuple(panel for panel in panels if panel.curves),
        throttles=tuple(
            (at, each.throttle.time_s / 60)
            for at, each in enumerate(figures)
            if each.throttle is not None and each.throttle.time_s is not None
        ),
        end_min=max(ends_s) / 60,
    )


def _curves(figures: Sequence[SustainedFigures], read: Read) -> tuple[tuple[int, Curve], ...]:
    found = []
    for at, each in enumerate(figures):
        begin_s = each.windows[0].start_s
        middles = [((window.start_s + window.end_s) / 2 - begin_s, read(window)) for window in each.windows]
        points = [(t_s / 60, value) for t_s, value in middles if value is not None]
        if points:
            found.append((at, curve(each.network, points)))
    return tuple(found)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _said(found: SustainedFigures) -> str:
    """What the lines of one network show, in words."""
    change, throttle = found.change, found.throttle
    slow = "no lasting slowdown"
    if throttle is not None and throttle.time_s is not None:
        slow = f"slower from {duration(throttle.time_s)} on"
    ratio = "" if change is None else f", {change.estimate:.2f} times as long at the end as at the start"
    heat = "" if found.max_c is None else f", up to {found.max_c:.0f} °C"
    return f"{found.network} {slow}{ratio}{heat}"


def _draw(lines: SustainedLines, drawing: Drawing, width: float) -> float:
    top = _legend(drawing, lines.names, width)
    body, y = Drawing(), top
    scales = [_up(panel) for panel in lines.panels]
    left = max(left_of(scale, 4) for scale in scales)
    across_scale = Scale(0.0, lines.end_min, left, width - 8)
    for panel, scale in zip(lines.panels, scales, strict=True):
        for words in wrapped(panel.title, width - left):
            y += LINE
            body.text(left, y - 3, words, has_halo=True)
        y += 3
        up = Scale(scale.low, scale.high, y + PANEL, y)
        upright(body, up, left, width - 8, 4)
        for at, line in panel.curves:
            for piece in line.pieces:
                body.curve([(across_scale(bucket.t_s), up(bucket.middle)) for bucket in piece], SERIES[at])
        y += PANEL + BETWEEN
    bottom = y - BETWEEN + 4
    below = across(drawing, across_scale, top, bottom, "Time since the run's start (min)")
    for at, minute in lines.throttles:
        x = across_scale(minute)
        drawing.line(x, top, x, bottom, SERIES[at], 1.2, stroke_dasharray="4 3")
    drawing.add(body)
    return below


def _up(panel: SustainedPanel) -> Scale:
    """The values of a panel, with a margin; its pixels are those of its place."""
    values = [bucket.middle for _, line in panel.curves for bucket in line.buckets]
    low, high = min(values), max(values)
    margin = max(0.08 * (high - low), LEAST_SPAN / 2 * abs(high), 1e-9)
    return Scale(low - margin, high + margin, PANEL, 0.0)


def _legend(drawing: Drawing, names: Sequence[str], width: float) -> float:
    """Each network's name beside a piece of its line; returns where the panels begin."""
    x, y = 0.0, LINE
    for at, name in enumerate(names):
        words = wrapped(name, width - 30, most=1)[0]
        room = 30 + width_of(words)
        if x and x + room > width:
            x, y = 0.0, y + LINE
        drawing.line(x, y - 4, x + 22, y - 4, SERIES[at], 2.5)
        drawing.text(x + 27, y, words, size=SIZE)
        x += room + 12
    return y + 6
