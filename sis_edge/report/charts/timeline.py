"""Rounds over time, and below them on the same axis what the board did: heat, clocks, power."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from sis_agent.schema import Record
from sis_edge.report import rows as show
from sis_edge.report.charts.axes import GAP, across, upright
from sis_edge.report.charts.base import Chart
from sis_edge.report.charts.drawing import BAD, GRID, INK, LINE, MUTED, SERIES, SIZE, Drawing, path, width_of, wrapped
from sis_edge.report.charts.scale import Scale
from sis_edge.report.charts.series import Curve, Points, curve, most_of, power, states
from sis_edge.report.charts.subject import Subject
from sis_edge.results.evidence import Evidence

TITLE = "Rounds over time"
MOST = 12
"""Networks."""

LANE = 12.0  # for signs of throttling
STRIP, PANEL, BETWEEN = 36.0, 54.0, 12.0
HALF_STATE_S = 0.5  # states come once a second: each stands for half a second on either side
LEAST_SPAN = 2.0  # percent: noise below it shall not look like drift
PHASES = {"idle": MUTED, "rounds": SERIES[0], "energy": SERIES[1]}


@dataclass(frozen=True)
class Timeline:
    """All that is drawn: networks in percent from their median with its words, panels of the board, what went on."""

    networks: Sequence[tuple[Curve, str]]
    panels: Sequence[Curve]
    phases: Sequence[tuple[str, float, float]]
    throttled_s: Sequence[float]
    cuts_s: Sequence[float]
    start_s: float
    end_s: float


def needs(subject: Subject) -> str | None:
    """Why it cannot be drawn; None where it can."""
    if any(len(record.rounds) > 1 for _, record in subject.measured) or _recorded(subject.run.record):
        return None
    return "no network was measured in two rounds"


def draw(subject: Subject) -> Chart:
    """The chart of a run that has rounds, or states of the board."""
    line = _timeline(subject)
    more = [row.identity.label for row, _ in subject.measured[MOST:]]
    thinned = [each for each in (*(each for each, _ in line.networks), *line.panels) if each.is_thinned]
    parts = [
        "Each network: the median latency of each round against its own over all rounds, in percent; all on one scale.",
        "Shaded band: least and greatest of the neighbouring points that are drawn as one." if thinned else "",
        "A line ends where nothing was recorded.",
        f"Red: the board reported throttling ({len(line.throttled_s)} samples)." if line.throttled_s else "",
        "Dashed upright: the job was interrupted." if line.cuts_s else "",
        "" if line.panels else "The board reported neither temperature, clocks nor power.",
        f"Not drawn: {', '.join(more)}." if more else "",
    ]
    words = [f"{each.name} {_range(each)}% from its median {text}" for each, text in line.networks]
    words += [f"{each.name} {_range(each)}" for each in line.panels]
    return Chart(
        name="timeline",
        title=TITLE if line.networks else "The board during the run",
        caption=" ".join(part for part in parts if part),
        alt=f"Lines over {line.end_s - line.start_s:.0f} s: {'; '.join(words)}.",
        draw=partial(_draw, line),
        mark=subject.mark,
    )


def _range(each: Curve) -> str:
    low, high = min(bucket.low for bucket in each.buckets), max(bucket.high for bucket in each.buckets)
    return f"{low:.3g} to {high:.3g}".replace("-", "−")


def _recorded(record: Record) -> list[tuple[str, Points]]:
    return [(name, points) for name, points in (*states(record), *power(record)) if len(points) > 1]


def _timeline(subject: Subject) -> Timeline:
    record = subject.run.record
    cuts_s = [cut.t_s for cut in record.interruptions]
    shown, recorded = subject.measured[:MOST], _recorded(record)
    most = most_of(len(shown) + len(recorded))
    networks = []
    for row, _ in shown:
        rounds = subject.rounds[row.identity.label]
        usual_s = row.latency.p50_s.value or median(latency_s for _, latency_s in rounds)
        if usual_s > 0:
            points = [(t_s, 100 * (latency_s / usual_s - 1)) for t_s, latency_s in rounds]
            networks.append((curve(row.identity.label, points, cuts_s, most), show.seconds(usual_s)))
    panels = [curve(name, points, cuts_s, most) for name, points in recorded]
    phases = _phases(record)
    known_s = [bucket.t_s for each in (*panels, *(each for each, _ in networks)) for bucket in each.buckets]
    known_s += [t_s for _, start_s, end_s in phases for t_s in (start_s, end_s)]
    return Timeline(networks, panels, phases, _throttled(record), cuts_s, min(known_s), max(known_s))


def _phases(record: Record) -> list[tuple[str, float, float]]:
    evidence = Evidence(record)
    idle = [("idle", window.start_s, window.end_s) for window in record.windows if window.name.startswith("idle")]
    names = ["rounds"] if evidence.measured else []
    names += ["energy"] if record.energy_blocks else []
    return idle + [(name, *stretch) for name, stretch in zip(names, evidence.stretches, strict=True)]


def _throttled(record: Record) -> list[float]:
    return [
        state.t_s
        for state in record.states
        if any(value > 0 for name, value in state.throttle.items() if "occurred" not in name)
    ]


def _draw(line: Timeline, drawing: Drawing, width: float) -> float:
    left = 46.0
    scale = Scale(line.start_s, line.end_s, left, width - 8)
    body, top = Drawing(), LINE + 4 if line.phases else 0.0
    y = _strips(body, line.networks, scale, top + (LANE if line.throttled_s else 0), width)
    for each in line.panels:
        y = _panel(body, each, scale, y, width) + BETWEEN
    bottom = y - BETWEEN + 6
    _shades(drawing, line, scale, top, bottom)
    below = across(drawing, scale, top, bottom, "Time since the job's start (s)")
    for cut_s in line.cuts_s:
        drawing.line(scale(cut_s), top, scale(cut_s), bottom, INK, 1.2, stroke_dasharray="3 3")
    drawing.add(body)
    return below


def _shades(drawing: Drawing, line: Timeline, scale: Scale, top: float, bottom: float) -> None:
    """What went on at the time, named above where the name has room; throttling along the top."""
    right = float("-inf")
    for name, start_s, end_s in sorted(line.phases, key=lambda phase: phase[1]):
        x, end = scale(start_s), scale(end_s)
        fill = PHASES[name]
        drawing.element(
            "rect", name, x=x, y=top, width=max(end - x, 0.5), height=bottom - top, fill=fill, fill_opacity=0.09
        )
        middle, half = (x + end) / 2, width_of(name, 11) / 2
        if 2 * half <= end - x and middle - half > right + GAP:
            drawing.text(middle, top - 4, name, anchor="middle", size=11, fill=fill)
            right = middle + half
    end = 0.0
    for t_s in line.throttled_s:
        x, end = scale(t_s - HALF_STATE_S), scale(t_s + HALF_STATE_S)
        drawing.element("rect", x=x, y=top + 3, width=end - x, height=5, fill=BAD)
    if line.throttled_s and end + 4 + width_of("throttled", 11) <= scale.end + 8:
        drawing.text(end + 4, top + 10, "throttled", size=11, fill=BAD, has_halo=True)


def _strips(drawing: Drawing, networks: Sequence[tuple[Curve, str]], scale: Scale, y: float, width: float) -> float:
    """A strip for each network, all with the same percents; returns where the next panel begins."""
    buckets = [bucket for each, _ in networks for bucket in each.buckets]
    low, high = min((bucket.low for bucket in buckets), default=0), max((bucket.high for bucket in buckets), default=0)
    low, high = min(low, -LEAST_SPAN), max(high, LEAST_SPAN)
    for each, words in networks:
        y = _headed(drawing, each.name, f"median {words}", scale.start, y, width)
        up = Scale(low, high, y + STRIP, y)
        drawing.line(scale.start, up(0), scale.end, up(0), MUTED, 0.8)
        drawing.text(scale.start - GAP, up(0) + 4, "0", anchor="end", fill=MUTED)
        ticks = up.ticks(6)
        for value, text in (max(ticks, default=(0.0, "")), min(ticks, default=(0.0, ""))):
            if abs(up(value) - up(0)) >= SIZE - 1:
                drawing.line(scale.start, up(value), scale.end, up(value), GRID)
                sign = "+" if value > 0 else ""
                drawing.text(scale.start - GAP, up(value) + 4, f"{sign}{text}%", anchor="end", fill=MUTED)
        _trace(drawing, each, scale, up, SERIES[0])
        y += STRIP + BETWEEN
    return y


def _panel(drawing: Drawing, each: Curve, scale: Scale, y: float, width: float) -> float:
    y = _headed(drawing, each.name, "", scale.start, y, width)
    low, high = min(bucket.low for bucket in each.buckets), max(bucket.high for bucket in each.buckets)
    from_zero = "°C" not in each.name
    margin = 0.1 * (high - low) or 0.05 * high or 1.0
    up = Scale(0.0 if from_zero else low - margin, high + margin, y + PANEL, y)
    upright(drawing, up, scale.start, scale.end, 3)
    _trace(drawing, each, scale, up, BAD if not from_zero else SERIES[1] if "Power" in each.name else SERIES[2])
    return y + PANEL


def _headed(drawing: Drawing, name: str, words: str, x: float, y: float, width: float) -> float:
    """What a panel shows, above it; returns where the panel begins."""
    lines = wrapped(name, width - x, is_bold=True)
    for line in lines:
        drawing.text(x, y + SIZE, line, is_bold=True, has_halo=True)
        y += LINE
    beside = x + width_of(lines[-1], is_bold=True) + 10
    if words and beside + width_of(words) <= width:
        drawing.text(beside, y + SIZE - LINE, words, fill=MUTED, has_halo=True)
    elif words:
        drawing.text(x, y + SIZE, words, fill=MUTED, has_halo=True)
        y += LINE
    return y + 5


def _trace(drawing: Drawing, each: Curve, scale: Scale, up: Scale, colour: str) -> None:
    for piece in each.pieces:
        if each.is_thinned:
            upper = [(scale(bucket.t_s), up(bucket.high)) for bucket in piece]
            lower = [(scale(bucket.t_s), up(bucket.low)) for bucket in reversed(piece)]
            drawing.element("path", d=f"{path([*upper, *lower])}Z", fill=colour, fill_opacity=0.25)
        drawing.curve([(scale(bucket.t_s), up(bucket.middle)) for bucket in piece], colour)
