"""A network's weights: trained here, or taken from the zoo."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge import zoo
from sis_edge.build.context import BuildContext
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.plan import Step
from sis_edge.bundles import wrong_images
from sis_edge.files import stages
from sis_edge.training import stage
from sis_edge.zoo import ZooEntry

if TYPE_CHECKING:
    from sis_edge.models import SisNet
    from sis_edge.training.trained import TrainedNetwork


def run(context: BuildContext, network: PlannedNetwork) -> stages.Outcome:
    """The finished training, with `graph.npz` and `weights.safetensors` in its folder."""
    if network.trained is not None:
        return _own(context, network, network.trained)
    entry = context.taken.get(network.name)
    if entry is not None:
        return _from_zoo(context, network, entry)
    trained = _train(context, network)
    if trained.was_done:
        context.on_step(Step(network.name, "train", 1, 1, "done before"))
    return trained


def finished(network: PlannedNetwork, trained: stages.Outcome) -> PlannedNetwork:
    """The network with its trained graph; one that was rewired is another than was formed, and has another name."""
    graph = stage.graph_of(trained.folder)
    if graph.digest() == network.graph.digest():
        return network
    return replace(network, name=f"{network.name}-rewired", graph=graph)


def _own(context: BuildContext, network: PlannedNetwork, trained: "TrainedNetwork") -> stages.Outcome:
    """The weights that the network's user brought."""

    def make(folder: Path) -> dict[str, Any]:
        trained.save(folder)
        return {"host_accuracy": trained.accuracy, "host_test_images": trained.test_images}

    inputs = {
        "version": stage.TRAIN_VERSION,
        "graph": network.graph.digest(),
        "weights": trained.weights_sha256,
        "accuracy": [trained.accuracy, trained.test_images],
    }
    outcome = stages.run(context.root, "own", inputs, make)
    context.on_step(Step(network.name, "train", 1, 1, "trained by its user"))
    return outcome


def _from_zoo(context: BuildContext, network: PlannedNetwork, entry: ZooEntry) -> stages.Outcome:
    inputs = {
        "version": stage.TRAIN_VERSION,
        "graph": network.graph.digest(),
        "weights": entry.weights_sha256,
        "is_paired": entry.wrong_images is not None,
    }
    trained = stages.run(context.root, "zoo", inputs, lambda folder: _unpack(entry, folder))
    context.on_step(Step(network.name, "train", 1, 1, "from the zoo"))
    return trained


def _unpack(entry: ZooEntry, folder: Path) -> dict[str, Any]:
    """What a training leaves in its folder, from the zoo."""
    from safetensors.torch import save

    trained = zoo.load(entry)
    shutil.copyfile(entry.file(".npz"), folder / "graph.npz")
    weights = {name: value.contiguous() for name, value in trained.state_dict().items()}
    (folder / "weights.safetensors").write_bytes(save(weights))
    return {
        "host_accuracy": entry.accuracy,
        "host_test_images": entry.test_images,
        "host_wrong": entry.wrong_images,
    }


def _train(context: BuildContext, network: PlannedNetwork) -> stages.Outcome:
    from sis_edge.training.evaluate import wrong

    def progress(done: int, total: int, loss: float) -> None:
        context.on_step(Step(network.name, "train", done, total, f"loss {loss:.3f}"))

    def measure(trained: "SisNet") -> dict[str, Any]:
        test = context.dataset.test
        missed = wrong(trained, context.dataset, test)
        return {
            "host_accuracy": 1 - len(missed) / len(test),
            "host_test_images": len(test),
            "host_wrong": wrong_images.pack(missed),
        }

    return stage.run(
        context.root,
        network.graph,
        context.dataset,
        context.train_images,
        context.recipe_of(network.graph),
        seed=context.plan.seed,
        measure=measure,
        progress=progress,
        group=context.plan.group,
        teacher=context.teacher,
    )
