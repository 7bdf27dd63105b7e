"""Where the names of points go, so that they cover neither each other nor the whiskers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Pixels: a bold character's width, a line's height, and from a whisker's end to the middle of a name.
CHARACTER, LINE, GAP = 7.6, 16.0, 11.0


@dataclass(frozen=True)
class Point:
    """A point with an upright whisker from `top` to `foot`, in pixels, y downwards."""

    name: str
    x: float
    top: float
    foot: float

    @property
    def half(self) -> float:
        """Half of its name's width."""
        return CHARACTER * len(self.name) / 2


@dataclass(frozen=True)
class Place:
    """The middle of a name, in pixels."""

    x: float
    y: float


def place(points: Sequence[Point], width: float) -> list[Place]:
    """A place for each name: above its whisker, else below, else further above or below, whatever is free first.

    x stays within `width` where the name is shorter than that; y may leave the plot, which must then grow.
    """
    taken: dict[int, Place] = {}
    for at in sorted(range(len(points)), key=lambda index: points[index].top):
        taken[at] = next(
            spot
            for spot in _candidates(points[at], width)
            if not any(_touch(points[at], spot, points[other], found) for other, found in taken.items())
            and not any(_crosses(points[at], spot, whisker) for index, whisker in enumerate(points) if index != at)
        )
    return [taken[at] for at in range(len(points))]


def _candidates(point: Point, width: float) -> Iterator[Place]:
    x = min(max(point.x, point.half), max(width - point.half, point.half))
    away = GAP
    while True:
        yield Place(x, point.top - away)
        yield Place(x, point.foot + away)
        away += LINE / 4


def _touch(one: Point, here: Place, other: Point, there: Place) -> bool:
    return abs(here.x - there.x) < one.half + other.half + 4 and abs(here.y - there.y) < LINE


def _crosses(point: Point, spot: Place, whisker: Point) -> bool:
    aside = abs(spot.x - whisker.x) >= point.half + 8
    return not aside and whisker.top - LINE / 2 < spot.y < whisker.foot + LINE / 2
