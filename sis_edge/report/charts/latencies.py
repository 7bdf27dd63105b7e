"""How the latencies of each network are distributed, over its own median."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sis_edge.report import rows as show
from sis_edge.report.charts.axes import across
from sis_edge.report.charts.base import Chart
from sis_edge.report.charts.drawing import INK, LINE, MUTED, SERIES, SIZE, Drawing, number, width_of, wrapped
from sis_edge.report.charts.scale import Scale
from sis_edge.report.charts.subject import Subject
from sis_edge.results.rows import Row
from sis_edge.results.statistics import needed

TITLE = "Latency distributions"
MOST = 12
"""Networks; more make a chart that nobody compares by eye."""

PLOT, BIN = 36.0, 5.0
LOG_FROM = 3.0
"""So many times the least latency is the greatest where the scale is logarithmic."""

EVERY_SAMPLE = needed(90)
"""Below so many samples each is drawn as a line of its own: a histogram of a few would show shapes that are chance."""


@dataclass(frozen=True)
class _Latencies:
    """One network's samples over their median; `known` are the percentiles that they carry.

    `ends` are what a scale shall reach: few samples lie beyond.
    """

    name: str
    words: str
    relative: NDArray[np.float64]
    ends: tuple[float, float]
    known: Sequence[tuple[str, float]]


def needs(subject: Subject) -> str | None:
    """Why it cannot be drawn; None where it can."""
    return None if any(_medians(subject)) else "no network has enough latencies for a median"


def _medians(subject: Subject) -> list[float]:
    return [value for row, _ in subject.measured if (value := row.latency.p50_s.value)]


def draw(subject: Subject) -> Chart:
    """The chart of a run in which a network has a median latency."""
    found = []
    for row, record in subject.measured:
        if median_s := row.latency.p50_s.value:
            samples = np.array([latency for turn in record.rounds for latency in turn.latencies_s])
            found.append(_of(row, samples / median_s, median_s))
    drawn, more = found[:MOST], [each.name for each in found[MOST:]]
    few = any(each.relative.size < EVERY_SAMPLE for each in drawn)
    return Chart(
        name="latencies",
        title=TITLE,
        caption="Each network over its own median, all on one scale. Lines: p50, p90 and p99, where the sample is "
        f"large enough ({needed(50)}, {needed(90)} and {needed(99)} inferences)."
        f"{f' Fewer than {EVERY_SAMPLE} inferences are drawn one by one.' if few else ''}"
        f"{' Not drawn: ' + ', '.join(more) + '.' if more else ''}",
        alt=f"Histograms of latency: {'; '.join(f'{each.name} {each.words}' for each in drawn)}.",
        draw=partial(_draw, drawn),
        mark=subject.mark,
    )


def _of(row: Row, relative: NDArray[np.float64], median_s: float) -> _Latencies:
    figures = (("p50", row.latency.p50_s), ("p90", row.latency.p90_s), ("p99", row.latency.p99_s))
    known = [(name, figure.value) for name, figure in figures if figure.value is not None]
    low, high = np.percentile(relative, (0.5, 99))
    words = ", ".join(f"{name} {show.seconds(value)}" for name, value in known)
    return _Latencies(
        row.identity.label,
        f"{words} (n = {relative.size:,})",
        relative,
        (float(low), max(float(high), *(value / median_s for _, value in known))),
        [(name, value / median_s) for name, value in known],
    )


def _draw(drawn: Sequence[_Latencies], drawing: Drawing, width: float) -> float:
    low, high = min(each.ends[0] for each in drawn), max(each.ends[1] for each in drawn)
    is_log = 0 < LOG_FROM * low < high
    body, y = Drawing(), 0.0
    if is_log:
        scale = Scale(low / 1.1, high * 1.2, 4.0, width - 8, is_log=True)
        title = "Latency of one call over the network's median (times), log scale"
    else:
        margin = 0.06 * (high - low) or 0.01
        scale = Scale(100 * (low - margin - 1), 100 * (high + 2 * margin - 1), 4.0, width - 8)
        title = "Latency of one call against the network's median (%)"
    for each in drawn:
        y = _network(body, each, scale, y, width) + 12
    y = across(drawing, scale, 0.0, y - 12, title)
    drawing.add(body)
    return y


def _network(drawing: Drawing, each: _Latencies, scale: Scale, y: float, width: float) -> float:
    """One network: its name, its percentiles and the samples; returns where it ends."""
    values = each.relative if scale.is_log else 100 * (each.relative - 1)
    beyond = each.relative[values > scale.high]
    more = f"; {beyond.size:,} beyond, up to {beyond.max():.3g}×" if beyond.size else ""
    lines = wrapped(each.name, width, is_bold=True)
    room = width - width_of(lines[-1], is_bold=True) - 12
    for at, line in enumerate(lines):
        drawing.text(0, y + SIZE + at * LINE, line, is_bold=True, has_halo=True)
    y += LINE * len(lines)
    words = each.words + more
    if width_of(words) <= room:
        drawing.text(width - room, y + SIZE - LINE, words, fill=MUTED, has_halo=True)
    else:
        for line in wrapped(words, width):
            drawing.text(0, y + SIZE, line, fill=MUTED, has_halo=True)
            y += LINE
    foot = y + 4 + PLOT
    if values.size < EVERY_SAMPLE:
        ends = [f"M{number(scale(value))} {number(foot - 14)}V{number(foot)}" for value in values]
        drawing.element("path", d="".join(ends), stroke=SERIES[0], stroke_width=1.2, fill="none")
    else:
        drawing.element("path", d=_histogram(values, scale, foot), fill=SERIES[0], fill_opacity=0.55)
    drawing.line(scale.start, foot, scale.end, foot, MUTED)
    right = float("-inf")
    for name, value in each.known:
        x, half = scale(value if scale.is_log else 100 * (value - 1)), width_of(name, 10) / 2
        drawing.line(x, foot - PLOT, x, foot, INK, 1.3)
        if x - half > right + 2:
            drawing.text(x + 3, foot - PLOT + 9, name, size=10, has_halo=True)
            right = x + 2 * half + 3
    return foot


def _histogram(values: NDArray[np.float64], scale: Scale, foot: float) -> str:
    """The outline of the counts of samples in strips of BIN pixels, the tallest PLOT pixels high."""
    count = max(1, round((scale.end - scale.start) / BIN))
    spaced = np.geomspace if scale.is_log else np.linspace
    heights, edges = np.histogram(values, bins=spaced(scale.low, scale.high, count + 1))
    steps = [f"M{number(scale.start)} {number(foot)}"]
    for height, right in zip(heights, edges[1:], strict=True):
        steps.append(f"V{number(foot - PLOT * height / max(1, heights.max()))}H{number(scale(float(right)))}")
    # Strips of the same height go on without a step.
    kept = [
        step for step, after in zip(steps, [*steps[1:], ""], strict=True) if step.split("H")[0] != after.split("H")[0]
    ]
    return "".join(kept) + f"V{number(foot)}Z"
