"""What each board of a fleet is asked to measure, checked before the first of them is troubled."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sis_edge import profiles
from sis_edge.board.inventory import InventoryBoard
from sis_edge.board.jobs import DEFAULT, MeasuringOptions, combinations, job_for
from sis_edge.board.network_jobs import profile_for
from sis_edge.bundles import trust
from sis_edge.bundles.verify import Bundle, newest, readable
from sis_edge.errors import BundleError, SisEdgeError, UsageError
from sis_edge.profiles import DeviceProfile
from sis_edge.transport import Credentials, Transport


@dataclass(frozen=True)
class FleetRequest:
    """What is measured on every board, as `board.measure` takes it, and which of its runs count as a success."""

    networks: tuple[str, ...] | None = None
    seed: int = 0
    options: MeasuringOptions = DEFAULT
    runtimes: tuple[str, ...] = ()
    provision: bool = False
    queue: bool = True
    require_energy: bool = False
    require_valid: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Every setting by its name that makes a run comparable with another's."""
        options = {key: value for key, value in asdict(self.options).items() if key != "trust"}
        return {**options, "networks": self.networks, "seed": self.seed, "backend": self.runtimes}


@dataclass(frozen=True)
class FleetTask:
    """One board of a fleet and all that measuring it takes. `job_id` is a job of an earlier try, to be fetched.

    `way` are words of the command line with which other commands reach the board. `credentials` and
    `trust_on_first_use` are as for `sis_edge.transport.connect`.
    """

    name: str
    board: InventoryBoard
    bundle: Bundle
    profile: DeviceProfile
    request: FleetRequest = field(default_factory=FleetRequest)
    job_id: str | None = None
    way: tuple[str, ...] = ()
    trust_on_first_use: bool = False
    credentials: Credentials | None = None

    def connect(self) -> Transport:
        """The transport to the board; its first call connects."""
        return self.board.connect(trust_on_first_use=self.trust_on_first_use, credentials=self.credentials)


def plan(
    boards: Mapping[str, InventoryBoard],
    request: FleetRequest,
    bundle: Bundle | None,
    build_dir: Path,
    words: Sequence[str] = (),
) -> list[FleetTask]:
    """A task for each board, with `bundle`, else with the newest of `build_dir` that is made for the board's profile.

    `words` are those that name the inventory, for commands that come back to a board. Raises UsageError and BundleError
    that name the board, for all that can be known to be wrong from here.
    """
    if not boards:
        raise UsageError("the inventory has no board; `sis-edge boards add` adds one")
    tasks: list[FleetTask] = []
    reached: dict[str, str] = {}
    for name, board in boards.items():
        try:
            task = _task(name, board, request, bundle, build_dir)
            if task.bundle.id not in {each.bundle.id for each in tasks}:
                trust.check(task.bundle, request.options.trust)
            address = _address(board)
        except SisEdgeError as error:
            raise type(error)(f"{name}: {error}") from error
        if address in reached:
            raise UsageError(
                f"{reached[address]} and {name} are the same board ({address}), which measures one job at a time; "
                "leave one out with --limit"
            )
        reached[address] = name
        tasks.append(replace(task, way=("--host", name, *words)))
    return tasks


def _task(name: str, board: InventoryBoard, request: FleetRequest, named: Bundle | None, build_dir: Path) -> FleetTask:
    profile = profiles.load(board.profile) if board.profile else None
    bundle = named or _bundle(profile, build_dir)
    known = profile or profiles.of_bundle(bundle.manifest.profile)
    chosen = profile_for(bundle.manifest, request.networks, board.adapted(known), request.runtimes)
    for options in combinations(chosen, request.options, bundle.manifest):
        job_for(bundle, chosen, networks=request.networks, options=options, runner=chosen.runtime.runners[-1])
    return FleetTask(name, board, bundle, chosen, request)


def _bundle(profile: DeviceProfile | None, build_dir: Path) -> Bundle:
    """The newest bundle for a profile, None: the newest of all."""
    if profile is None:
        return newest(build_dir)
    for bundle in readable(build_dir):
        if bundle.manifest.profile == profile.name:
            return bundle
    raise BundleError(
        f"{build_dir} has no bundle for the profile {profile.name}; `sis-edge build --profile {profile.name}` makes "
        "one, or name one for all boards with --bundle"
    )


def _address(board: InventoryBoard) -> str:
    transport = board.connect()
    transport.close()
    return transport.name
