"""Points in a plane with whiskers and names: what charts of accuracy against something else share."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sis_edge.report.charts.axes import across, left_of, upright
from sis_edge.report.charts.drawing import GROUND, INK, LINE, MUTED, SIZE, Drawing, shortened, width_of, wrapped
from sis_edge.report.charts.labels import Box, Named, Place, place
from sis_edge.report.charts.scale import Scale
from sis_edge.results.statistics import Interval

HEIGHT = 280.0
TICKS = 6
LOG_FROM = 8.0
"""So many times the least value is the greatest where the scale is logarithmic: else the small ones would meet."""


@dataclass(frozen=True)
class Dot:
    """A point: its values, the whiskers through it, and its looks. One without a name has an empty one."""

    name: str
    x: float
    y: float
    tip: str
    colour: str
    x_interval: Interval | None = None
    y_interval: Interval | None = None
    shape: str = "circle"
    is_hollow: bool = False
    size: float = 5.0


@dataclass(frozen=True)
class Axis:
    """What an axis shows; `from_zero` begins it there unless its values are so far apart that it is logarithmic."""

    title: str
    from_zero: bool = False
    is_log: bool = False


@dataclass(frozen=True)
class Scatter:
    """The dots with both axes; `steps` are the corners of a line through them, `steps_name` is written along it.

    `kinds` are what shapes and colours stand for, where the dots are of several kinds: shape, colour, words.
    """

    dots: Sequence[Dot]
    x: Axis
    y: Axis
    steps: Sequence[tuple[float, float]] = ()
    steps_name: str = ""
    kinds: Sequence[tuple[str, str, str]] = ()

    def draw(self, drawing: Drawing, width: float) -> float:
        """Draw it this wide; returns its height."""
        begin = _legend(drawing, self.kinds, width)
        top = begin + LINE + 10
        up = _scale(self.y, [(dot.y, dot.y_interval) for dot in self.dots], top + HEIGHT, top)
        left = left_of(up, TICKS)
        over = _scale(self.x, [(dot.x, dot.x_interval) for dot in self.dots], left, width - 10)
        drawing.text(0, begin + SIZE, self.y.title, fill=MUTED)
        upright(drawing, up, left, width, TICKS)
        below = across(drawing, over, top, top + HEIGHT, f"{self.x.title}{', log scale' if over.is_log else ''}")
        steps = _corners(self.steps, over, up)
        if steps:
            drawing.curve(steps, MUTED, 1.3, stroke_dasharray="5 4")
        for dot in self.dots:
            _whiskers(drawing, dot, over, up)
        for dot in self.dots:
            fill = GROUND if dot.is_hollow else dot.colour
            drawing.mark(dot.shape, over(dot.x), up(dot.y), dot.size, fill, dot.colour, dot.tip)
        drawn = [box for dot in self.dots for box in _boxes(dot, over, up)]
        drawn += [
            Box(min(x, after) - 1, min(y, below_y) - 1, max(x, after) + 1, max(y, below_y) + 1)
            for (x, y), (after, below_y) in pairwise(steps)
        ]
        room = Box(left, top - 4, width + 4, top + HEIGHT - 2)
        listed = _name(drawing, [dot for dot in self.dots if dot.name], over, up, drawn, room, steps, self.steps_name)
        return _key(drawing, listed, width, below)


def _legend(drawing: Drawing, kinds: Sequence[tuple[str, str, str]], width: float) -> float:
    """What the shapes and colours stand for, in lines above the plot; returns where they end."""
    x, y = 0.0, 0.0
    for shape, colour, words in kinds:
        line = shortened(words, width - 16)
        if x > 0 and x + 16 + width_of(line) > width:
            x, y = 0.0, y + LINE
        drawing.mark(shape, x + 6, y + SIZE - 4, 4, colour, colour)
        drawing.text(x + 16, y + SIZE, line)
        x += 16 + width_of(line) + 14
    return y + LINE + 6 if kinds else 0.0


def _scale(axis: Axis, values: Sequence[tuple[float, Interval | None]], start: float, end: float) -> Scale:
    lows = [value if interval is None else min(value, interval.low) for value, interval in values]
    highs = [value if interval is None else max(value, interval.high) for value, interval in values]
    low, high = min(lows), max(highs)
    if low > 0 and (axis.is_log or (axis.from_zero and high > LOG_FROM * low)):
        margin = (high / low) ** 0.08 if high > low else 1.5
        return Scale(low / margin, high * margin, start, end, is_log=True)
    if axis.from_zero:
        return Scale(0.0, 1.12 * high or 1.0, start, end)
    margin = 0.08 * (high - low) or 0.5
    return Scale(low - margin, high + margin, start, end)


def _whiskers(drawing: Drawing, dot: Dot, over: Scale, up: Scale) -> None:
    x, y, looks = over(dot.x), up(dot.y), {"opacity": 0.65}
    if dot.y_interval is not None:
        drawing.line(x, up(dot.y_interval.low), x, up(dot.y_interval.high), dot.colour, 2, **looks)
    if dot.x_interval is not None:
        drawing.line(over(dot.x_interval.low), y, over(dot.x_interval.high), y, dot.colour, 2, **looks)


def _boxes(dot: Dot, over: Scale, up: Scale) -> list[Box]:
    """What a name must not cover: the point and its whiskers."""
    x, y, half = over(dot.x), up(dot.y), dot.size + 1.5
    found = [Box(x - half, y - half, x + half, y + half)]
    if dot.y_interval is not None:
        found.append(Box(x - 2, up(dot.y_interval.high), x + 2, up(dot.y_interval.low)))
    if dot.x_interval is not None:
        found.append(Box(over(dot.x_interval.low), y - 2, over(dot.x_interval.high), y + 2))
    return found


def _corners(steps: Sequence[tuple[float, float]], over: Scale, up: Scale) -> list[tuple[float, float]]:
    """The line in pixels: up and across, from the bottom below its first point to the right of its last."""
    if not steps:
        return []
    at = [(over(x), up(y)) for x, y in steps]
    corners = [(at[0][0], up.start), at[0]]
    for (_, before), (x, y) in pairwise(at):
        corners += [(x, before), (x, y)]
    return [*corners, (over.end, at[-1][1])]


def _name(
    drawing: Drawing,
    dots: Sequence[Dot],
    over: Scale,
    up: Scale,
    drawn: Sequence[Box],
    room: Box,
    steps: Sequence[tuple[float, float]],
    steps_name: str,
) -> list[tuple[Dot, str]]:
    """Write each name at its point; where they do not fit, numbers, which are returned with the dots of those names."""
    points, places = _placed(dots, over, up, drawn, room)
    listed = [(dot, point.lines[0]) for dot, point in zip(dots, points, strict=True) if point.is_number]
    for dot, point, spot in zip(dots, points, places, strict=True):
        _write(drawing, point, spot, MUTED if dot.is_hollow else INK)
    if steps and steps_name:
        along = [
            Named((x + after) / 2, y, (steps_name,))
            for (x, y), (after, _) in zip(steps[1::2], steps[2::2], strict=False)
        ]
        taken = [*drawn, *(spot.box for spot in places)]
        spots = ((each, place([each], taken, room)) for each in along[::-1])
        each, found = next(((each, found) for each, found in spots if found and not found[0].is_far), (None, None))
        if each is not None and found is not None:
            _write(drawing, each, found[0], MUTED, is_bold=False)
    return listed


def _placed(
    dots: Sequence[Dot], over: Scale, up: Scale, drawn: Sequence[Box], room: Box
) -> tuple[list[Named], list[Place]]:
    """The names in as few lines as they fit in, else those of hollow dots as numbers, else all; and their places."""
    every, none, hollow = set(range(len(dots))), set[int](), {at for at, dot in enumerate(dots) if dot.is_hollow}
    for most, numbered in ((190.0, none), (150.0, none), (90.0, none), (150.0, hollow), (90.0, hollow), (0.0, every)):
        points = [
            Named(over(dot.x), up(dot.y), (str(at + 1),), is_number=True)
            if at in numbered
            else Named(over(dot.x), up(dot.y), tuple(wrapped(dot.name, most, is_bold=True, most=3)))
            for at, dot in enumerate(dots)
        ]
        if all(len(point.lines) < 3 for point in points) and (places := place(points, drawn, room)) is not None:
            return points, places
    return points, [_on(point) for point in points]


def _on(point: Named) -> Place:
    """Where everything is taken: right of the point, whatever lies there."""
    return Place(Box(point.x + 8, point.y - 8, point.x + 8 + point.width, point.y + 8), is_far=False)


def _write(drawing: Drawing, point: Named, spot: Place, fill: str, is_bold: bool = True) -> None:
    box = spot.box
    if spot.is_far:
        x, y = min(max(point.x, box.left), box.right), min(max(point.y, box.top), box.bottom)
        drawing.line(point.x, point.y, x, y, MUTED, 0.8)
    middle = (box.left + box.right) / 2
    anchor, x = ("middle", middle) if abs(middle - point.x) < 1 else ("start", box.left)
    if middle < point.x - 1:
        anchor, x = "end", box.right
    for at, line in enumerate(point.lines):
        drawing.text(x, box.top + at * LINE + SIZE - 1, line, anchor=anchor, fill=fill, is_bold=is_bold, has_halo=True)


def _key(drawing: Drawing, listed: Sequence[tuple[Dot, str]], width: float, y: float) -> float:
    """The names that numbers stand for, below the plot; returns where they end."""
    for dot, text in listed:
        drawing.text(18, y + SIZE, text, anchor="end", is_bold=True, fill=MUTED if dot.is_hollow else INK)
        for line in wrapped(dot.name, width - 26, most=4):
            drawing.text(26, y + SIZE, line, fill=MUTED if dot.is_hollow else INK)
            y += LINE
    return y + (4 if listed else 0)
