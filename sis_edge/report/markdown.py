"""A report as Markdown: the same tables, charts as SVG files beside it."""

import re
from collections.abc import Iterable, Sequence

from sis_edge.report.charts import Chart
from sis_edge.report.document import Document, Section, headline, verdict_lines
from sis_edge.report.tables import Table


def to_markdown(document: Document, charts: Sequence[Sequence[Chart]]) -> str:
    """The text of `report.md`; `charts` holds each section's, to be found beside it as `<name>.svg`."""
    blocks = [f"# {escape(document.title)}"]
    for section, drawn in zip(document.sections, charts, strict=True):
        blocks += _section(section, drawn, alone=len(document.sections) == 1)
    blocks += ["## How to read the numbers", _bullets(document.reading)]
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>|~#&])", r"\\\1", re.sub(r"\s+", " ", text))


def _section(section: Section, charts: Sequence[Chart], alone: bool) -> Iterable[str]:
    part = "##" if alone else "###"
    if not alone:
        yield f"## {escape(section.title)}"
    if section.mark:
        yield f"**{section.mark.upper()}**"
    yield f"**{escape(headline(section.verdict))}**"
    if reasons := verdict_lines(section.verdict):
        yield _bullets(reasons)
    yield _bullets(section.notes)
    findings = [f"**{escape(network)}**: {escape(finding)}" for network, finding in section.findings]
    yield "\n".join(f"- {finding}" for finding in findings) if findings else "There is no network to compare."
    first, *others = section.tables
    yield from _networks(first, part)
    for chart in charts:
        yield f"![{escape(chart.alt)}]({chart.name}.svg)"
        yield f"*{escape(chart.caption)}*"
    for table in others:
        yield from _networks(table, part)
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


def _networks(table: Table, part: str) -> Iterable[str]:
    yield f"{part} {escape(table.title)}{f' ({table.mark})' if table.mark else ''}"
    yield escape(table.caption)
    yield _table(table)
    if table.notes:
        yield _bullets(table.notes)


def _table(table: Table) -> str:
    marks = ["--:" if column.is_number else "---" for column in table.columns]
    lines = [[escape(column.title) for column in table.columns], marks]
    lines += [[escape(cell.text) for cell in cells] for cells in table.cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    cells = [list(head), ["---"] * len(head), *([escape(text) for text in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
