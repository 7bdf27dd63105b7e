"""One table type: what a table says, every format says."""

import io
import re

from rich.console import Console

from report.page import Page
from sis_edge.report.grid import of_table
from sis_edge.report.html import tables_page
from sis_edge.report.markdown import tables_markdown
from sis_edge.report.table import Cell, Column, Table, text_cells

TABLE = Table(
    "Networks [on digits]",
    "A caption.",
    (Column("network", is_number=False), Column("accuracy"), Column("paper")),
    (*text_cells([["nin", "97.40%", "89 | 90"]]), (Cell("cifar10-sis1"), Cell("[bold]96%"), Cell("–", is_known=False))),
    ("a: a note",),
)
TEXTS = [["nin", "97.40%", "89 | 90"], ["cifar10-sis1", "[bold]96%", "–"]]


def test_its_texts() -> None:
    assert [list(row) for row in TABLE.texts] == TEXTS


def test_as_markdown() -> None:
    blocks = tables_markdown("A title", ["What to know."], [TABLE], []).split("\n\n")
    assert blocks[:3] == ["# A title", "What to know.", r"## Networks \[on digits\]"]
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in blocks[3].splitlines()]
    assert [cell.strip() for cell in lines[1]] == ["---", "--:", "--:"]
    assert [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line] for line in lines[2:]] == TEXTS
    assert [block.strip() for block in blocks[4:]] == ["A caption.", "a: a note"]


def test_as_a_page() -> None:
    text = tables_page("A title", ["What to know."], [TABLE], [])
    cells = re.findall(r"<t[hd] (?:scope=\"row\"|class=\"([a-z ]+)\")>([^<]*)</t[hd]>", text)
    assert [cell for _, cell in cells] == [cell for row in TEXTS for cell in row]
    assert [kind for kind, _ in cells[3:]] == ["", "number", "number unknown"]
    words = Page(text).words
    assert "A caption." in words
    assert "a: a note" in words


def test_in_a_terminal() -> None:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(of_table(TABLE))
    title, heading, _, *rows = console.file.getvalue().splitlines()
    assert title.strip() == TABLE.title
    assert heading.split() == ["network", "accuracy", "paper"]
    assert [re.split(r"\s{2,}", row.strip()) for row in rows] == TEXTS
