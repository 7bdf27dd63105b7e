import re

import pytest

from report.conftest import RUNS, only
from sis_edge.report.markdown import escape, to_markdown


@pytest.fixture(scope="module")
def text(every, drawn) -> str:
    return to_markdown(every, drawn)


def columns(line: str) -> int:
    return len(re.split(r"(?<!\\)\|", line))


def test_tables_have_equal_columns(text) -> None:
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) > 20
    for lines in blocks:
        assert all(line.startswith("| ") and line.endswith(" |") for line in lines)
        assert len({columns(line) for line in lines}) == 1
        assert re.fullmatch(r"\|( -{2,3}:? \|)+", lines[1])


def test_every_chart_is_linked_once(text, drawn) -> None:
    names = [f"{chart.name}.svg" for group in drawn for chart in group]
    assert re.findall(r"\]\(([^)]*\.svg)\)", text) == names


def test_hostile_text_is_escaped(text) -> None:
    outside_code = re.sub(r"```sh\n.*?\n```", "", text, flags=re.S)
    assert "<script" not in outside_code.replace(r"\<", "")
    assert text.count("```") == 2 * len(RUNS)
    assert escape("a|b\n`c` <d> [e](f)") == r"a\|b \`c\` \<d\> \[e\](f)"


def test_marks_are_on_the_tables_of_a_simulated_run(text) -> None:
    assert "### Result (simulated)" in text
    assert "**SIMULATED**" in text


@pytest.mark.parametrize(("name", "is_struck"), [("throttled", True), ("board", False)])
def test_the_numbers_of_an_invalid_run_are_struck_through(name, is_struck) -> None:
    text = to_markdown(only(name), [[]])
    parts = re.split(r"^## ", text, flags=re.M)
    result = next(part for part in parts if part.startswith("Result"))
    structure = next(part for part in parts if part.startswith("Structure"))
    assert result.startswith("Result (simulated, INVALID)") is is_struck
    assert bool(re.search(r"~~[\d.]+ ms~~", result)) is is_struck
    assert "~~" not in structure
    assert text.index("INVALID: " if is_struck else "VALID as far as seen: ") < text.index("## Result")
