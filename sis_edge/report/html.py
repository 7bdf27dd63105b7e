"""A report as one self-contained page: no network, light and dark, on paper too."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sis_edge.report.charts import Chart, styled, svg
from sis_edge.report.document import Report
from sis_edge.report.sections.verdict import headline, verdict_lines
from sis_edge.report.table import Table

# Draws each chart in place of its still picture; where scripts are off, the still picture stays.
_SNIPPET = """
for (const place of document.querySelectorAll("[data-chart]")) {
  const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  const live = document.createElement("div");
  live.setAttribute("aria-hidden", "true");
  vegaEmbed(live, spec, {renderer: "svg", actions: false}).then(() => {
    place.querySelector(".still").classList.add("replaced");
    place.querySelector(".still").after(live);
  });
}
"""


def to_html(document: Report, charts: Sequence[Sequence[Chart]]) -> str:
    """The text of `index.html`; `charts` holds the charts of each section."""
    drawn = [[_drawn(chart) for chart in group] for group in charts]
    return _page(
        "report.html.j2",
        any(drawn),
        document=document,
        headline=headline,
        verdict_lines=verdict_lines,
        sections=list(zip(document.sections, drawn, strict=True)),
    )


def accuracy_page(title: str, notes: Sequence[str], tables: Sequence[Table], charts: Sequence[Chart]) -> str:
    """The text of a page about accuracy alone: what to know, tables and charts."""
    drawn = [_drawn(chart) for chart in charts]
    return _page("accuracy.html.j2", bool(drawn), title=title, tables=tables, notes=notes, charts=drawn)


def _page(template: str, has_charts: bool, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(script=Markup(_script()) if has_charts else None, **values)


def _drawn(chart: Chart) -> tuple[Chart, str, str]:
    from markupsafe import Markup

    return chart, Markup(svg(chart, inline=True)), Markup(_embedded(chart))


def _embedded(chart: Chart) -> str:
    """The chart's definition as JSON that cannot end its script element."""
    return json.dumps(styled(chart, inline=True)).replace("<", "\\u003c")


@cache
def _script() -> str:
    import vl_convert

    return str(vl_convert.javascript_bundle(_SNIPPET)).replace("</script", "<\\/script").replace("<!--", "<\\!--")
