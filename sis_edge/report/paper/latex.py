"""A table as LaTeX with booktabs, a chart as a figure. Names and texts of others are text in it, whatever they hold."""

import re
import textwrap
from collections.abc import Sequence

from sis_edge.report.paper.captions import Caption
from sis_edge.report.paper.units import hoisted
from sis_edge.report.table import Table

PACKAGES = ("booktabs", "graphicx", "textcomp")
"""What the files need of a document's preamble."""

_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""A wide table is as wide as the text, a narrow one as it is."""

_HEADING = 12
"""Letters in a line of a heading."""

_ONE_COLUMN = 5
"""Columns of a table that fits one column of a page with two; wider ones span both."""

_COMMANDS = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{''}",
    # what a line break or a caption would take for its own
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # beyond ASCII: what reports hold; other letters are left to LuaLaTeX or XeLaTeX
    "×": r"$\times$",
    "−": "$-$",
    "±": r"$\pm$",
    "µ": r"\textmu{}",
    "μ": r"\textmu{}",
    "°": r"\textdegree{}",
    "·": r"$\cdot$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "Θ": r"$\Theta$",
    "Ω": r"\textohm{}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
}
_SPECIAL = re.compile(
    f"[{re.escape(''.join(_COMMANDS))}]|-(?=-)|[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_AT_ONCE = 4
"""Floats that LaTeX places together: hundreds without a word between them are too many for it."""

_NOTED = re.compile(r"– \[([a-z]+)\]")


def escape(text: str) -> str:
    """Text on one line that LaTeX shows as it is; what cannot be printed is a question mark.

    >>> escape("95% of a_b: 9.20 µs, 1.83×")
    '95\\\\% of a\\\\_b: 9.20 \\\\textmu{}s, 1.83$\\\\times$'
    """
    return _SPECIAL.sub(lambda found: _command(found[0]), " ".join(text.split()))


def table_latex(table: Table, caption: Caption, label: str) -> str:
    """A `table` environment; unknown values are dashes with the letter of a note below."""
    titles, texts = hoisted(table)
    kind = "table*" if len(table.columns) > _ONE_COLUMN else "table"
    kinds = "".join("r" if column.is_number else "l" for column in table.columns)
    lines = [
        rf"\begin{{{kind}}}[htbp]",
        r"\centering",
        *_caption(caption, f"tab:{label}"),
        r"\par\smallskip",
        _FIT,
        rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
        r"\toprule",
        _line([_heading(title, column.is_number) for title, column in zip(titles, table.columns, strict=True)]),
        r"\midrule",
        *(_line([_cell(text) for text in line]) for line in texts),
        r"\bottomrule",
        r"\end{tabular}%",
        "}",
        *_notes(table.notes),
        rf"\end{{{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def figure_latex(file: str, caption: Caption, label: str) -> str:
    """A `figure` environment around a file."""
    lines = [
        r"\begin{figure}[htbp]",
        r"\centering",
        rf"\includegraphics[width=\linewidth,height=0.75\textheight,keepaspectratio]{{{file}}}",
        *_caption(caption, f"fig:{label}"),
        r"\end{figure}",
    ]
    return "\n".join(lines) + "\n"


def document_latex(title: str, stems: Sequence[str]) -> str:
    """A document of all files, to look at or to take pieces from."""
    lines = [
        r"\documentclass{article}",
        r"\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}",
        *(rf"\usepackage{{{package}}}" for package in PACKAGES),
        rf"\title{{{escape(title)}}}",
        r"\author{}",
        r"\begin{document}",
        r"\maketitle",
        *(
            rf"\input{{{stem}}}" + (r"\clearpage" if number % _AT_ONCE == 0 else "")
            for number, stem in enumerate(stems, 1)
        ),
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def _command(letter: str) -> str:
    return "-{}" if letter == "-" else _COMMANDS.get(letter, "?")


def _caption(caption: Caption, label: str) -> list[str]:
    title = escape(caption.title)
    marks = "".join(rf"\textbf{{{escape(mark)}.}} " for mark in caption.marks)
    return [rf"\caption[{title}]{{{marks}{title}. {escape(caption.text)}}}", rf"\label{{{label}}}"]


def _heading(title: str, is_number: bool) -> str:
    """A heading in lines as short as its words allow: numbers are narrower than what they are called."""
    lines = [escape(line) for line in textwrap.wrap(title, _HEADING, break_long_words=False, break_on_hyphens=False)]
    if len(lines) < 2:
        return "".join(lines)
    side = "r" if is_number else "l"
    return rf"\shortstack[{side}]{{" + r"\\".join(lines) + "}"


def _cell(text: str) -> str:
    noted = _NOTED.fullmatch(text)
    return rf"--\textsuperscript{{{noted[1]}}}" if noted else escape(text)


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _notes(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    lines = (rf"{escape(note)}\par" for note in notes)
    return [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize", *lines, r"\end{minipage}"]
