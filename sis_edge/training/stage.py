"""A training as a stage: the weights of a graph, trained once for the same images, recipe and seed.

<root>/train-<key>/  graph.npz  weights.safetensors  done.json, and last.ckpt until it is finished
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.errors import DatasetError, UsageError
from sis_edge.files import stages
from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import compact
from sis_edge.training.trained import GRAPH, WEIGHTS

if TYPE_CHECKING:  # torch loads only where a training really runs
    from sis_edge.datasets import Dataset, ImageSet, OwnData
    from sis_edge.models import SisNet
    from sis_edge.training import Recipe
    from sis_edge.training.distributed import DistributedGroup, TrainingJob
    from sis_edge.training.teacher import Teacher
    from sis_edge.training.train import Progress
    from sis_edge.training.trained import TrainedNetwork

TRAIN_VERSION = 1


def inputs(
    graph: SynapticGraph, dataset_sha256: str, train_images: int, recipe: "Recipe", seed: int, **more: Any
) -> dict[str, Any]:
    """What decides a training's weights, for its key; `more` is what else decides its summary."""
    return {
        "version": TRAIN_VERSION,
        "graph": graph.digest(),
        "dataset": dataset_sha256,
        "train_images": train_images,
        "recipe": recipe.as_dict(),
        "seed": seed,
        **more,
    }


def run(
    root: Path,
    graph: SynapticGraph,
    dataset: "Dataset",
    train_images: "ImageSet",
    recipe: "Recipe",
    *,
    seed: int,
    measure: Callable[["SisNet"], Mapping[str, Any]],
    progress: "Progress | None" = None,
    group: "DistributedGroup | None" = None,
    start: "TrainedNetwork | None" = None,
    teacher: "Teacher | None" = None,
    **more: Any,
) -> stages.Outcome:
    """The finished training of these `inputs`, with its graph (`graph_of`); an interrupted one resumes.

    It starts with the weights of `start`, which are left as they are, else with random ones. The stage's summary is
    what `measure` returns for the trained network. `teacher` is the one that the recipe names. `group` are the
    processes that train it, of which this one is rank 0; None: this process alone.

    Raises UsageError for a recipe that rewires a graph in which nothing can move, or that is trained by a group.
    """

    def make(folder: Path) -> Mapping[str, Any]:
        from safetensors.torch import save

        from sis_edge.models import SisNet
        from sis_edge.training.distributed import TrainingJob
        from sis_edge.training.rewiring import Rewiring
        from sis_edge.training.train import CHECKPOINT, train

        graph.save(folder / GRAPH)
        network = SisNet(compact(graph), seed)
        if start is not None:
            network.load_state_dict(start.module.state_dict())
        taught = None if teacher is None else teacher.logits(root, dataset, train_images, flip=recipe.flip)
        job = TrainingJob(graph, dataset.name, dataset.sha256, len(train_images), recipe, seed, folder, taught)
        rewiring = Rewiring(network, graph, recipe) if recipe.rewire else None
        run_here = partial(train, seed=seed, folder=folder, progress=progress, group=group)
        with nullcontext() if group is None else group.training(job):
            run_here(network, dataset, train_images, recipe, taught=taught, rewiring=rewiring)
        if rewiring is not None:
            rewiring.finish().save(folder / GRAPH)
        summary = measure(network)
        weights = {name: value.contiguous() for name, value in network.state_dict().items()}
        (folder / WEIGHTS).write_bytes(save(weights))
        (folder / CHECKPOINT).unlink()
        return summary

    if recipe.rewire:
        check_rewiring(recipe, graph, group)
    if group is not None:
        more |= group.key
    if start is not None:
        more["start"] = start.weights_sha256
    decided_by = inputs(graph, dataset.sha256, len(train_images), recipe, seed, **more)
    return stages.run(root, "train", decided_by, make)


def check_rewiring(recipe: "Recipe", graph: SynapticGraph, group: "DistributedGroup | None" = None) -> None:
    """Raise UsageError where a recipe rewires and nothing in the graph can move, or several processes train it."""
    from sis_edge.training.rewiring import check

    check(recipe, graph, graph.spec.name)
    if recipe.rewire and group is not None:
        raise UsageError(f"{group.name} and rewiring exclude each other; train on one device, or leave out --rewire")


def follow(group: "DistributedGroup", data_dir: Path | None, own: "OwnData | None" = None) -> None:
    """On every rank but 0: take part in the trainings that rank 0 runs, until there are no more.

    `own` are images of the user's own, which are then those of every training.

    Raises DatasetError where this machine has other images, DiskError where it does not see a checkpoint,
    SisEdgeError where another rank was lost.
    """
    group.follow(lambda job: _take_part(job, group, data_dir, own))


def _take_part(job: "TrainingJob", group: "DistributedGroup", data_dir: Path | None, own: "OwnData | None") -> None:
    from sis_edge import datasets
    from sis_edge.datasets import ImageSet
    from sis_edge.models import SisNet
    from sis_edge.training.train import train

    dataset = datasets.load(job.dataset, data_dir=data_dir, own=own, progress=False)
    if dataset.sha256 != job.dataset_sha256:
        raise DatasetError(
            f"the images of {job.dataset} on rank {group.rank} differ from those on rank 0; fetch them again there "
            f"with `sis-edge datasets fetch {job.dataset}`"
        )
    images, labels = dataset.train.images[: job.train_images], dataset.train.labels[: job.train_images]
    network = SisNet(compact(job.graph), job.seed)
    run_here = partial(train, seed=job.seed, folder=job.folder, group=group, taught=job.taught)
    run_here(network, dataset, ImageSet(images, labels), job.recipe)


def graph_of(folder: Path) -> SynapticGraph:
    """The graph of a finished training: the one that was given, or what rewiring made of it."""
    return SynapticGraph.load(folder / GRAPH)


def read(folder: Path) -> "tuple[SynapticGraph, SisNet]":
    """The graph of a finished training, and its network."""
    graph = graph_of(folder)
    return graph, load(graph, folder)


def load(graph: SynapticGraph, folder: Path) -> "SisNet":
    """The network of a finished training, of which `graph` is `graph_of`."""
    from safetensors.torch import load_file

    from sis_edge.models import SisNet

    network = SisNet(compact(graph))
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network.eval()
