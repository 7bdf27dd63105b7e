"""What a chart is, and how it becomes a picture.

A chart draws itself at any width: on a page at two, of which the page shows the one that fits, and in a file at the
wider. Colours are the page's variables, so that a chart follows it into the dark; a file has those of a light page.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sis_edge.report.charts.drawing import (
    GROUND,
    INK,
    LINE,
    MUTED,
    SIZE,
    WARN,
    Drawing,
    attribute,
    number,
    plain,
    width_of,
    wrapped,
)

WIDE, NARROW = 560.0, 300.0
"""Pixels: the widths of a chart on a page, for all screens and for phones."""

PAD = 4.0
TITLE_SIZE = 14.0
FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"

Draw = Callable[[Drawing, float], float]
"""Draws a chart's body for a width, from y = 0 downwards; returns its height."""


@dataclass(frozen=True)
class Chart:
    """A chart of one run: `name` is its file's stem, `alt` says in words what it shows, `draw` draws it.

    `mark` is what every picture of it says: simulated, emulated, unverified profile; None for none of these.
    `subtitle` stands below the title.
    """

    name: str
    title: str
    caption: str
    alt: str
    draw: Draw
    mark: str | None = None
    subtitle: str = ""

    def named(self, suffix: str) -> "Chart":
        """The same chart with a name that is its own among several runs."""
        return replace(self, name=self.name + suffix)


def svg(chart: Chart, inline: bool = False) -> str:
    """The chart as SVG text: on white for a file; inline, for a wide and a narrow page in the colours of the page."""
    if inline:
        return _picture(chart, WIDE, "wide") + _picture(chart, NARROW, "narrow")
    return re.sub(r"var\(--[\w-]+,([^)]*)\)", r"\1", _picture(chart, WIDE, None)) + "\n"


def _picture(chart: Chart, width: float, kind: str | None) -> str:
    """One `svg` element; those of a page have names of their own, since identifiers hold for all of it."""
    body, head = Drawing(), Drawing()
    top = _head(chart, head, width - 2 * PAD)
    height = number(top + chart.draw(body, width - 2 * PAD) + 2 * PAD)
    name = attribute(f"{chart.name}-{kind}" if kind else chart.name)
    size = f'width="{number(width)}" height="{height}" viewBox="0 0 {number(width)} {height}"'
    what = f"{chart.alt}" if chart.mark is None else f"{chart.mark.capitalize()}. {chart.alt}"
    ground = "" if kind else f'<rect width="100%" height="100%" fill="{GROUND}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}{f" class={chr(34)}{kind}{chr(34)}" if kind else ""} '
        f'role="img" aria-labelledby="{name}-title {name}-words" font-family="{FONT}" font-size="{number(SIZE)}">'
        f'<title id="{name}-title">{plain(chart.title)}</title><desc id="{name}-words">{plain(what)}</desc>{ground}'
        f'<g transform="translate({number(PAD)} {number(PAD)})">{head}</g>'
        f'<g transform="translate({number(PAD)} {number(top + PAD)})">{body}</g></svg>'
    )


def _head(chart: Chart, drawing: Drawing, width: float) -> float:
    """The title, and the mark on a ground of its own; returns their height."""
    y = 0.0
    for line in wrapped(chart.title, width, TITLE_SIZE, is_bold=True, most=3):
        y += TITLE_SIZE + 3
        drawing.text(0, y - 3, line, size=TITLE_SIZE, fill=INK, is_bold=True)
    for line in wrapped(chart.subtitle, width, most=3) if chart.subtitle else ():
        y += LINE
        drawing.text(0, y - 3, line, fill=MUTED)
    if chart.mark is not None:
        words, size = chart.mark.upper(), 11.0
        drawing.element("rect", x=0, y=y + 3, width=width_of(words, size, True) + 12, height=LINE + 2, rx=3, fill=WARN)
        drawing.text(6, y + 15, words, size=size, fill=GROUND, is_bold=True)
        y += LINE + 8
    return y + 6
