"""A simulated board in use: a temporary folder, or one of its own, with a file tree that a process keeps up to date."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sis_agent.schema import Record
from sis_edge import profiles
from sis_edge.errors import BoardError
from sis_edge.files.disk import ADVICE, writing
from sis_edge.profiles import DeviceProfile
from sis_edge.simulated.definition import Definition, load
from sis_edge.transport import Completed, LocalTransport, Progress
from sis_edge.transport.base import Heard, ReachedName, ignore

READY_S = 30.0


class SimulatedTransport(LocalTransport):
    """This machine, under the simulated board's name."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(root)
        self.name = f"simulated {name}"


class NamedTransport(LocalTransport):
    """A simulated board with a name and a folder of its own, which outlive the command as a real board does.

    The first call starts it. It goes on with a job that runs when the transport is closed, and ends with that.
    """

    def __init__(self, kind: str, name: str) -> None:
        self._folder = folder_of(kind, name)
        super().__init__(self._folder / "home")
        self.name = ReachedName(f"simulated {kind} as {name}", {"--host": name})
        self._definition = load(kind)
        self._process: subprocess.Popen[str] | None = None

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        """As `LocalTransport.run`."""
        self._start()
        return super().run(argv, timeout_s=timeout_s)

    def feed(
        self, argv: Sequence[str], pieces: Iterable[bytes], *, timeout_s: float = 60.0, heard: Heard = ignore
    ) -> Completed:
        """As `LocalTransport.feed`."""
        self._start()
        return super().feed(argv, pieces, timeout_s=timeout_s, heard=heard)

    def put(self, source: Path, target: str, *, progress: Progress | None = None) -> None:
        """As `LocalTransport.put`."""
        self._start()
        super().put(source, target, progress=progress)

    def fetch(self, source: str, target: Path, *, progress: Progress | None = None) -> None:
        """As `LocalTransport.fetch`."""
        self._start()
        super().fetch(source, target, progress=progress)

    def close(self) -> None:
        """Let the board go."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _start(self) -> None:
        if self._process is None:
            with writing(self._folder):
                self.root.mkdir(parents=True, exist_ok=True)
            agent_root = self.root / profiles.load(self._definition.profile).agent.root
            words = (str(self._folder / "sysroot"), str(agent_root), "1", str(self._folder / "lock"))
            self._process = _begin(self._definition.name, *words)


def all_folders() -> Path:
    """Where simulated boards with a name are kept: `sis-edge/simulated-boards` in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("sis-edge", appauthor=False) / "simulated-boards"


def folder_of(kind: str, name: str) -> Path:
    """The folder of a simulated board with a name: its home, its file tree and its lock."""
    return all_folders() / kind / name


def named_profile(profile: DeviceProfile, kind: str, name: str) -> DeviceProfile:
    """A profile as the simulated board of that name takes it."""
    return _adapted(profile, folder_of(kind, name) / "sysroot")


@dataclass(frozen=True)
class Truth:
    """True power of the rails in the profile's total, idle and busy, in watts."""

    idle_w: float
    busy_w: float

    def gross_j(self, record: Record, network: str) -> float:
        """True gross energy per inference: the board is busy for the whole block."""
        return self.busy_w * _block_s_per_inference(record, network)

    def net_j(self, record: Record, network: str) -> float:
        """True net energy per inference."""
        return (self.busy_w - self.idle_w) * _block_s_per_inference(record, network)


@dataclass(frozen=True)
class SimulatedBoard:
    """All that a deployment needs. `truth` is None where the profile has no rule for a total."""

    definition: Definition
    profile: DeviceProfile
    transport: SimulatedTransport
    sysroot: Path
    truth: Truth | None


@contextmanager
def board(name: str, thermal_speed_up: float = 1.0) -> Iterator[SimulatedBoard]:
    """The simulated board of that name, running; raises UsageError for an unknown one.

    It warms up and throttles `thermal_speed_up` times as fast as its definition says.
    """
    definition = load(name)
    with tempfile.TemporaryDirectory(prefix="sis-edge-board-") as folder:
        sysroot, home = Path(folder) / "sysroot", Path(folder) / "home"
        home.mkdir()
        profile = _adapted(profiles.load(definition.profile), sysroot)
        with _running(definition.name, sysroot, home / profile.agent.root, thermal_speed_up):
            yield SimulatedBoard(
                definition, profile, SimulatedTransport(name, home), sysroot, _truth(definition, profile)
            )


@contextmanager
def _running(name: str, sysroot: Path, agent_root: Path, thermal_speed_up: float) -> Iterator[None]:
    process = _begin(name, str(sysroot), str(agent_root), str(thermal_speed_up))
    try:
        yield
    finally:
        _end(process)


def _begin(name: str, *words: str) -> "subprocess.Popen[str]":
    """The process that moves a board's values, once they are there. Ctrl-C is not for it: it ends after the job."""
    command = [sys.executable, "-m", "sis_edge.simulated.mover", name, *words]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline().strip()
    except BaseException:
        _end(process)
        raise
    if said != "ready":
        _end(process)
        why = f"cannot write {words[0]} ({said}): {ADVICE}" if said else "see the traceback above"
        raise BoardError(f"the simulated board {name} did not start; {why}")
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    with process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(READY_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _adapted(profile: DeviceProfile, sysroot: Path) -> DeviceProfile:
    """The board's profile for this machine: its Python, and threads that leave it a core.

    The networks really run on this machine, and so does what a board does not have: the simulation of its sensors and
    the command that measures. On two cores, two threads lost a fifth of their time to those.
    """
    most = max(1, len(os.sched_getaffinity(0)) - 1)
    threads = list(dict.fromkeys(min(count, most) for count in profile.runtime.threads))
    agent = profile.agent.model_copy(update={"python": "python3", "sysroot": str(sysroot)})
    return profile.model_copy(
        update={"agent": agent, "runtime": profile.runtime.model_copy(update={"threads": threads})}
    )


def _truth(definition: Definition, profile: DeviceProfile) -> Truth | None:
    rails = [definition.rails[rail] for rail in profile.power.total_rails if rail in definition.rails]
    if not rails or len(rails) < len(profile.power.total_rails):
        return None
    return Truth(sum(rail.idle_w for rail in rails), sum(rail.busy_w for rail in rails))


def _block_s_per_inference(record: Record, network: str) -> float:
    blocks = [block for block in record.energy_blocks if block.network == network and block.inferences > 0]
    if not blocks:
        raise ValueError(f"the record has no energy block of {network}")
    return sum((block.end_s - block.start_s) / block.inferences for block in blocks) / len(blocks)
