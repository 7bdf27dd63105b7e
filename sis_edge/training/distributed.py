"""One training on several processes, each with a device of its own: lightning's ranks, on one machine or on many.

The process of rank 0 does all the work around trainings and alone writes. It broadcasts each training before it begins;
the other ranks only take part in those. Each rank has its share of every batch, and gradients are averaged; batch
normalisation takes the statistics of a rank's own share.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.errors import DiskError, SisEdgeError, UsageError
from sis_edge.formation import SynapticGraph
from sis_edge.training.logs import quieten_lightning
from sis_edge.training.recipe import Recipe

if TYPE_CHECKING:
    from lightning.fabric import Fabric
    from torch import Tensor

_TIMEOUT = timedelta(days=1)
"""How long a rank waits for another: rank 0 has more to do between two trainings. A dead one is noticed at once."""


@dataclass(frozen=True)
class TrainingJob:
    """A training, for the other ranks; it is on the first `train_images` of the training images.

    `taught` is what the recipe's teacher says of them.
    """

    graph: SynapticGraph
    dataset: str
    dataset_sha256: str
    train_images: int
    recipe: Recipe
    seed: int
    folder: Path
    taught: "Tensor | None" = None


class DistributedGroup:
    """The processes that train a network, seen from one of them: `devices` on each of `num_nodes` machines."""

    def __init__(self, devices: int, num_nodes: int, fabric: "Fabric") -> None:
        self.devices = devices
        self.num_nodes = num_nodes
        self._fabric = fabric
        self._in_training = False

    @property
    def rank(self) -> int:
        """The rank of this process, over all machines."""
        return self._fabric.global_rank

    @property
    def is_rank_zero(self) -> bool:
        """Whether this process leads the group."""
        return self.rank == 0

    @property
    def name(self) -> str:
        """The options that the group was started with."""
        return f"--devices {self.devices} --num-nodes {self.num_nodes}"

    @property
    def key(self) -> dict[str, int]:
        """The group's part in a training's key: only the number of ranks changes the weights."""
        return {"ranks": self.devices * self.num_nodes}

    @contextmanager
    def training(self, job: TrainingJob) -> Iterator[None]:
        """One training, for rank 0; the other ranks take part."""
        self._broadcast(job)
        self._in_training = True
        try:
            yield
        except RuntimeError as error:
            if not _is_lost_rank(error):
                raise
            raise SisEdgeError(
                "a training process was lost; run the same command again to resume from the last epoch"
            ) from error
        self._in_training = False

    @contextmanager
    def leading(self) -> Iterator[None]:
        """All work of rank 0; the other ranks end with it. During a training they notice its end by themselves."""
        try:
            yield
        finally:
            if not self._in_training:
                self._broadcast(None)

    def follow(self, take_part: Callable[[TrainingJob], None]) -> None:
        """Take part in each training of rank 0 until there are no more; raises SisEdgeError where a rank was lost."""
        try:
            while (job := self._broadcast(None)) is not None:
                take_part(job)
        except KeyboardInterrupt:
            raise SystemExit(130) from None  # rank 0 reports it
        except RuntimeError as error:
            if not _is_lost_rank(error):
                raise
            raise SisEdgeError(f"rank {self.rank} stopped because another rank was lost") from error

    def _broadcast(self, job: TrainingJob | None) -> TrainingJob | None:
        """From rank 0 to all: the next training, or that there is none."""
        received = self._fabric.broadcast(job)
        assert received is None or isinstance(received, TrainingJob)
        return received

    def common_checkpoint(self, checkpoint: Path | None) -> Path | None:
        """The checkpoint that rank 0 resumes from, if any; raises DiskError where this machine does not see it."""
        received = self._fabric.broadcast(None if checkpoint is None else str(checkpoint))
        if received is not None and not Path(received).exists():
            raise DiskError(
                f"rank {self.rank} cannot see {received}; to resume from a checkpoint, all nodes need the same "
                "--build-dir on a shared disk"
            )
        return None if received is None else Path(received)


def join(devices: int, num_nodes: int) -> DistributedGroup | None:
    """The group that this process trains in; None for one device, which needs no group.

    Lightning starts the other processes on this machine, with this very command; on other machines, and under
    `torchrun` or Slurm, they are started from outside. Raises UsageError for devices that this machine does not have.
    """
    if devices * num_nodes == 1:
        return None
    from lightning.fabric import Fabric
    from lightning.fabric.strategies.ddp import DDPStrategy
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    quieten_lightning()
    try:
        strategy = DDPStrategy(timeout=_TIMEOUT)
        fabric = Fabric(accelerator="auto", devices=devices, num_nodes=num_nodes, strategy=strategy)
        fabric.launch()
    except (MisconfigurationException, ValueError) as error:
        raise UsageError(
            f"--devices {devices} --num-nodes {num_nodes} cannot be used here: {' '.join(str(error).split())}"
        ) from None
    return DistributedGroup(devices, num_nodes, fabric)


def _is_lost_rank(error: RuntimeError) -> bool:
    """Whether an error says that a process cannot reach another."""
    import torch

    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error).lower()
