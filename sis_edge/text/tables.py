"""Small tables of text, for objects that show themselves in a terminal or a notebook."""

from collections.abc import Iterable, Sequence
from html import escape
from textwrap import wrap

Rows = Sequence[Sequence[str]]
WIDTH = 80


def as_text(headings: Sequence[str], rows: Rows, *, title: str = "") -> str:
    """Columns aligned by spaces, the first to the left and the others to the right.

    >>> print(as_text(["network", "synapses"], [["nin", "959,104"]]))
    network  synapses
    nin       959,104
    """
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    shown = [
        "  ".join(text.rjust(width) if column else text.ljust(width) for column, (text, width) in enumerate(cells))
        for cells in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return "\n".join([*([title] if title else []), *(line.rstrip() for line in shown)])


def as_html(headings: Sequence[str], rows: Rows, *, title: str = "", notes: Sequence[str] = ()) -> str:
    """The same as an HTML table without style of its own, every text escaped."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def wrapped(lines: Iterable[str], width: int = WIDTH) -> list[str]:
    """Sentences in lines that fit a terminal; those of a list (`- `) go on below their own text.

    >>> wrapped(["VALID", "- one two three"], 10)
    ['VALID', '- one two', '  three']
    """
    return [
        part
        for line in lines
        for part in wrap(
            line,
            width,
            subsequent_indent="  " * line.startswith("- "),
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [""]
    ]
