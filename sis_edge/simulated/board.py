"""A simulated board in use: its file tree in a temporary folder, kept up to date by a process."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sis_agent.schema import Record
from sis_edge import profiles
from sis_edge.errors import BoardError
from sis_edge.profiles import DeviceProfile
from sis_edge.simulated.definition import Definition, load
from sis_edge.simulated.tree import write_constant_files
from sis_edge.transport import LocalTransport

READY_S = 30.0


class SimulatedTransport(LocalTransport):
    """This machine, under the simulated board's name."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(root)
        self.name = f"simulated {name}"


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
        write_constant_files(definition, sysroot)
        profile = _adapted(profiles.load(definition.profile), sysroot)
        with _running(definition.name, sysroot, home / profile.agent.root, thermal_speed_up):
            yield SimulatedBoard(
                definition, profile, SimulatedTransport(name, home), sysroot, _truth(definition, profile)
            )


@contextmanager
def _running(name: str, sysroot: Path, agent_root: Path, thermal_speed_up: float) -> Iterator[None]:
    words = [name, str(sysroot), str(agent_root), str(thermal_speed_up)]
    command = [sys.executable, "-m", "sis_edge.simulated.mover", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != "ready":
                raise BoardError(f"the simulated board {name} did not start; see the traceback above")
            yield
        finally:
            process.stdin.close()
            try:
                process.wait(READY_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _adapted(profile: DeviceProfile, sysroot: Path) -> DeviceProfile:
    """The board's profile for this machine: its Python, and no more threads than it has cores.

    The networks really run on this machine, where more spinning threads than cores slow each other down.
    """
    cores = len(os.sched_getaffinity(0))
    threads = list(dict.fromkeys(min(count, cores) for count in profile.runtime.threads))
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
