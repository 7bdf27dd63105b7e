"""One trial, on whatever machine it runs: its task and a folder for its stage are all it needs."""

import traceback
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.bundles.provenance import provenance
from sis_edge.errors import DatasetError, SisEdgeError
from sis_edge.files.only_one import one_at_a_time
from sis_edge.formation import SynapticGraph, form
from sis_edge.formation.compaction import compact
from sis_edge.formation.theta import drawn_by
from sis_edge.spec import nin
from sis_edge.sweep.trial import TRIAL_VERSION, Failure, Task, Trial
from sis_edge.training import stage
from sis_edge.zoo import teachers

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset, ImageSet, OwnData
    from sis_edge.models import SisNet
    from sis_edge.training.train import Progress

MAX_ATTEMPTS = 3
"""How often a trial is started or resumed before it counts as failed, because its process died each time."""


def attempt(task: Task, root: Path, progress: "Progress | None" = None) -> Trial | Failure:
    """Run a trial; whatever goes wrong with it is its failure, and no other trial's. Ctrl-C passes."""
    try:
        return run(task, root, progress)
    except SisEdgeError as error:
        return Failure(str(error))
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def run(task: Task, root: Path, progress: "Progress | None" = None) -> Trial:
    """Train what the task asks for, or find it trained in `root`, and count errors on the images held out.

    Raises DatasetError where this machine has other images, DiskError where it cannot write.
    """
    dataset = _dataset_of(task)
    graph = _graph_of(task, dataset)
    teacher = None if task.teacher is None else teachers.checked(task.teacher, dataset, task.recipe.teacher_sha256)
    train_images, held_out = _split(task, dataset)

    def measure(network: "SisNet") -> dict[str, Any]:
        from sis_edge.training.evaluate import logits

        predicted = logits(network, dataset, held_out).argmax(dim=1).numpy()
        return {"wrong": [int(index) for index in (predicted != held_out.labels).nonzero()[0]]}

    with one_at_a_time(root / f"train-{task.key[:20]}.lock"):
        outcome = stage.run(
            root,
            graph,
            dataset,
            train_images,
            task.recipe,
            seed=task.seed,
            measure=measure,
            progress=progress,
            teacher=teacher,
            held_out=task.held_out,
        )
    return Trial(
        trial_version=TRIAL_VERSION,
        key=task.key,
        formation=task.formation.as_dict(),
        graph_sha256=task.graph_sha256,
        conv_synapses=graph.conv_synapses,
        micro_synapses=graph.micro_synapses,
        macs_live=sum(layer.macs for layer in compact(graph)),
        dataset=task.dataset,
        dataset_sha256=task.dataset_sha256,
        recipe=task.recipe.as_dict(),
        seed=task.seed,
        train_images=len(train_images),
        held_out=task.held_out,
        wrong=tuple(outcome.summary["wrong"]),
        provenance=provenance(),
    )


def _dataset_of(task: Task) -> "Dataset":
    dataset = _load(task.dataset, task.data_dir, task.own)
    if dataset.sha256 != task.dataset_sha256:
        raise DatasetError(
            f"the images of {task.dataset} on this machine differ from the sweep's (SHA-256 {dataset.sha256[:12]}, "
            f"expected {task.dataset_sha256[:12]}); fetch them again with `sis-edge datasets fetch {task.dataset}`"
        )
    return dataset


def _graph_of(task: Task, dataset: "Dataset") -> SynapticGraph:
    spec = nin(len(dataset.classes))
    graph = form(spec, drawn_by(spec, task.formation, task.theta))
    if graph.digest() != task.graph_sha256:
        raise SisEdgeError("sis-edge on this machine forms a different graph; install the same version on all machines")
    return graph


def _split(task: Task, dataset: "Dataset") -> "tuple[ImageSet, ImageSet]":
    """The images to train on, and those held out."""
    from sis_edge.datasets import ImageSet

    images, labels = dataset.train.images, dataset.train.labels
    end = len(labels) - task.held_out
    train_images = ImageSet(images[:end][: task.train_limit], labels[:end][: task.train_limit])
    return train_images, ImageSet(images[end:], labels[end:])


@lru_cache(maxsize=1)
def _load(name: str, data_dir: Path | None, own: "OwnData | None") -> "Dataset":
    from sis_edge import datasets

    return datasets.load(name, data_dir=data_dir, own=own, progress=False)
