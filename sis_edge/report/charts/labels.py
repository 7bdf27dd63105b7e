"""Where the names of points go, so that they cover neither each other nor the whiskers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

CHARACTER, LINE, GAP = 7.6, 16.0, 11.0  # pixels: a bold character's width, a line's height, a label above its whisker


@dataclass(frozen=True)
class Label:
    """A name in pixels, y downwards: before placing, x and y are its whisker's upper end, `foot` the lower one.

    After placing, x and y are the middle of the text.
    """

    text: str
    x: float
    y: float
    foot: float


def place(labels: Sequence[Label], width: float) -> list[Label]:
    """Each name above its whisker, raised until it covers nothing; y may become negative, x stays within `width`."""
    placed: dict[int, Label] = {}
    for at in sorted(range(len(labels)), key=lambda index: -labels[index].y):
        half = CHARACTER * len(labels[at].text) / 2
        x = min(max(labels[at].x, half), max(width - half, half))
        spot = replace(labels[at], x=x, y=labels[at].y - GAP)
        while any(_touch(spot, half, other) for other in placed.values()) or any(
            _crosses(spot, half, whisker) for index, whisker in enumerate(labels) if index != at
        ):
            spot = replace(spot, y=spot.y - 2)
        placed[at] = spot
    return [placed[at] for at in range(len(labels))]


def _touch(spot: Label, half: float, other: Label) -> bool:
    reach = half + CHARACTER * len(other.text) / 2
    return abs(spot.x - other.x) < reach and abs(spot.y - other.y) < LINE


def _crosses(spot: Label, half: float, whisker: Label) -> bool:
    return abs(spot.x - whisker.x) < half + 3 and whisker.y - LINE / 2 < spot.y < whisker.foot + LINE / 2
