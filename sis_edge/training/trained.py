"""A trained network in memory: its graph, its weights, the data that it was trained for, and what it reaches."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.errors import UsageError
from sis_edge.files.atomic import write_bytes, write_text
from sis_edge.files.paths import AnyPath
from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import compact

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset
    from sis_edge.models import SisNet

OWN_RECIPE = "trained by its user"
GRAPH, WEIGHTS, NETWORK = "graph.npz", "weights.safetensors", "network.json"
NETWORK_VERSION = 1
"""Of `network.json`: 1 is the first."""
ABOUT = ("accuracy", "test_images", "recipe", "epochs", "seed", "precision", "train_images")
"""What `network.json` has of the fields below."""


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network and its weights, however they came about.

    `module` is a `SisNet` of the graph's live neurons; `accuracy` is its top-1 on `test_images` test images of the data
    set. What is not known of the training is None; `recipe` is a line for people.
    """

    graph: SynapticGraph
    module: "SisNet"
    dataset: "Dataset"
    accuracy: float
    test_images: int
    recipe: str = OWN_RECIPE
    epochs: int | None = None
    seed: int | None = None
    precision: str | None = None
    train_images: int | None = None

    @classmethod
    def of(
        cls, graph: SynapticGraph, module: "SisNet", dataset: "Dataset", recipe: str = OWN_RECIPE
    ) -> "TrainedNetwork":
        """A network that was trained by other means than `train`; its accuracy is measured here.

        Raises UsageError where the module is not of the graph, or has other outputs than the data set has classes.
        """
        from sis_edge.training.evaluate import accuracy

        _check(graph, module, dataset)
        return cls(graph, module.eval(), dataset, accuracy(module, dataset, dataset.test), len(dataset.test), recipe)

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights as they are saved."""
        return hashlib.sha256(self._weights()).hexdigest()

    def save(self, folder: AnyPath) -> None:
        """Write the network to a folder, for `sis_edge.load_network`; raises DiskError.

        `graph.npz` and `weights.safetensors` are as in a finished training, `network.json` has the rest: the data set's
        name and SHA-256, accuracy, how it was trained.
        """
        place, weights = Path(folder), self._weights()
        self.graph.save(place / GRAPH)
        write_bytes(place / WEIGHTS, weights)
        about = {name: getattr(self, name) for name in ABOUT}
        data = {"dataset": self.dataset.name, "dataset_sha256": self.dataset.sha256}
        sha256 = hashlib.sha256(weights).hexdigest()
        document = {"network_version": NETWORK_VERSION, **data, **about, "weights_sha256": sha256}
        write_text(place / NETWORK, json.dumps(document, indent=2))

    def _weights(self) -> bytes:
        from safetensors.torch import save

        return bytes(save({name: value.contiguous() for name, value in self.module.state_dict().items()}))

    def __repr__(self) -> str:
        how = self.recipe if self.epochs is None else f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
        return (
            f"TrainedNetwork({self.graph.synapse_count:,} synapses, {self.dataset.name}, {how}, "
            f"accuracy {self.accuracy:.4f} on {self.test_images:,} test images)"
        )


def _check(graph: SynapticGraph, module: "SisNet", dataset: "Dataset") -> None:
    from sis_edge.models import SisLayer

    wanted = [plan.spec.weight_shape for plan in compact(graph)]
    shapes = [tuple(layer.weight.shape) for layer in module.layers if isinstance(layer, SisLayer)]
    if shapes != wanted:
        raise UsageError(
            "the module is not of this graph: its weights have other shapes than the graph's live neurons; "
            "make it with SisNet(compact(graph))"
        )
    if graph.spec.classes != len(dataset.classes):
        raise UsageError(
            f"the network has {graph.spec.classes} outputs, {dataset.name} has {len(dataset.classes)} classes"
        )
