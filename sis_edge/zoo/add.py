"""Add a finished training to the zoo: `build` leaves one in `build/.stages/train-*`."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.bundles import wrong_images
from sis_edge.bundles.provenance import provenance
from sis_edge.errors import UsageError
from sis_edge.files.atomic import write_text
from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256
from sis_edge.files.names import checked
from sis_edge.formation import REWIRED, SynapticGraph, preset_of
from sis_edge.training import stage
from sis_edge.zoo.entry import FOLDER, ZOO_VERSION, Repeat, ZooEntry, graph, named
from sis_edge.zoo.finished import FinishedTraining, finished

if TYPE_CHECKING:
    from torch import Tensor

    from sis_edge.datasets import Dataset


def add(name: str, trained: Path, dataset: "Dataset", folder: Path = FOLDER) -> ZooEntry:
    """Add the network that was trained in that folder of a build, with its accuracy as the zoo stores it.

    Raises UsageError where the training is not finished, or used other images.
    """
    from safetensors.torch import save

    from sis_edge.training import Recipe

    training = finished(trained)
    graph, formation, paper = training.graph, training.graph.formation, preset_of(training.graph)
    packed, wrong = _packed(training, dataset)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{checked('network', name)}.safetensors"
        target.write_bytes(save(packed))
        shutil.copyfile(trained / "graph.npz", target.with_suffix(".npz"))
        entry = ZooEntry(
            zoo_version=ZOO_VERSION,
            name=name,
            preset=paper.name if paper else None,
            granularity=f"{formation.conv} / {formation.micro}",
            distribution=formation.distribution,
            t_c=formation.t_c,
            t_p=formation.t_p,
            graph_seed=formation.seed,
            graph_sha256=graph.digest(),
            synapses=graph.synapse_count,
            macs=graph.macs,
            dataset=dataset.name,
            dataset_sha256=training.dataset_sha256,
            recipe=training.recipe,
            recipe_words=Recipe.of(training.recipe).describe(),
            seed=training.seed,
            train_images=training.train_images,
            accuracy=1 - len(wrong) / len(dataset.test),
            test_images=len(dataset.test),
            wrong_images=wrong_images.pack(wrong),
            architecture=graph.spec.name,
            weights_sha256=file_sha256(target),
            packages=provenance().packages,
        )
        _write(entry, folder)
    return entry


def repeat(name: str, trained: Path, dataset: "Dataset", folder: Path = FOLDER) -> ZooEntry:
    """Add the accuracy of a training with another seed to a network's entry, its weights rounded in the same way.

    Raises UsageError where the training is not finished, is a different one, or its seed is there already.
    """
    entry, training = named(name, folder), finished(trained)
    must_agree = {
        "graph": (_structure(graph(entry, folder)), _structure(training.graph)),
        "data set": (entry.dataset_sha256, training.dataset_sha256),
        "number of training images": (entry.train_images, training.train_images),
        "recipe": (entry.recipe, training.recipe),
    }
    different = [what for what, (ours, theirs) in must_agree.items() if ours != theirs]
    if different:
        raise UsageError(f"{trained} is not a repeat of {name}: it has another {', another '.join(different)}")
    seeds = [entry.seed, *(known.seed for known in entry.repeats)]
    if training.seed in seeds:
        raise UsageError(
            f"{name} has seed {training.seed} already (seeds {', '.join(map(str, seeds))}); use another one"
        )
    _, wrong = _packed(training, dataset)
    repeats = (*entry.repeats, Repeat(seed=training.seed, accuracy=1 - len(wrong) / len(dataset.test)))
    entry = entry.model_copy(update={"repeats": tuple(sorted(repeats, key=lambda known: known.seed))})
    _write(entry, folder)
    return entry


def _structure(of: SynapticGraph) -> object:
    """What repeats have in common: the very graph; of a rewired one, which every seed moves elsewhere, the counts."""
    if of.formation.distribution != REWIRED:
        return of.digest()
    return of.formation.as_dict(), [layer.synapse_count for layer in of.layers]


def _packed(training: FinishedTraining, dataset: "Dataset") -> "tuple[dict[str, Tensor], list[int]]":
    """The trained weights as the zoo stores them, and which of all test images those get wrong."""
    from sis_edge.training.evaluate import wrong
    from sis_edge.zoo import weights

    if dataset.sha256 != training.dataset_sha256:
        raise UsageError(
            f"{training.folder} was not trained on {dataset.name} but on images of SHA-256 "
            f"{training.dataset_sha256[:12]}; give its data set with --dataset"
        )
    packed = weights.pack(stage.load(training.graph, training.folder))
    return packed, wrong(weights.unpack(packed, training.graph), dataset, dataset.test)


def _write(entry: ZooEntry, folder: Path) -> None:
    write_text(entry.file(".json", folder), entry.model_dump_json(indent=1) + "\n")
