"""Boards side by side: a line for each run, a column for each network, and no number without its doubt."""

import pytest

from report.conftest import HOSTILE, RUNS, sections
from sis_edge.report.document import Report, document
from sis_edge.report.html import to_html
from sis_edge.report.markdown import to_markdown
from sis_edge.report.side_by_side import NOT_THERE, BoardRun, board_run, side_by_side
from sis_edge.report.table import Table

SHOWN = ("plain", "broken", "throttled", "emulated", "alone")


def line(name: str) -> BoardRun:
    found = sections(name)
    return board_run(found.run, name, f"model of {name}", found.mark, found.rows)


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {table.name: table for table in side_by_side([line(name) for name in SHOWN])}


def cell(table: Table, board: str, column: str) -> str:
    titles = [each.title for each in table.columns]
    (found,) = [row for row in table.texts if row[0].partition(" (")[0] == board]
    return found[titles.index(column)]


def test_every_board_has_a_line_in_every_table(tables: dict[str, Table]) -> None:
    assert list(tables) == [
        "overview",
        "boards",
        "boards-speed-up",
        "boards-latency",
        "boards-energy",
        "boards-accuracy",
    ]
    for table in tables.values():
        names = [row[0] for row in table.texts]
        assert names == ["plain", "broken", "throttled (SIMULATED)", "emulated (EMULATED)", "alone"]
        assert all(len(row) == len(table.columns) for row in table.texts)
    assert cell(tables["boards"], "throttled", "Verdict") == "INVALID"
    assert cell(tables["boards"], "plain", "Model") == "model of plain"


def test_the_numbers_are_those_of_each_board_s_own_report(tables: dict[str, Table]) -> None:
    (result,) = [table for table in sections("plain").tables if table.name == "result"]
    titles = [each.title for each in result.columns]
    own = {row[0]: row for row in result.texts}
    for network in ("cifar10-sis1", "cifar10-sis3"):
        speed_up = own[network][titles.index("Speed-up")]
        assert cell(tables["boards-speed-up"], "plain", network).startswith(f"{speed_up} (")
        p50 = own[network][titles.index("Median latency (p50)")]
        assert cell(tables["boards-latency"], "plain", network) == p50
    assert "nin" not in [each.title for each in tables["boards-speed-up"].columns]
    assert "nin" in [each.title for each in tables["boards-latency"].columns]


def test_the_overview_has_the_best_network_of_each_run(tables: dict[str, Table]) -> None:
    overview, (result,) = tables["overview"], [table for table in sections("plain").tables if table.name == "result"]
    (own,) = [row for row in result.texts if row[0] == "cifar10-sis3"]
    titles = [each.title for each in result.columns]
    assert cell(overview, "plain", "Best network") == "cifar10-sis3"
    assert cell(overview, "plain", "Speed-up") == own[titles.index("Speed-up")]
    assert cell(overview, "plain", "95% interval") == own[titles.index("95% interval")]
    assert cell(overview, "plain", "Accuracy drop (points)") == "3.11"
    for board in ("broken", "throttled", "emulated", "alone"):
        assert cell(overview, board, "Best network") == cell(overview, board, "Speed-up") == NOT_THERE
    assert cell(overview, "throttled", "Verdict") == "INVALID"


def test_what_was_not_measured_or_is_not_claimed_is_a_dash(tables: dict[str, Table]) -> None:
    assert cell(tables["boards-latency"], "alone", "nin") == NOT_THERE
    assert cell(tables["boards-latency"], "broken", "cifar10-sis1") == NOT_THERE
    assert cell(tables["boards-speed-up"], "emulated", "cifar10-sis1") == NOT_THERE
    invalid = cell(tables["boards-speed-up"], "throttled", "cifar10-sis1")
    assert (invalid[0], invalid[-1]) == ("[", "]")


def test_a_measure_that_no_board_has_gives_no_table() -> None:
    names = [table.name for table in side_by_side([line("plain"), line("alone")])]
    assert "boards-energy" not in names
    assert [table.name for table in side_by_side([line("nothing")])] == ["overview", "boards"]


def test_a_report_over_several_runs_begins_with_them() -> None:
    found = document([RUNS["nothing"], RUNS["hostile"]])
    assert [table.name for table in found.overview][:2] == ["overview", "boards"]
    assert document([RUNS["nothing"]]).overview == ()
    page = to_html(found, [(), ()])
    assert page.index("Best network of each run") < page.index("What each run was measured with")
    assert page.index("What each run was measured with") < page.index('id="run-1"')
    assert "<script>alert" not in page
    text = to_markdown(Report(found.title, found.sections, overview=found.overview), [(), ()])
    assert text.index("## Best network of each run") < text.index("### Board")
    assert [line for line in text.splitlines() if line.startswith(f"| {HOSTILE[:4]}")] == []
    assert any(line.startswith("| &lt;/td") or line.startswith("| \\<") for line in text.splitlines())
