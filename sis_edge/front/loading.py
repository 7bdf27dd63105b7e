"""A network that is trained already: of the zoo, a saved one, or what a finished training left in its folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.errors import RecordError, UsageError
from sis_edge.files.hashing import file_sha256
from sis_edge.training.trained import ABOUT, GRAPH, NETWORK, NETWORK_VERSION, WEIGHTS, TrainedNetwork

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset
    from sis_edge.zoo import ZooEntry

Named = Callable[[str], "Dataset"]
"""The data set of a name."""


def load(given: str, dataset: "Dataset | None", named: Named) -> TrainedNetwork:
    """The network of a folder, else of a name; `dataset` of None is the one that is recorded."""
    from sis_edge.files import stages
    from sis_edge.zoo import entry

    folder = Path(given)
    if (folder / NETWORK).is_file():
        return _saved(folder, dataset, named)
    if (folder / stages.DONE).is_file():
        return _finished(folder, dataset)
    if folder.is_dir() or "/" in given:
        raise UsageError(f"{given} has no trained network; TrainedNetwork.save writes one to a folder")
    return _of_zoo(entry.named(given), dataset, named)


def _saved(folder: Path, dataset: "Dataset | None", named: Named) -> TrainedNetwork:
    from sis_edge.training import stage

    path = folder / NETWORK
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["network_version"] != NETWORK_VERSION:
            raise RecordError(
                f"{path} has version {found['network_version']}, this sis-edge reads {NETWORK_VERSION}; "
                "install a newer one"
            )
        name, data_sha256, about = found["dataset"], found["dataset_sha256"], {key: found[key] for key in ABOUT}
        weights_sha256 = found["weights_sha256"]
        if file_sha256(folder / WEIGHTS) != weights_sha256:
            raise RecordError(f"{folder / WEIGHTS} is not what was saved: its SHA-256 is another one; save it again")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path} cannot be read ({error}); save the network again") from None
    graph, module = stage.read(folder)
    return TrainedNetwork(graph, module, _fitting(dataset or named(name), data_sha256, folder), **about)


def _finished(folder: Path, dataset: "Dataset | None") -> TrainedNetwork:
    from sis_edge.files import stages
    from sis_edge.training import Recipe, stage
    from sis_edge.zoo.finished import finished

    if not ((folder / GRAPH).is_file() and (folder / WEIGHTS).is_file()):
        raise UsageError(f"{folder} is no finished training; give a folder build/.stages/train-*")
    if dataset is None:
        raise UsageError(f"{folder} does not name its data set; give it: load_network(..., dataset='cifar10')")
    training = finished(folder)
    summary: dict[str, Any] = json.loads((folder / stages.DONE).read_text(encoding="utf-8"))["summary"]
    recipe = Recipe.of(training.recipe)
    return TrainedNetwork(
        *stage.read(folder),
        _fitting(dataset, training.dataset_sha256, folder),
        summary["host_accuracy"],
        summary["host_test_images"],
        recipe=recipe.describe(),
        epochs=recipe.epochs,
        seed=training.seed,
        precision=recipe.precision,
        train_images=training.train_images,
    )


def _of_zoo(entry: "ZooEntry", dataset: "Dataset | None", named: Named) -> TrainedNetwork:
    from sis_edge import zoo
    from sis_edge.training import Recipe
    from sis_edge.zoo import samples

    recipe = Recipe.of(entry.recipe)
    return TrainedNetwork(
        zoo.graph(entry),
        zoo.load(entry),
        _fitting(dataset or samples.load(entry.dataset) or named(entry.dataset), entry.dataset_sha256, entry.name),
        entry.accuracy,
        entry.test_images,
        recipe=entry.recipe_words,
        epochs=recipe.epochs,
        seed=entry.seed,
        precision=recipe.precision,
        train_images=entry.train_images,
    )


def _fitting(dataset: "Dataset", sha256: str, what: object) -> "Dataset":
    if dataset.sha256 != sha256:
        raise UsageError(f"{what} was trained on other images than this {dataset.name}; give the data set that it had")
    return dataset
