"""One training on several processes, each with a device of its own: lightning's ranks, on one machine or on many.

The process of rank 0 does all the work around trainings and alone writes; the others only take part in its trainings.
It tells them each one when it begins, and when there are no more. Each rank has its share of every batch, and the
gradients are averaged; a share is normalised by its own statistics.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.errors import DatasetError, DiskError, SisEdgeError, UsageError
from sis_edge.formation import SynapticGraph
from sis_edge.training.recipe import Recipe

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_WAIT = timedelta(days=1)
"""How long a rank waits for another: rank 0 has more to do between two trainings. One that died is noticed at once."""


@dataclass(frozen=True)
class Job:
    """A training, for the other ranks; it is on the first `train_images` of the training images."""

    graph: SynapticGraph
    dataset: str
    dataset_sha256: str
    train_images: int
    recipe: Recipe
    seed: int
    folder: Path


class Together:
    """This process among those that train together: `devices` on each of `num_nodes` machines."""

    def __init__(self, devices: int, num_nodes: int, fabric: "Fabric") -> None:
        self.devices = devices
        self.num_nodes = num_nodes
        self._fabric = fabric
        self._in_training = False

    @property
    def is_first(self) -> bool:
        """Whether this process is that of rank 0."""
        return self._fabric.global_rank == 0

    @property
    def name(self) -> str:
        """In words, as it was asked for."""
        return f"--devices {self.devices} --num-nodes {self.num_nodes}"

    @property
    def key(self) -> dict[str, int]:
        """What a training's key says of it: on how many machines they are moves no weight."""
        return {"ranks": self.devices * self.num_nodes}

    @contextmanager
    def training(self, job: Job) -> Iterator[None]:
        """The length of one training, of rank 0; the others take part."""
        self._tell(job)
        self._in_training = True
        try:
            yield
        except RuntimeError as error:
            if not _lost(error):
                raise
            raise SisEdgeError(
                "a process that took part in the training is gone; the same command goes on at the last epoch"
            ) from error
        self._in_training = False

    @contextmanager
    def leading(self) -> Iterator[None]:
        """The length of the work of rank 0; at its end the others end. In mid-training they notice by themselves."""
        try:
            yield
        finally:
            if not self._in_training:
                self._tell(None)

    def follow(self, data_dir: Path | None) -> None:
        """Take part in the trainings of rank 0 until there are no more.

        Raises DatasetError where this machine has other images, DiskError where it does not see a checkpoint,
        SisEdgeError where rank 0 is gone.
        """
        try:
            while (job := self._tell(None)) is not None:
                self._take_part(job, data_dir)
        except KeyboardInterrupt:
            raise SystemExit(130) from None  # rank 0 says it
        except RuntimeError as error:
            if not _lost(error):
                raise
            raise SisEdgeError(f"rank {self._fabric.global_rank} ends, since another rank is gone") from error

    def _tell(self, job: Job | None) -> Job | None:
        """From rank 0 to all: the next training, or that there is none."""
        told = self._fabric.broadcast(job)
        assert told is None or isinstance(told, Job)
        return told

    def _take_part(self, job: Job, data_dir: Path | None) -> None:
        from sis_edge import datasets
        from sis_edge.datasets import ImageSet
        from sis_edge.formation.compaction import compact
        from sis_edge.models import SisNet
        from sis_edge.training.train import train

        dataset = datasets.load(job.dataset, data_dir=data_dir, progress=False)
        if dataset.sha256 != job.dataset_sha256:
            raise DatasetError(
                f"rank {self._fabric.global_rank} has other images of {job.dataset} than rank 0; fetch them again "
                f"there with `sis-edge datasets fetch {job.dataset}`"
            )
        count = job.train_images
        images = ImageSet(dataset.train.images[:count], dataset.train.labels[:count])
        network = SisNet(compact(job.graph), job.seed)
        train(network, dataset, images, job.recipe, seed=job.seed, folder=job.folder, together=self)

    def same_start(self, checkpoint: Path | None) -> Path | None:
        """The checkpoint that rank 0 goes on from, if any; raises DiskError where this machine does not see it."""
        told = self._fabric.broadcast(None if checkpoint is None else str(checkpoint))
        if told is not None and not Path(told).exists():
            raise DiskError(
                f"rank {self._fabric.global_rank} does not see {told}; to go on from a checkpoint, all machines need "
                "the same --build-dir, on a disk that they share"
            )
        return None if told is None else Path(told)


def join(devices: int, num_nodes: int) -> Together | None:
    """This process as one of those that train together; None for one device, which needs no other.

    Lightning starts the others on this machine, with this very command; on other machines, and under `torchrun` or
    Slurm, they are started from outside. Raises UsageError for devices that are not there.
    """
    if devices * num_nodes == 1:
        return None
    from lightning.fabric import Fabric
    from lightning.fabric.strategies.ddp import DDPStrategy
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    from sis_edge.training.train import quieten_lightning

    quieten_lightning()
    try:
        strategy = DDPStrategy(timeout=_WAIT)
        fabric = Fabric(accelerator="auto", devices=devices, num_nodes=num_nodes, strategy=strategy)
        fabric.launch()
    except (MisconfigurationException, ValueError) as error:
        raise UsageError(
            f"--devices {devices} and --num-nodes {num_nodes} do not fit here: {' '.join(str(error).split())}"
        ) from None
    return Together(devices, num_nodes, fabric)


def _lost(error: RuntimeError) -> bool:
    """Whether an error is that of a process that cannot reach another."""
    import torch

    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error).lower()
