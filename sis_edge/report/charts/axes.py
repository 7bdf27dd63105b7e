"""The frame of a chart: grid lines with their values, and what they are values of."""

from sis_edge.report.charts.drawing import GRID, LINE, MUTED, SIZE, Drawing, width_of, wrapped
from sis_edge.report.charts.scale import Scale

GAP = 6.0


def left_of(scale: Scale, most: int) -> float:
    """Pixels left of a plot for the values of its upright axis."""
    return GAP + max((width_of(text) for _, text in scale.ticks(most)), default=0.0)


def across(drawing: Drawing, scale: Scale, top: float, bottom: float, title: str) -> float:
    """The axis below a plot, with upright grid lines; `title` ends at the plot's right side.

    Returns where what belongs to it ends.
    """
    most = max(2, int(abs(scale.end - scale.start) / 62))
    last = float("-inf")
    for value, text in scale.ticks(most):
        x, half = scale(value), width_of(text) / 2
        drawing.line(x, top, x, bottom, GRID)
        if x - half > last + GAP:  # on a logarithmic scale values may be close
            middle = min(max(x, half), scale.end + GAP - half)
            drawing.text(middle, bottom + LINE, text, anchor="middle", fill=MUTED)
            last = x + half
    drawing.line(scale.start, bottom, scale.end, bottom, MUTED)
    y = bottom + LINE + 4
    for line in wrapped(title, scale.end, most=3):
        y += LINE
        drawing.text(scale.end, y - 2, line, anchor="end", fill=MUTED)
    return y + 4


def upright(drawing: Drawing, scale: Scale, left: float, right: float, most: int) -> None:
    """Grid lines across a plot with their values left of it."""
    for value, text in scale.ticks(most):
        y = scale(value)
        drawing.line(left, y, right, y, GRID)
        drawing.text(left - GAP, y + 0.35 * SIZE, text, anchor="end", fill=MUTED)
