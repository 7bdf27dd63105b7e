"""What `fleet deploy` says of its boards."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.fleet.state import BoardState


class FleetBoard(Part):
    """One board: how it ended, the files of its stored runs and their verdicts.

    `exit_code` is the one that `deploy` would have ended with; `job` says what became of a job that was interrupted.
    """

    name: str
    simulated: bool
    outcome: str
    runs: tuple[str, ...]
    verdicts: tuple[str, ...]
    problem: str | None
    exit_code: int
    job_id: str | None
    job: str | None
    duration_s: float | None


class FleetDocument(Document):
    """`sis-edge fleet deploy`: every board of the fleet, how many of them had to be done, and the report's files."""

    document: Literal["fleet-deploy"] = "fleet-deploy"
    fleet: str
    state: str
    required: int
    done: int
    boards: tuple[FleetBoard, ...]
    files: tuple[str, ...]


def fleet(
    name: str,
    state: Path,
    required: int,
    boards: "Mapping[str, BoardState]",
    files: Sequence[Path],
    simulated: Collection[str] = (),
) -> FleetDocument:
    """The document of a fleet."""
    return FleetDocument(
        fleet=name,
        state=str(state),
        required=required,
        done=sum(each.progress == "done" for each in boards.values()),
        boards=tuple(_board(board, each, board in simulated) for board, each in boards.items()),
        files=tuple(map(str, files)),
    )


def _board(name: str, state: "BoardState", is_simulated: bool) -> FleetBoard:
    return FleetBoard(
        name=name,
        simulated=is_simulated,
        outcome=state.progress,
        runs=state.runs,
        verdicts=state.verdicts,
        exit_code=state.exit_code,
        **known(
            problem=(state.problem, "there was none"),
            job_id=(state.job_id, "no job was started"),
            job=(state.job, "it was not interrupted"),
            duration_s=(state.duration_s, "it was not measured to its end"),
        ),
    )
