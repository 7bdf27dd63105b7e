"""The one table that commands print: plain, within the screen's width, numbers to the right."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sis_edge.report.table import Table

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Group
    from rich.table import Table as RichTable


def grid(
    headings: Sequence[str],
    lines: Iterable[Sequence[str]],
    *,
    title: str = "",
    words: Collection[str] = (),
    whole: Collection[str] = (),
    styles: Mapping[str, str] | None = None,
) -> "Group":
    """A table for a terminal; `words` are the headings of columns that hold no numbers, `whole` those never broken.

    A bracket in the heading of such a column goes into a second line where nothing below is as wide. `styles` has
    rich's style for cells that hold just such a word.
    """
    from rich import box
    from rich.text import Text

    table = _table(box.SIMPLE_HEAD)
    rows = list(lines)
    for at, heading in enumerate(headings):
        table.add_column(
            Text(_broken(heading, [row[at] for row in rows]) if heading in whole else heading),
            justify="left" if heading in words else "right",
            overflow="fold",
            no_wrap=heading in whole,
        )
    for row in rows:
        table.add_row(*(Text(cell, style=(styles or {}).get(cell, "")) for cell in row))
    return _titled(title, table)


def _broken(heading: str, cells: Iterable[str]) -> str:
    """The heading, its bracket in a second line where the cells leave no room beside it.

    >>> _broken("Speed-up [95% interval]", ["1.043x [1.036, 1.065]", "reference"])
    'Speed-up\\n[95% interval]'
    """
    is_wider = len(heading) > max(map(len, cells), default=0)
    return heading.replace(" [", "\n[") if is_wider else heading


def of_table(table: Table, whole: Collection[str] = ()) -> "Group":
    """The same for a report's table: its title and cells; caption and notes are the caller's to print."""
    words = [column.title for column in table.columns if not column.is_number]
    return grid([column.title for column in table.columns], table.texts, title=table.title, words=words, whole=whole)


def pairs(lines: Iterable[tuple[str, str]], *, title: str = "") -> "Group":
    """What is known of one thing, in the same style: a label and its text in each line."""
    from rich.text import Text

    table = _table(None)
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in lines:
        table.add_row(Text(label), Text(text))
    return _titled(title, table)


def _table(box: "Box | None") -> "RichTable":
    from rich.table import Table as RichTable

    return RichTable(box=box, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))


def _titled(title: str, table: "RichTable") -> "Group":
    """The title is a line of its own: as the table's it would be broken where the table is narrower."""
    from rich.console import Group
    from rich.text import Text

    return Group(*([Text(title, style="bold")] if title else []), table)
