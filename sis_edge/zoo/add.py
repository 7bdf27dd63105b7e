"""A finished training into the zoo: `build` leaves one in `build/.stages/train-*`."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge import stages
from sis_edge.bundle import file_sha256
from sis_edge.disk import writing
from sis_edge.errors import UsageError
from sis_edge.formation import SynapticGraph, preset_of
from sis_edge.names import checked
from sis_edge.provenance import provenance
from sis_edge.zoo.entry import FOLDER, ZOO_VERSION, Entry, Repeat, named


def add(name: str, trained: Path, dataset: str, folder: Path = FOLDER) -> Entry:
    """Take the network that was trained in that folder of a build; raises UsageError where it is not finished."""
    from safetensors.torch import load_file, save

    from sis_edge.formation.compaction import compact
    from sis_edge.models import SisNet
    from sis_edge.training import Recipe
    from sis_edge.zoo import weights

    found = _finished(trained)
    graph, formation, paper = found.graph, found.graph.formation, preset_of(found.graph)
    network = SisNet(compact(graph))
    network.load_state_dict(load_file(trained / "weights.safetensors"))
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{checked('network', name)}.safetensors"
        target.write_bytes(save(weights.pack(network)))
        shutil.copyfile(trained / "graph.npz", target.with_suffix(".npz"))
        entry = Entry(
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
            dataset=dataset,
            dataset_sha256=found.dataset_sha256,
            recipe=found.recipe,
            recipe_words=Recipe(**{**found.recipe, "sides": tuple(found.recipe["sides"])}).describe(),
            seed=found.seed,
            train_images=found.train_images,
            accuracy=found.accuracy,
            test_images=found.test_images,
            weights_sha256=file_sha256(target),
            packages=provenance().packages,
        )
        _write(entry, folder)
    return entry


def repeat(name: str, trained: Path, folder: Path = FOLDER) -> Entry:
    """Note at a network of the zoo what its training with another seed reached.

    Raises UsageError where the training is not finished, is another one, or its seed is there already.
    """
    entry, found = named(name, folder), _finished(trained)
    must_agree = {
        "graph": (entry.graph_sha256, found.graph.digest()),
        "data set": (entry.dataset_sha256, found.dataset_sha256),
        "number of training images": (entry.train_images, found.train_images),
        "number of test images": (entry.test_images, found.test_images),
        "recipe": (entry.recipe, found.recipe),
    }
    different = [what for what, (ours, theirs) in must_agree.items() if ours != theirs]
    if different:
        raise UsageError(f"{trained} does not repeat the training of {name}: another {', another '.join(different)}")
    seeds = [entry.seed, *(known.seed for known in entry.repeats)]
    if found.seed in seeds:
        raise UsageError(f"{name} was trained with seed {found.seed} already (seeds {', '.join(map(str, seeds))})")
    repeats = (*entry.repeats, Repeat(seed=found.seed, accuracy=found.accuracy))
    entry = entry.model_copy(update={"repeats": tuple(sorted(repeats, key=lambda known: known.seed))})
    with writing(folder):
        _write(entry, folder)
    return entry


@dataclass(frozen=True)
class _Finished:
    """What a training's folder says of it."""

    graph: SynapticGraph
    dataset_sha256: str
    recipe: dict[str, Any]
    seed: int
    train_images: int
    accuracy: float
    test_images: int


def _finished(trained: Path) -> _Finished:
    try:
        done = json.loads((trained / stages.DONE).read_text(encoding="utf-8"))
        inputs, summary = done["inputs"], done["summary"]
        return _Finished(
            graph=SynapticGraph.load(trained / "graph.npz"),
            dataset_sha256=inputs["dataset"],
            recipe=inputs["recipe"],
            seed=inputs["seed"],
            train_images=inputs["train_images"],
            accuracy=summary["host_accuracy"],
            test_images=summary["host_test_images"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{trained} is no finished training ({error}); give a folder build/.stages/train-*") from None


def _write(entry: Entry, folder: Path) -> None:
    entry.file(".json", folder).write_text(entry.model_dump_json(indent=1) + "\n", encoding="utf-8")
