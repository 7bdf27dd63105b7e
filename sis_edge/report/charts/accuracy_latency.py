"""Accuracy on the board over median latency, with the networks that no other beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.report import rows as show
from sis_edge.report.charts.base import Chart
from sis_edge.report.charts.drawing import MUTED, SERIES
from sis_edge.report.charts.scatter import Axis, Dot, Scatter
from sis_edge.report.charts.subject import Subject
from sis_edge.results.rows import Row
from sis_edge.results.statistics import Interval, median_interval

TITLE = "Accuracy against latency"


@dataclass(frozen=True)
class Placed:
    """A network that has both numbers; `spread_s` is the interval of its median latency, None for few rounds."""

    row: Row
    latency_s: float
    accuracy: float
    interval: Interval
    images: int
    spread_s: Interval | None


def needs(subject: Subject) -> str | None:
    """Why it cannot be drawn; None where it can."""
    return None if _placed(subject) else "no network has both a latency and an accuracy on the board"


def draw(subject: Subject) -> Chart:
    """The chart of a run in which a network has both numbers."""
    placed = _placed(subject)
    best = front([(each.latency_s, each.accuracy) for each in placed])
    dots = [_dot(each, at in best) for at, each in enumerate(placed)]
    names = [placed[at].row.identity.label for at in best]
    scatter = Scatter(
        dots,
        Axis("Median latency of one call (ms)", from_zero=True),
        Axis("Accuracy on the board (%)"),
        [(dots[at].x, dots[at].y) for at in best] if len(placed) > 1 else [],
        "Pareto front",
    )
    words = "; ".join(f"{each.row.identity.label} {_words(each)}" for each in placed)
    return Chart(
        name="accuracy-latency",
        title=TITLE,
        caption=_caption(subject.rows, placed, names),
        alt=f"Scatter chart: {words}. Pareto front: {', '.join(names)}.",
        draw=scatter.draw,
        mark=subject.mark,
    )


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The points (latency, accuracy) that no other beats: none is as good in both and better in one. Fastest first.

    >>> front([(9.0, 0.90), (5.0, 0.88), (6.0, 0.87), (2.0, 0.80)])
    [3, 1, 0]
    """
    best: list[int] = []
    for at in sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1])):
        if not best or points[at][1] > points[best[-1]][1] or points[at] == points[best[-1]]:
            best.append(at)
    return best


def _placed(subject: Subject) -> list[Placed]:
    found = []
    for row, _ in subject.measured:
        accuracy = row.accuracy
        latency_s, interval, images = (
            row.latency.p50_s.value,
            accuracy.device_interval.value,
            accuracy.device_test_images.value,
        )
        if latency_s is None or accuracy.device.value is None or interval is None or images is None:
            continue
        rounds = [latency_s for _, latency_s in subject.rounds[row.identity.label]]
        found.append(Placed(row, latency_s, accuracy.device.value, interval, images, median_interval(rounds)))
    return found


def _dot(placed: Placed, is_best: bool) -> Dot:
    identity, spread = placed.row.identity, placed.spread_s
    return Dot(
        name=identity.label,
        x=1e3 * placed.latency_s,
        y=100 * placed.accuracy,
        tip=f"{identity.label}: {_words(placed)}",
        colour=SERIES[0] if is_best else MUTED,
        x_interval=None if spread is None else Interval(1e3 * spread.low, 1e3 * spread.high),
        y_interval=Interval(100 * placed.interval.low, 100 * placed.interval.high),
        shape="square" if identity.is_reference else "circle",
        is_hollow=not is_best,
    )


def _words(placed: Placed) -> str:
    interval, spread = placed.interval, placed.spread_s
    between = f", 95% interval {show.seconds(spread.low)} to {show.seconds(spread.high)}" if spread else ""
    return (
        f"{show.percent(placed.accuracy)} of {placed.images:,} images (95% interval {show.percent(interval.low)} to "
        f"{show.percent(interval.high)}), {show.seconds(placed.latency_s)} "
        f"(n = {placed.row.latency.samples:,}{between})"
    )


def _caption(rows: Sequence[Row], placed: Sequence[Placed], best: Sequence[str]) -> str:
    drawn = [each.row for each in placed]
    missing = [row.identity.label for row in rows if row not in drawn]
    square = next((row.identity.label for row in drawn if row.identity.is_reference), None)
    parts = [
        "Up and to the left is better.",
        f"Pareto front, the networks that no other beats in both: {', '.join(best)}; it is of the estimates, whatever "
        "their intervals."
        if len(placed) > 1
        else "",
        "Hollow: networks that another beats." if len(best) < len(placed) else "",
        f"Square: {square}, the reference." if square else "",
        f"Whiskers: 95% intervals of the accuracy (n = {show.span([each.images for each in placed])} images) and of "
        f"the median latency over {show.span([row.latency.rounds for row in drawn])} rounds.",
        f"Not measured: {', '.join(missing)}." if missing else "",
    ]
    return " ".join(part for part in parts if part)
