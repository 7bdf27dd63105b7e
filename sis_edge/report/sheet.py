"""Tables as text, shared by pages and Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.report.charts.base import Chart
from sis_edge.report.markdown import escape


@dataclass(frozen=True)
class Heading:
    """A column's title, and whether numbers stand below it."""

    title: str
    is_number: bool = True


@dataclass(frozen=True)
class Sheet:
    """A table as text: `lines` [rows][columns]."""

    title: str
    caption: str
    headings: tuple[Heading, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def to_markdown(title: str, notes: Sequence[str], sheets: Sequence[Sheet], charts: Sequence[Chart]) -> str:
    """The tables with what to know of them, and pictures that lie beside the text."""
    blocks = [f"# {escape(title)}", *map(escape, notes)]
    for sheet in sheets:
        lines = [[heading.title for heading in sheet.headings]]
        lines.append(["--:" if heading.is_number else "---" for heading in sheet.headings])
        lines += [[escape(text) for text in line] for line in sheet.lines]
        blocks += [f"## {escape(sheet.title)}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
        blocks += map(escape, (sheet.caption, *sheet.notes))
    blocks += [f"![{escape(chart.alt)}]({chart.name}.svg)" for chart in charts]
    return "\n\n".join(blocks) + "\n"
