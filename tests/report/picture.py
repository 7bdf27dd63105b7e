"""A chart's picture read back: its texts, marks and lines with their places."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from sis_edge.report.charts.base import Chart, svg
from sis_edge.report.charts.drawing import Drawing, width_of
from sis_edge.report.charts.labels import Box

SPACE = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Text:
    """A text and the box that it takes at most."""

    words: str
    box: Box


def parsed(chart: Chart, width: float = 552.0) -> ET.Element:
    """The chart's body at this width, as elements."""
    drawing = Drawing()
    height = chart.draw(drawing, width)
    return ET.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{drawing}</svg>')


def whole(chart: Chart) -> ET.Element:
    """The chart's file as elements."""
    return ET.fromstring(svg(chart))


def texts(root: ET.Element) -> list[Text]:
    """Every text with its box, by the width that the chart reckons with."""
    found = []
    for element in root.iter(f"{SPACE}text"):
        words = element.text or ""
        size = float(element.get("font-size", 12))
        width = width_of(words, size, element.get("font-weight") is not None)
        x, y = float(element.get("x")), float(element.get("y"))
        left = {"start": x, "middle": x - width / 2, "end": x - width}[element.get("text-anchor", "start")]
        found.append(Text(words, Box(left, y - 0.75 * size, left + width, y + 0.2 * size)))
    return found


def words(root: ET.Element) -> list[str]:
    """Every text's words."""
    return [text.words for text in texts(root)]


def marks(root: ET.Element) -> list[tuple[str, float, float]]:
    """Points that say what they are: the words, x and y of the middle, for circles and squares."""
    found = []
    for element in (*root.iter(f"{SPACE}circle"), *root.iter(f"{SPACE}rect")):
        title = element.find(f"{SPACE}title")
        if title is None:
            continue
        if element.tag.endswith("circle"):
            found.append((title.text, float(element.get("cx")), float(element.get("cy"))))
        else:
            middle = [
                float(element.get(at)) + float(element.get(size)) / 2 for at, size in (("x", "width"), ("y", "height"))
            ]
            found.append((title.text, *middle))
    return found
