"""The loop: lightning's trainer, a checkpoint after every epoch, and a start where the last one stopped."""

import pickle
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor

from sis_edge.datasets import Dataset, ImageSet
from sis_edge.models import SisNet, kernels
from sis_edge.training.batches import Batches
from sis_edge.training.distributed import DistributedGroup
from sis_edge.training.logs import quieten_lightning
from sis_edge.training.memory import keep_freed_memory
from sis_edge.training.muon import Muon
from sis_edge.training.recipe import Recipe

CHECKPOINT = "last.ckpt"

Progress = Callable[[int, int, float], None]
"""Called with (steps done, steps in all, loss of the last step)."""


class TrainingModule(lightning.LightningModule):
    """One network under one recipe; lightning's hooks in the order in which they are called."""

    def __init__(self, network: SisNet, dataset: Dataset, train: ImageSet, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self.network = network
        self.dataset = dataset
        self.train_images = train
        self.recipe = recipe
        self.seed = seed
        self.compute_type = torch.bfloat16 if recipe.precision == "bf16" else torch.float32

    def train_dataloader(self) -> Batches:
        """The batches of the current epoch, or this rank's share of them."""
        rank, world = self.trainer.global_rank, self.trainer.world_size
        images, recipe = self.train_images, self.recipe
        return Batches(self.dataset, images, recipe, seed=self.seed, epoch=self.current_epoch, rank=rank, world=world)

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser, and the one-cycle schedule with a step per batch."""
        optimizer = _optimizer(self.network, self.recipe)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=max(2, self.recipe.epochs * len(self.train_dataloader())),
            pct_start=self.recipe.warmup,
            anneal_strategy="linear" if self.recipe.optimizer == "muon" else "cos",
            cycle_momentum=False,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        """Cross entropy with smoothed labels, in float32 whatever the network computes in."""
        images, labels = batch
        x = images.to(self.compute_type, memory_format=torch.channels_last)
        return F.cross_entropy(self.network(x).float(), labels, label_smoothing=self.recipe.label_smoothing)


def _optimizer(network: SisNet, recipe: Recipe) -> torch.optim.Optimizer:
    """Muon, or SGD with decay on kernels only."""
    if recipe.optimizer == "muon":
        return Muon(network, lr=recipe.peak_lr, other_lr=recipe.other_lr, momentum=recipe.momentum)
    decayed = [p for p in network.parameters() if p.ndim == 4]
    others = [p for p in network.parameters() if p.ndim != 4]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=True)


class _Reporter(Callback):
    """Passes lightning's steps on to a progress function."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_index: int) -> None:
        total = int(trainer.estimated_stepping_batches)
        self.progress(trainer.global_step, total, float(outputs["loss"]))


def train(
    network: SisNet,
    dataset: Dataset,
    train_images: ImageSet,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
    group: DistributedGroup | None = None,
) -> SisNet:
    """Train `network` in place and return it; each process of a `group` that trains it calls this.

    After each epoch `folder/last.ckpt` is written, whole or not at all. If it exists already, training resumes from it
    and reaches the same weights as without the interruption (same machine, same number of threads). Ctrl-C raises
    KeyboardInterrupt and keeps the last epoch.
    """
    quieten_lightning()
    keep_freed_memory()
    module = TrainingModule(network.train(), dataset, train_images, recipe, seed)
    trainer = _trainer(recipe, folder, progress, group)
    checkpoint = folder / CHECKPOINT
    start = checkpoint if _is_whole(checkpoint) else None
    if group is not None:
        start = group.common_checkpoint(start)
    interrupt_handler = signal.getsignal(signal.SIGINT)
    try:
        with kernels.used(torch.get_num_threads()), _only_our_warnings():
            trainer.fit(module, ckpt_path=start, weights_only=True)
    except (SystemExit, RuntimeError) as error:
        # SystemExit is lightning's answer to Ctrl-C, after which it also leaves the signal ignored. Between two epochs,
        # while an epoch's batches are not there yet, its clearing up fails first.
        if isinstance(error, RuntimeError) and not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, interrupt_handler)
        raise KeyboardInterrupt from None
    return network


def _trainer(
    recipe: Recipe, folder: Path, progress: Progress | None, group: DistributedGroup | None
) -> lightning.Trainer:
    callbacks: list[Callback] = [
        ModelCheckpoint(
            dirpath=folder,
            filename=CHECKPOINT.removesuffix(".ckpt"),
            save_top_k=1,
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
    ]
    if progress is not None:
        callbacks.append(_Reporter(progress))
    return lightning.Trainer(
        accelerator="auto",
        devices=1 if group is None else group.devices,
        num_nodes=1 if group is None else group.num_nodes,
        strategy="auto" if group is None else "ddp",
        max_epochs=recipe.epochs,
        reload_dataloaders_every_n_epochs=1,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def _only_our_warnings() -> Iterator[None]:
    """Without the warnings of lightning and torch that say nothing about this training."""
    with warnings.catch_warnings():
        # Batches are ready arrays, not a loader with worker processes; lightning advises those for any iterable.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        # lightning's own use of a form that newer torch deprecates.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        # About the class layer's weight, whose one dimension may be laid out in two ways.
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        yield


def _is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint can be resumed from; one that a power cut damaged is ignored, not an error."""
    if not checkpoint.exists():
        return False
    try:
        torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, KeyError, ValueError, pickle.UnpicklingError):
        return False
    return True
