"""A table in a terminal."""

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from sis_edge.report.table import Table


def grid(table: Table) -> RichTable:
    """What rich prints for a table: its title and cells, folded to the terminal's width; caption and notes are not in.

    Text is shown as it is: square brackets are not markup.
    """
    shown = RichTable(
        title=Text(table.title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in table.columns:
        shown.add_column(column.title, justify="right" if column.is_number else "left", overflow="fold")
    for texts in table.texts:
        shown.add_row(*map(Text, texts))
    return shown
