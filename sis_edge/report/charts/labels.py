"""Where the names of points go, so that they cover neither each other nor points nor whiskers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sis_edge.report.charts.drawing import LINE, SIZE, width_of

# Pixels between a point and its name, from nearest to farthest; farther than twice NEAR a line leads from one to the
# other. Points that lie within CROWD of each other are named first.
NEAR, FAR = 8.0, 104.0
RING = 8.0
CROWD = 64.0


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def within(self, other: "Box") -> bool:
        """Whether it lies wholly in the other."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True)
class Named:
    """A point in pixels and the lines of its name, or the number that stands for it."""

    x: float
    y: float
    lines: tuple[str, ...]
    is_number: bool = False

    @property
    def width(self) -> float:
        """Of the longest line."""
        return max(width_of(line, SIZE, is_bold=True) for line in self.lines)

    @property
    def height(self) -> float:
        """Of all lines."""
        return LINE * len(self.lines)


@dataclass(frozen=True)
class Place:
    """The box of a name, and whether it lies so far from its point that a line must lead there."""

    box: Box
    is_far: bool


def place(points: Sequence[Named], drawn: Sequence[Box], room: Box) -> list[Place] | None:
    """A place for each name within the room that covers nothing drawn and no other name; None where one finds none.

    `drawn` are the boxes of all points and whiskers.
    """
    taken: dict[int, Place] = {}
    # The most crowded first: they have the least choice.
    crowd = [sum(abs(one.x - two.x) + abs(one.y - two.y) < CROWD for two in points) for one in points]
    for at in sorted(range(len(points)), key=lambda index: (-crowd[index], points[index].y, points[index].x)):
        spot = next(
            (
                spot
                for spot in _candidates(points[at])
                if spot.box.within(room)
                and not any(spot.box.meets(box) for box in drawn)
                and not any(spot.box.meets(other.box) for other in taken.values())
            ),
            None,
        )
        if spot is None:
            return None
        taken[at] = spot
    return [taken[at] for at in range(len(points))]


def _candidates(point: Named) -> Iterator[Place]:
    """Beside it, above and below, then the corners; each time a little farther away."""
    away = NEAR
    while away <= FAR:
        for across, down in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)):
            reach = away if 0 in (across, down) else 0.7 * away
            left = point.x + across * reach + (across - 1) * point.width / 2
            top = point.y + down * reach + (down - 1) * point.height / 2
            yield Place(Box(left, top, left + point.width, top + point.height), away > 2 * NEAR)
        away += RING
