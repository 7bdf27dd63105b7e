"""A training as a stage: the weights of a graph, made once for the same images, recipe and seed.

<root>/train-<key>/  graph.npz  weights.safetensors  done.json, and last.ckpt until it is finished
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.files import stages
from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import compact

if TYPE_CHECKING:  # torch loads only where a training really runs
    from sis_edge.datasets import Dataset, ImageSet
    from sis_edge.models import SisNet
    from sis_edge.training import Recipe
    from sis_edge.training.distributed import Together
    from sis_edge.training.train import Progress

TRAIN_VERSION = 1


def inputs(
    graph: SynapticGraph, dataset_sha256: str, train_images: int, recipe: "Recipe", seed: int, **more: Any
) -> dict[str, Any]:
    """What decides a training, for its key; `more` is what else decides what is said of it."""
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
    together: "Together | None" = None,
    **more: Any,
) -> stages.Outcome:
    """The finished training of these `inputs`; one that was interrupted goes on from its last epoch.

    What `measure` says of the trained network is the stage's summary. `together` are the processes that train it, of
    which this is the first; None for this one alone.
    """

    def make(folder: Path) -> Mapping[str, Any]:
        from safetensors.torch import save

        from sis_edge.models import SisNet
        from sis_edge.training import train as loop
        from sis_edge.training.distributed import Job

        graph.save(folder / "graph.npz")
        network = SisNet(compact(graph), seed)
        job = Job(graph, dataset.name, dataset.sha256, len(train_images), recipe, seed, folder)
        with nullcontext() if together is None else together.training(job):
            loop.train(
                network, dataset, train_images, recipe, seed=seed, folder=folder, progress=progress, together=together
            )
        summary = measure(network)
        weights = {name: value.contiguous() for name, value in network.state_dict().items()}
        (folder / "weights.safetensors").write_bytes(save(weights))
        (folder / loop.CHECKPOINT).unlink()
        return summary

    if together is not None:
        more |= together.key
    decided_by = inputs(graph, dataset.sha256, len(train_images), recipe, seed, **more)
    return stages.run(root, "train", decided_by, make)


def load(graph: SynapticGraph, folder: Path) -> "SisNet":
    """The network of a finished training."""
    from safetensors.torch import load_file

    from sis_edge.models import SisNet

    network = SisNet(compact(graph))
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network.eval()
