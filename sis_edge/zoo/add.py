"""A finished training into the zoo: `build` leaves one in `build/.stages/train-*`."""

import json
import shutil
from pathlib import Path

from sis_edge import stages
from sis_edge.bundle import file_sha256
from sis_edge.disk import writing
from sis_edge.errors import UsageError
from sis_edge.formation import PRESETS, SynapticGraph
from sis_edge.names import checked
from sis_edge.provenance import provenance
from sis_edge.zoo.entry import FOLDER, ZOO_VERSION, Entry


def add(name: str, trained: Path, dataset: str, folder: Path = FOLDER) -> Entry:
    """Take the network that was trained in that folder of a build; raises UsageError where it is not finished."""
    from safetensors.torch import load_file, save

    from sis_edge.formation.compaction import compact
    from sis_edge.models import SisNet
    from sis_edge.training import Recipe
    from sis_edge.zoo import weights

    try:
        done = json.loads((trained / stages.DONE).read_text(encoding="utf-8"))
        inputs = done["inputs"]
        accuracy, test_images = done["summary"]["host_accuracy"], done["summary"]["host_test_images"]
        recipe = Recipe(**{**inputs["recipe"], "sides": tuple(inputs["recipe"]["sides"])})
        graph = SynapticGraph.load(trained / "graph.npz")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{trained} is no finished training ({error}); give a folder build/.stages/train-*") from None
    network = SisNet(compact(graph))
    network.load_state_dict(load_file(trained / "weights.safetensors"))
    formation = graph.formation
    known = [row.name for row in PRESETS.values() if row.synapses == graph.synapse_count]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{checked('network', name)}.safetensors"
        target.write_bytes(save(weights.pack(network)))
        shutil.copyfile(trained / "graph.npz", target.with_suffix(".npz"))
        entry = Entry(
            zoo_version=ZOO_VERSION,
            name=name,
            preset=known[0] if known else None,
            granularity=f"{formation.conv} / {formation.micro}",
            distribution=formation.distribution,
            t_c=formation.t_c,
            t_p=formation.t_p,
            graph_seed=formation.seed,
            graph_sha256=graph.digest(),
            synapses=graph.synapse_count,
            macs=graph.macs,
            dataset=dataset,
            dataset_sha256=inputs["dataset"],
            recipe=inputs["recipe"],
            recipe_words=recipe.describe(),
            seed=inputs["seed"],
            train_images=inputs["train_images"],
            accuracy=accuracy,
            test_images=test_images,
            weights_sha256=file_sha256(target),
            packages=provenance().packages,
        )
        target.with_suffix(".json").write_text(entry.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return entry
