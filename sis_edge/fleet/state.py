"""What is known of a fleet, in a file that is written at every change: `runs/fleets/NAME.json`.

History of FLEET_VERSION:
    1   first version
    2   simulated
"""

import json
import threading
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from sis_edge.errors import RecordError, UsageError
from sis_edge.files import bounded
from sis_edge.files.atomic import write_text
from sis_edge.files.model import FrozenModel
from sis_edge.files.only_one import only_one
from sis_edge.results.schema import fault
from sis_edge.text.foreign import loads, one_line

FLEET_VERSION: Literal[2] = 2
FOLDER = "fleets"
"""Below that of the runs, whose own files are not looked for there."""

Progress = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED: tuple[Progress, ...] = ("done", "failed", "cancelled")


class BoardState(FrozenModel):
    """Where one board of a fleet is.

    `runs` are the stored runs' files, `verdicts` theirs. `problem` says why it is not done, `exit_code` which code
    `deploy` would have ended with; `job_id` is the last job that was to be started there, `job` what became of it.
    """

    progress: Progress = "waiting"
    runs: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    problem: str | None = None
    exit_code: int = 0
    job_id: str | None = None
    job: str | None = None
    duration_s: float | None = None


class FleetState(FrozenModel):
    """A whole fleet: what was asked of every board, the id of the bundle and the state of each, and the names of those
    that are simulated."""

    fleet_version: Literal[1, 2] = FLEET_VERSION
    name: str
    request: dict[str, Any]
    bundles: dict[str, str]
    boards: dict[str, BoardState]
    simulated: tuple[str, ...] = ()


class FleetFile:
    """A fleet's state and its file. Threads may call it."""

    def __init__(self, path: Path, state: FleetState) -> None:
        self.path = path
        self._state = state
        self._lock = threading.Lock()

    @property
    def boards(self) -> dict[str, BoardState]:
        """Every board's state now."""
        return dict(self._state.boards)

    @property
    def simulated(self) -> frozenset[str]:
        """The names of the boards that are simulated."""
        return frozenset(self._state.simulated)

    def save(self) -> None:
        """Write the file; every change does it again."""
        with self._lock:
            self._write()

    def put(self, name: str, state: BoardState) -> None:
        """Change one board's state, here and in the file."""
        with self._lock:
            boards = {**self._state.boards, name: state}
            self._state = self._state.model_copy(update={"boards": boards})
            self._write()

    def _write(self) -> None:
        write_text(self.path, self._state.model_dump_json(indent=1) + "\n")


def file_of(runs_dir: Path, name: str) -> Path:
    """The file of the fleet of that name."""
    return runs_dir / FOLDER / f"{name}.json"


def alone(path: Path) -> AbstractContextManager[None]:
    """Only one command at a time measures a fleet; raises InUseError while another does."""
    return only_one(
        path.with_name(f".{path.stem}.lock"),
        f"another sis-edge measures the fleet {path.stem} now; wait for it, or give this one another --name",
    )


def begun(
    path: Path, request: Mapping[str, Any], bundles: Mapping[str, str], simulated: Collection[str] = ()
) -> FleetFile:
    """A new fleet of these boards; an earlier one of that name is replaced, its runs stay."""
    boards = {name: BoardState() for name in bundles}
    found = FleetState(
        name=path.stem, request=dict(request), bundles=dict(bundles), boards=boards, simulated=tuple(simulated)
    )
    return FleetFile(path, found)


def resumed(
    path: Path, request: Mapping[str, Any], bundles: Mapping[str, str], simulated: Collection[str] = ()
) -> FleetFile:
    """The fleet of that name; boards that it did not have are added.

    Raises UsageError where there is none, or where it measured something else: then its boards' runs would not be
    comparable.
    """
    before = load(path)
    for what, then, now in (
        *((key, before.request.get(key), value) for key, value in _plain(request).items()),
        *((f"bundle on {name}", before.bundles.get(name, bundle), bundle) for name, bundle in bundles.items()),
    ):
        if then != now:
            raise UsageError(
                f"the fleet {before.name} was begun with the {what.replace('_', ' ')} {json.dumps(then)}, and now it "
                f"is {json.dumps(now)}; give the same one, or leave out --resume to measure all boards again"
            )
    boards = {**before.boards, **{name: BoardState() for name in bundles if name not in before.boards}}
    of_before = [name for name in before.simulated if name not in bundles]
    state = before.model_copy(
        update={
            "fleet_version": FLEET_VERSION,
            "boards": boards,
            "bundles": {**before.bundles, **bundles},
            "simulated": (*of_before, *simulated),
        }
    )
    return FleetFile(path, state)


def load(path: Path) -> FleetState:
    """The state in that file; raises UsageError where there is none, RecordError where it is not one."""
    try:
        return FleetState.model_validate(loads(bounded.read(path), longest=None))
    except FileNotFoundError:
        raise UsageError(f"there is no fleet {path.stem} to resume ({path}); leave out --resume to begin it") from None
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror}); leave out --resume to begin anew") from None
    except ValueError as error:
        what = fault(error) if isinstance(error, ValidationError) else one_line(str(error), 200)
        raise RecordError(
            f"{path} is not the state of a fleet of this sis-edge ({what}); leave out --resume to begin anew"
        ) from None


def _plain(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as it comes back from a file."""
    plain: dict[str, Any] = json.loads(json.dumps(request))
    return plain
