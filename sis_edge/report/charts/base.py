"""What a chart is, and how its one definition becomes a picture."""

import re
from dataclasses import dataclass, replace
from typing import Any

WIDTH = 430  # pixels

# Colours that keep a contrast of 3:1 and more on white and on the page's dark ground, as many as there are units.
BLUE, ORANGE = "#3b82c4", "#c8661b"
COLOURS = (BLUE, ORANGE, "#2e8b57", "#a855a0", "#8a7a00", "#c2415d")


@dataclass(frozen=True)
class Chart:
    """A chart of one run: `name` is its file's stem, `alt` says in words what it shows, `spec` is Vega-Lite."""

    name: str
    title: str
    caption: str
    alt: str
    spec: dict[str, Any]

    def named(self, suffix: str) -> "Chart":
        """The same chart with a name that is its own among several runs."""
        return replace(self, name=self.name + suffix)


def svg(chart: Chart, inline: bool = False) -> str:
    """The chart as SVG text: on white for a file; inline, in the colour of the page's text and on its ground."""
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(styled(chart, inline))
    # Identifiers hold for a whole page, so two charts on it must not share them.
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{chart.name}-", text) if inline else text


def styled(chart: Chart, inline: bool) -> dict[str, Any]:
    """The chart's definition with the colours of its ground."""
    ink = "currentColor" if inline else "#1b1f24"
    axis = dict.fromkeys(("labelColor", "titleColor", "domainColor", "tickColor"), ink)
    config = {
        "background": "transparent" if inline else "#ffffff",
        "font": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
        "view": {"stroke": None},
        "axis": axis | {"gridColor": "#88888844", "labelFontSize": 12, "titleFontSize": 13, "titlePadding": 8},
        "legend": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "labelLimit": 300},
        "title": {"color": ink, "subtitleColor": ink, "fontSize": 15, "subtitleFontSize": 13, "anchor": "start"},
        "text": {"fill": ink},
        "line": {"stroke": ink},
    }
    return chart.spec | {"config": config}


def finished(chart: Any, title: str, mark: str | None, height: float) -> dict[str, Any]:
    """An altair chart as plain data, with its title, its mark and its size in pixels."""
    words: dict[str, Any] = {"text": title} | ({"subtitle": mark.upper()} if mark else {})
    spec: dict[str, Any] = chart.properties(width=WIDTH, height=round(height), title=words).to_dict()
    return spec
