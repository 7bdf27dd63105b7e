"""The report over a fleet: every board's outcome, then all that were measured side by side.

Runs are read one after the other and only their rows are kept, so that a report over many boards takes no more memory
than the longest run does.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sis_edge.errors import RecordError
from sis_edge.fleet.state import BoardState
from sis_edge.fleet.table import FleetTable, first_line
from sis_edge.report import page as pages
from sis_edge.report import rows as show
from sis_edge.report.csv import to_csv
from sis_edge.report.sections.board import board_name
from sis_edge.report.sections.findings import mark
from sis_edge.report.side_by_side import BoardRun, board_run, sentence, side_by_side
from sis_edge.report.table import Cell, Column, Table
from sis_edge.results import store
from sis_edge.results.comparison import compare
from sis_edge.results.rows.fields import reasons, values

FLEET_REPORT_VERSION = 1


def write(name: str, boards: Mapping[str, BoardState], folder: Path, simulated: Collection[str] = ()) -> list[Path]:
    """Write `index.html`, `report.md`, `results.csv` and `results.json`; returns their paths. Raises DiskError."""
    runs = list(_runs(boards))
    tables = [_outcomes(boards, simulated), *(side_by_side(runs) if runs else ())]
    data = {
        "results.csv": to_csv([row for run in runs for row in run.rows]),
        "results.json": json.dumps(_data(name, boards, runs, simulated), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n",
    }
    notes = [
        f"Boards: {FleetTable(boards.items()).summary()}.",
        "sis-edge report --run FILE makes a page of one board's run, with all of its figures.",
    ]
    title = f"{show.plural(len(boards), 'board')} side by side ({name})"
    return pages.write(pages.Page(title, notes, tables, answer=sentence(runs) if runs else ""), data, folder)


def _runs(boards: Mapping[str, BoardState]) -> Iterator[BoardRun]:
    """Every run of the boards that are done, by the boards' names."""
    for name, state in boards.items():
        for path in state.runs:
            try:
                run = store.load(Path(path))
            except RecordError:  # moved or removed since; its board's line still names it
                continue
            rows = compare(run)
            yield board_run(run, name, board_name(run), mark(rows), rows)


def _outcomes(boards: Mapping[str, BoardState], simulated: Collection[str]) -> Table:
    columns = tuple(Column(title, is_number=False) for title in ("Board", "Outcome", "Verdict", "Reason", "Stored run"))
    cells = tuple(
        (
            Cell(name, marks=("simulated",) if name in simulated else ()),
            Cell(state.progress),
            Cell(", ".join(state.verdicts) or "–"),
            Cell("; ".join(filter(None, (state.problem and first_line(state.problem), state.job))) or "–"),
            Cell(", ".join(state.runs) or "–"),
        )
        for name, state in boards.items()
    )
    return Table("Outcome of each board", "Failed ones are measured again with --resume.", columns, cells)


def _data(
    name: str, boards: Mapping[str, BoardState], runs: list[BoardRun], simulated: Collection[str]
) -> dict[str, Any]:
    return {
        "fleet_report_version": FLEET_REPORT_VERSION,
        "fleet": name,
        "boards": {
            board: state.model_dump(mode="json") | {"simulated": board in simulated} for board, state in boards.items()
        },
        "runs": [
            {
                "board": run.board,
                "verdict": run.verdict,
                "mark": run.mark,
                "networks": [values(row) | {"reasons": reasons(row)} for row in run.rows],
            }
            for run in runs
        ],
    }
