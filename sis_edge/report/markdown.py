"""Reports as Markdown: the same tables as on the page, charts as SVG files in the same folder."""

import re
from collections.abc import Iterable, Sequence

from sis_edge.report.charts import Chart
from sis_edge.report.document import Report, Section
from sis_edge.report.sections.verdict import headline, verdict_lines
from sis_edge.report.table import Cell, Table


def to_markdown(document: Report, charts: Sequence[Sequence[Chart]]) -> str:
    """The text of `report.md`; `charts` holds each section's, files of the same folder named `<name>.svg`."""
    blocks = [f"# {escape(document.title)}", f"**{escape(document.answer)}**"]
    for table in document.overview:
        blocks += _titled(table, "##")
    for section, drawn in zip(document.sections, charts, strict=True):
        blocks += _section(section, drawn, is_only=len(document.sections) == 1)
    blocks += ["## How to read the numbers", _bullets(document.reading)]
    return "\n\n".join(blocks) + "\n"


def tables_markdown(title: str, notes: Sequence[str], tables: Sequence[Table], charts: Sequence[Chart]) -> str:
    """The text of `report.md` of tables alone: what to know, the tables with their captions, the charts."""
    blocks = [f"# {escape(title)}", *map(escape, notes)]
    for table in tables:
        blocks += [f"## {escape(table.title)}", _table(table), *map(escape, (table.caption, *table.notes))]
    blocks += [f"![{escape(chart.alt)}]({chart.name}.svg)" for chart in charts]
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>|~#&])", r"\\\1", re.sub(r"\s+", " ", text))


def _section(section: Section, charts: Sequence[Chart], is_only: bool) -> Iterable[str]:
    part = "##" if is_only else "###"
    if not is_only:
        yield f"## {escape(section.title)}"
        yield escape(section.answer.sentence)
    if section.mark:
        yield f"**{section.mark.upper()}**"
    yield f"**{escape(headline(section.verdict))}**"
    if reasons := verdict_lines(section.verdict):
        yield _bullets(reasons)
    yield _bullets(section.notes)
    is_invalid = section.verdict.level == "INVALID"
    findings = [f"**{escape(network)}**: {_struck(finding, is_invalid)}" for network, finding in section.findings]
    yield "\n".join(f"- {finding}" for finding in findings) if findings else "No network to compare."
    first, *others = section.tables
    yield from _titled(first, part)
    for chart in charts:
        yield f"![{escape(chart.alt)}]({chart.name}.svg)"
        yield f"*{escape(chart.caption)}*"
    for table in others:
        yield from _titled(table, part)
    for title, head, lines in (
        ("Board", ("", ""), section.board),
        ("How it was measured", ("", ""), section.method),
        ("Environment", ("", "Before", "After"), section.environment),
        ("Provenance", ("", ""), section.provenance),
    ):
        yield f"{part} {title}"
        yield _grid(head, lines)
    yield f"{part} Reproduce"
    yield "```sh\n" + "\n".join(line.replace("```", "") for line in section.reproduce) + "\n```"


def _titled(table: Table, part: str) -> Iterable[str]:
    marks = ", ".join(filter(None, (table.mark, "INVALID" if table.is_invalid else None)))
    yield f"{part} {escape(table.title)}{f' ({marks})' if marks else ''}"
    yield escape(table.caption)
    yield _table(table)
    if table.notes:
        yield _bullets(table.notes)


def _table(table: Table) -> str:
    marks = ["--:" if column.is_number else "---" for column in table.columns]
    lines = [[escape(column.title) for column in table.columns], marks]
    for first, *rest in table.cells:
        name = f"[{escape(first.words)}]({first.link})" if _leads_out(first) else escape(first.words)
        lines.append([name, *(_struck(cell.text, table.is_invalid and cell.is_known) for cell in rest)])
    return _lines(lines)


def _leads_out(cell: Cell) -> bool:
    """Whether the cell's link leads to another file: places on the page are the page's."""
    return cell.link is not None and not cell.link.startswith("#")


def _struck(text: str, is_invalid: bool) -> str:
    """Escaped text, struck through where it is of an INVALID run."""
    return f"~~{escape(text)}~~" if is_invalid else escape(text)


def _grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return _lines([list(head), ["---"] * len(head), *([escape(text) for text in line] for line in lines)])


def _lines(cells: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
