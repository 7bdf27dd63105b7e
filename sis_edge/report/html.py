"""A report as one page, complete in itself: no network, light and dark, on paper, by keyboard, without scripts."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.report.charts import Chart, left_out, svg
from sis_edge.report.document import Report, Section
from sis_edge.report.sections.answer import key_figures, speed
from sis_edge.report.sections.verdict import headline, verdict_lines
from sis_edge.report.table import Table
from sis_edge.results.rows.fields import ENERGY_GROSS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:[numµkMG]?(?:s|W|J|B|V|A|Hz)|min|h|°C|points?)\b)")

LONG = 16
"""Characters of a word in a heading from which on it may be broken."""

SUSTAINED = ("sustained", "sustained-ranking", "sustained-paced", "sustained-energy")
FIRST = ("result", "latency", *SUSTAINED, "accuracy", "energy", "start", "memory")
LAST = ("structure", "networks", "timed-calls", "checks")
"""The order of a run's tables; those of other names come in between, and those of layers are appendices."""


def to_html(document: Report, charts: Sequence[Sequence[Chart]], files: Sequence[str] = (), up: str = "") -> str:
    """The text of `index.html`; `charts` holds the charts of each section, `files` are offered beside the page.

    One run is shown as it is; several have an overview first, and each is folded. `up` is the page of all runs, where
    this is one of theirs.
    """
    drawn = [[_drawn(chart) for chart in group] for group in charts]
    missing = [left_out(section.rows, section.run) for section in document.sections]
    return _page(
        "report.html.j2",
        title=f"{_marked(document.marks)}{document.title}",
        document=document,
        files=files,
        up=up,
        contents=list(_contents(document, bool(drawn[0][2:]))),
        sections=list(zip(document.sections, drawn, missing, strict=True)),
        headline=headline,
        verdict_lines=verdict_lines,
        key_figures=key_figures,
        speed=speed,
        parts=parts,
    )


def tables_page(
    title: str,
    notes: Sequence[str],
    tables: Sequence[Table],
    charts: Sequence[Chart],
    files: Sequence[str] = (),
    answer: str = "",
) -> str:
    """The text of a page of tables alone: the answer in a sentence, what to know, tables and charts.

    `files` are offered beside the page.
    """
    drawn = [_drawn(chart) for chart in charts]
    return _page("tables.html.j2", title=title, answer=answer, tables=tables, notes=notes, charts=drawn, files=files)


def parts(section: Section) -> tuple[list[Table], list[Table]]:
    """A run's tables in the order that a reader needs, and its appendices: layers, and energy where there is none."""
    places = {name: place for place, name in enumerate((*FIRST, "", *LAST))}
    ordered = sorted(section.tables, key=lambda table: places.get(table.name, len(FIRST)))
    appendices = [table for table in ordered if table.name.startswith("layers-") or _is_unmeasured(table)]
    return [table for table in ordered if table not in appendices], appendices


def _is_unmeasured(table: Table) -> bool:
    """Whether it is of energy, and there is none."""
    energies = [cell for cells in table.cells for cell in cells if ENERGY_GROSS.name in cell.fields]
    return bool(energies) and not any(cell.is_known for cell in energies)


def _contents(document: Report, has_charts: bool) -> Iterator[tuple[str, str]]:
    """Identifiers and titles of what the page holds."""
    if len(document.sections) > 1:
        yield from ((table.name, table.title) for table in document.overview)
        yield "runs", "Runs"
    else:
        body, appendices = parts(document.sections[0])
        yield body[0].name, body[0].title
        yield "words", "Each network in words"
        if has_charts:
            yield "charts", "Charts"
        yield from ((table.name, table.title) for table in (*body[1:], *appendices))
        yield from (("board", "Board"), ("method", "How it was measured"), ("environment", "Environment"))
        yield from (("provenance", "Provenance"), ("reproduce", "Reproduce"))
    yield "reading", "How to read the numbers"


def _marked(marks: Sequence[str]) -> str:
    """What a page's title begins with.

    >>> _marked(["simulated"]), _marked([])
    ('SIMULATED: ', '')
    """
    return f"{', '.join(marks).upper()}: " if marks else ""


def _page(template: str, **values: Any) -> str:
    from markupsafe import Markup

    script, sha256 = _script()
    return _environment().get_template(template).render(script=Markup(script), script_hash=sha256, **values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"unbroken": _unbroken, "is_long": _is_long, "with_code": _with_code}
    return environment


@cache
def _script() -> tuple[str, str]:
    """The page's own script, and its hash: no other one may run."""
    text = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    return text, f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _unbroken(text: str) -> str:
    """Text in which no line ends between a number and its unit.

    >>> _unbroken("9.20 ms to 9.30 ms at port 22 of it") == "9.20\\u00a0ms to 9.30\\u00a0ms at port 22 of it"
    True
    """
    return _BEFORE_UNIT.sub("\u00a0", text)


def _with_code(text: str) -> "Markup":
    """A sentence with what stands in backticks as code, and everything escaped.

    >>> str(_with_code("see `top`, <b>"))
    'see <code>top</code>, &lt;b&gt;'
    """
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _is_long(title: str) -> bool:
    """Whether a heading has a word that may be broken anywhere, such as a network's name."""
    return max(map(len, title.split()), default=0) > LONG


def _drawn(chart: Chart) -> tuple[Chart, str]:
    from markupsafe import Markup

    return chart, Markup(svg(chart, inline=True))
