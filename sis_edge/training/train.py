"""The loop: lightning's trainer, a checkpoint after every epoch, and a start where the last one stopped."""

import pickle
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
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
from sis_edge.training.averaging import AveragedWeights
from sis_edge.training.batches import Batches
from sis_edge.training.distributed import DistributedGroup
from sis_edge.training.logs import quieten_lightning
from sis_edge.training.memory import keep_freed_memory
from sis_edge.training.muon import Muon
from sis_edge.training.recipe import Recipe
from sis_edge.training.rewiring import Rewiring
from sis_edge.training.schedule import schedule

CHECKPOINT = "last.ckpt"

Progress = Callable[[int, int, float], None]
"""Called with (steps done, steps in all, loss of the last step)."""


class TrainingModule(lightning.LightningModule):
    """One network under one recipe; lightning's hooks in the order in which they are called."""

    def __init__(
        self,
        network: SisNet,
        dataset: Dataset,
        train: ImageSet,
        recipe: Recipe,
        seed: int,
        taught: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.dataset = dataset
        self.train_images = train
        self.recipe = recipe
        self.seed = seed
        self.taught = taught  # no buffer: it is in no checkpoint
        self.compute_type = torch.bfloat16 if recipe.precision == "bf16" else torch.float32

    def train_dataloader(self) -> Batches:
        """The batches of the current epoch, or this rank's share of them."""
        rank, world = self.trainer.global_rank, self.trainer.world_size
        images, recipe, epoch = self.train_images, self.recipe, self.current_epoch
        share = {"rank": rank, "world": world}
        return Batches(self.dataset, images, recipe, seed=self.seed, epoch=epoch, taught=self.taught, **share)

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser, and its schedule with a step per batch."""
        optimizer = _optimizer(self.network, self.recipe)
        steps = max(2, self.recipe.epochs * len(self.train_dataloader()))
        rates = schedule(optimizer, self.recipe, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    def training_step(self, batch: tuple[Tensor, ...], batch_index: int) -> Tensor:
        """Cross entropy with smoothed labels, in float32 whatever the network computes in; and the teacher's part."""
        images, labels, *taught = batch
        x = images.to(self.compute_type, memory_format=torch.channels_last)
        logits = self.network(x).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        return loss if not taught else distilled(loss, logits, taught[0], self.recipe)


def distilled(loss: Tensor, logits: Tensor, taught: Tensor, recipe: Recipe) -> Tensor:
    """The loss with the teacher's part: Kullback-Leibler divergence from what it says, [B, classes], at a temperature.

    Squared temperature keeps its gradients as large as those of the labels (Hinton et al. 2015).
    """
    own, its = (F.log_softmax(values / recipe.temperature, dim=1) for values in (logits, taught))
    divergence = F.kl_div(own, its, reduction="batchmean", log_target=True) * recipe.temperature**2
    return (1 - recipe.teacher_weight) * loss + recipe.teacher_weight * divergence


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
    taught: Tensor | None = None,
    rewiring: Rewiring | None = None,
) -> SisNet:
    """Train `network` in place and return it; each process of a `group` that trains it calls this.

    `taught` is what the recipe's teacher says of the images, see `Teacher.logits`. `rewiring` moves units.

    After each epoch `folder/last.ckpt` is written, whole or not at all. If it exists already, training resumes from it
    and reaches the same weights as without the interruption (same machine, same number of threads). Ctrl-C raises
    KeyboardInterrupt and keeps the last epoch.
    """
    quieten_lightning()
    keep_freed_memory()
    module = TrainingModule(network.train(), dataset, train_images, recipe, seed, taught)
    averaged = AveragedWeights(recipe.ema_decay) if recipe.ema_decay else None
    trainer = _trainer(recipe, folder, progress, group, [call for call in (rewiring, averaged) if call is not None])
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
    if averaged is not None:
        averaged.finish(module)
    return network


def _trainer(
    recipe: Recipe,
    folder: Path,
    progress: Progress | None,
    group: DistributedGroup | None,
    of_recipe: Sequence[Callback],
) -> lightning.Trainer:
    callbacks: list[Callback] = [
        *of_recipe,
        ModelCheckpoint(
            dirpath=folder,
            filename=CHECKPOINT.removesuffix(".ckpt"),
            save_top_k=1,
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
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
