"""What `zoo` says of trained networks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.zoo import ZooEntry

NO_FIGURE = "the paper has no figure for this network on this data set"


class SeedAccuracy(Part):
    """What one training reached on the same test images."""

    seed: int
    accuracy: float


class ZooNetwork(Part):
    """One network of the zoo. `drop` is how far its accuracy is below that of our own dense NiN; both are shares."""

    name: str
    dataset: str
    granularity: str
    distribution: str
    t_c: float
    t_p: float
    synapses: int
    macs: int
    epochs: int
    accuracy: float
    test_images: int
    drop: float | None
    paper_accuracy: float | None
    trainings: tuple[SeedAccuracy, ...]


class ZooDocument(Document):
    """`sis-edge zoo list`: the networks that come with sis-edge."""

    document: Literal["zoo-list"] = "zoo-list"
    networks: tuple[ZooNetwork, ...]


class ZooNetworkDocument(Document):
    """`sis-edge zoo show`: one network: how it was trained, on what, and hashes of its files."""

    document: Literal["zoo-show"] = "zoo-show"
    network: ZooNetwork
    preset: str | None
    graph_seed: int
    seed: int
    train_images: int
    recipe: dict[str, Any]
    packages: dict[str, str]
    graph_sha256: str
    weights_sha256: str
    dataset_sha256: str


class EvaluateDocument(Document):
    """`sis-edge zoo evaluate`: the accuracy measured here, which agrees with the zoo's within `tolerance`."""

    document: Literal["zoo-evaluate"] = "zoo-evaluate"
    name: str
    dataset: str
    test_images: int
    accuracy: float
    zoo_accuracy: float
    tolerance: float


class ZooReportDocument(Document):
    """`sis-edge zoo report`: the files that were written."""

    document: Literal["zoo-report"] = "zoo-report"
    dataset: str
    files: tuple[str, ...]


def listed(entries: "Sequence[ZooEntry]") -> ZooDocument:
    """The document of the zoo."""
    return ZooDocument(networks=tuple(_network(entry, entries) for entry in entries))


def shown(entry: "ZooEntry", entries: "Sequence[ZooEntry]") -> ZooNetworkDocument:
    """The document of one network among all."""
    return ZooNetworkDocument(
        network=_network(entry, entries),
        graph_seed=entry.graph_seed,
        seed=entry.seed,
        train_images=entry.train_images,
        recipe=entry.recipe,
        packages=entry.packages,
        graph_sha256=entry.graph_sha256,
        weights_sha256=entry.weights_sha256,
        dataset_sha256=entry.dataset_sha256,
        **known(preset=(entry.preset, "no network of the paper has these synapses")),
    )


def evaluated(entry: "ZooEntry", accuracy: float, test_images: int, tolerance: float) -> EvaluateDocument:
    """The document of an accuracy that was measured again."""
    return EvaluateDocument(
        name=entry.name,
        dataset=entry.dataset,
        test_images=test_images,
        accuracy=accuracy,
        zoo_accuracy=entry.accuracy,
        tolerance=tolerance,
    )


def reported(dataset: str, files: Sequence[Path]) -> ZooReportDocument:
    """The document of a report."""
    return ZooReportDocument(dataset=dataset, files=tuple(map(str, files)))


def _network(entry: "ZooEntry", entries: "Sequence[ZooEntry]") -> ZooNetwork:
    from sis_edge.formation import DENSE

    seeds = (entry.seed, *(repeat.seed for repeat in entry.repeats))
    no_drop = "the reference" if entry.preset == DENSE else f"the zoo has no dense NiN on {entry.dataset}"
    return ZooNetwork(
        name=entry.name,
        dataset=entry.dataset,
        granularity=entry.granularity,
        distribution=entry.distribution,
        t_c=entry.t_c,
        t_p=entry.t_p,
        synapses=entry.synapses,
        macs=entry.macs,
        epochs=entry.recipe["epochs"],
        accuracy=entry.accuracy,
        test_images=entry.test_images,
        trainings=tuple(
            SeedAccuracy(seed=seed, accuracy=accuracy) for seed, accuracy in zip(seeds, entry.accuracies, strict=True)
        ),
        **known(
            drop=(entry.drop(entries), no_drop),
            paper_accuracy=(entry.paper_accuracy, NO_FIGURE),
        ),
    )
