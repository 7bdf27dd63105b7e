"""Markdown for a comment on a pull request: the result, the table, the reasons; notes are folded."""

from sis_edge.gate.formats.lines import HEADINGS, WORDS, cells, measured_how, sentences
from sis_edge.gate.result import GateResult
from sis_edge.report.markdown import escape


def markdown(result: GateResult) -> str:
    """The text, in GitHub's Markdown."""
    marks = ["---" if heading in WORDS else "--:" for heading in HEADINGS]
    table = [list(HEADINGS), marks, *(_row(cells(each, result.rules)) for each in result.findings)]
    blocks = [
        f"## sis-edge gate {escape(result.headline)}",
        escape(measured_how(result)),
        "\n".join(f"| {' | '.join(line)} |" for line in table),
    ]
    if reasons := sentences(result):
        blocks.append(_bullets(reasons))
    if result.notes:
        blocks.append(
            f"<details><summary>Notes ({len(result.notes)})</summary>\n\n{_bullets(result.notes)}\n\n</details>"
        )
    return "\n\n".join(blocks) + "\n"


def _row(texts: tuple[str, ...]) -> list[str]:
    """Escaped, with a state in capitals, which stops the candidate, in bold."""
    *others, state = map(escape, texts)
    return [*others, f"**{state}**" if state.isupper() else state]


def _bullets(lines: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
