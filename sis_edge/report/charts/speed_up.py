"""The measured speed-up with its interval, and the ceiling that the ratio of multiply-accumulates sets."""

from dataclasses import dataclass
from functools import partial

from sis_edge.report import rows as show
from sis_edge.report.charts.axes import across
from sis_edge.report.charts.base import Chart
from sis_edge.report.charts.drawing import INK, LINE, MUTED, SERIES, SIZE, Drawing, width_of, wrapped
from sis_edge.report.charts.scale import Scale
from sis_edge.report.charts.subject import Subject
from sis_edge.results.rows import Row
from sis_edge.results.statistics import Interval

TITLE = "Speed-up against its ceiling"
BAR = 16.0


@dataclass(frozen=True)
class _Gain:
    """A network's speed-up; `ceiling` is None where nobody counted what it computes."""

    name: str
    estimate: float
    interval: Interval | None
    ceiling: float | None
    words: str


def needs(subject: Subject) -> str | None:
    """Why it cannot be drawn; None where it can."""
    return None if _gains(subject) else "no network has a speed-up"


def draw(subject: Subject) -> Chart:
    """The chart of a run in which a network has a speed-up."""
    gains = _gains(subject)
    rounds = show.span([count for row in subject.rows if (count := row.speed_up.rounds.value) is not None])
    reference = next((row.identity.label for row in subject.rows if row.identity.is_reference), "the reference")
    has_ceiling = any(gain.ceiling is not None for gain in gains)
    counted = (
        "Upright mark: the ceiling, counted, not measured: multiply-accumulates of the reference over those left "
        "after compaction. "
        if has_ceiling
        else ""
    )
    return Chart(
        name="speed-up",
        title=TITLE if has_ceiling else "Speed-up",
        caption=f"Whiskers: 95% intervals, n = {rounds} rounds. {counted}Dashed: the speed of {reference}.",
        alt=f"Bar chart of the speed-up over {reference}: {'; '.join(f'{gain.name} {gain.words}' for gain in gains)}.",
        draw=partial(_draw, gains, reference),
        mark=subject.mark,
    )


def _gains(subject: Subject) -> list[_Gain]:
    found = []
    for row in subject.rows:
        if (estimate := row.speed_up.estimate.value) is not None:
            interval, ceiling = row.speed_up.interval.value, row.structure.ceiling.value
            found.append(_Gain(row.identity.label, estimate, interval, ceiling, _words(row, estimate)))
    return found


def _words(row: Row, estimate: float) -> str:
    interval = row.speed_up.interval
    between = interval.map(show.speed_up_interval)
    ceiling = row.structure.ceiling.map(lambda most: f", ceiling {show.ratio(most)}").value or ""
    return f"{show.speed_up(estimate, interval.value)} ({between.value or between.reason}){ceiling}"


def _draw(gains: list[_Gain], reference: str, drawing: Drawing, width: float) -> float:
    ends = [gain.estimate if gain.interval is None else gain.interval.high for gain in gains]
    most = max(1.0, *ends, *(gain.ceiling or 0.0 for gain in gains))
    scale = Scale(0.0, 1.06 * most, 0.0, width - 8)
    body, y = Drawing(), 4.0
    for gain in gains:
        y = _bar(body, gain, scale, y, width)
    below = across(drawing, scale, 0.0, y, f"Speed-up over {reference} (times)")
    drawing.line(scale(1), 0, scale(1), y, INK, 1.2, stroke_dasharray="4 4")
    drawing.add(body)
    return below


def _bar(drawing: Drawing, gain: _Gain, scale: Scale, y: float, width: float) -> float:
    """One network: its name and numbers above its bar; returns where the next begins."""
    lines = wrapped(gain.name, width - 4, is_bold=True)
    for at, line in enumerate(lines):
        drawing.text(2, y + SIZE, line, is_bold=True, has_halo=True)
        is_last = at == len(lines) - 1
        beside = width_of(line, is_bold=True) + 12
        if is_last and beside + width_of(gain.words) <= width:
            drawing.text(beside, y + SIZE, gain.words, fill=MUTED, has_halo=True)
        elif is_last:
            y += LINE
            drawing.text(2, y + SIZE, gain.words, fill=MUTED, has_halo=True)
        y += LINE
    y += 3
    middle, end = y + BAR / 2, scale(gain.estimate)
    tip = f"{gain.name}: {gain.words}"
    drawing.element("rect", tip, x=0, y=y, width=end, height=BAR, fill=SERIES[0], fill_opacity=0.3)
    if gain.interval is not None:
        drawing.line(scale(gain.interval.low), middle, scale(gain.interval.high), middle, SERIES[0], 2.5)
    drawing.mark("circle", end, middle, 3.5, SERIES[0], SERIES[0], tip)
    if gain.ceiling is not None:
        x = scale(gain.ceiling)
        drawing.line(x, y - 3, x, y + BAR + 3, SERIES[1], 3.5)
        room = width_of("ceiling", 11) + 10
        is_left = x + room > width
        if (x - room if is_left else x) < end:  # the bar lies there; the caption says it as well
            return y + BAR + 12
        drawing.text(
            x + (-6 if is_left else 6),
            middle + 4,
            "ceiling",
            anchor="end" if is_left else "start",
            fill=SERIES[1],
            size=11,
            has_halo=True,
        )
    return y + BAR + 12
