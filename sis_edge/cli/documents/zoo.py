"""What `zoo` says of trained networks."""

import statistics
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
    """One network of the zoo. `drop` is how far its accuracy is below that of our own dense network; both are shares.

    `reference` is that dense network: trained alike where the zoo has one, else trained longest.

    `drop_low` and `drop_high` are its 95% interval, image by image where `drop_is_paired`, and `drop_p_value` is that
    of McNemar's test (mid-p) that both are right equally often on the same images. The mean, the least and the most
    accuracy are over `trainings`, the first of which left the weights in the zoo.
    """

    name: str
    dataset: str
    granularity: str
    distribution: str
    t_c: float
    t_p: float
    synapses: int
    macs: int
    architecture: str
    epochs: int
    accuracy: float
    test_images: int
    reference: str | None
    drop: float | None
    drop_low: float | None
    drop_high: float | None
    drop_is_paired: bool | None
    drop_p_value: float | None
    paper_accuracy: float | None
    teacher: str | None
    trainings: tuple[SeedAccuracy, ...]
    mean_accuracy: float
    least_accuracy: float
    most_accuracy: float


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
    """`sis-edge zoo evaluate`: the accuracy measured here, which agrees with the zoo's within `tolerance`.

    The drop is that of the zoo's accuracy, as `zoo show` has it.
    """

    document: Literal["zoo-evaluate"] = "zoo-evaluate"
    name: str
    dataset: str
    test_images: int
    accuracy: float
    zoo_accuracy: float
    tolerance: float
    reference: str | None
    drop: float | None
    drop_low: float | None
    drop_high: float | None
    drop_is_paired: bool | None
    drop_p_value: float | None


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


def evaluated(
    entry: "ZooEntry", entries: "Sequence[ZooEntry]", accuracy: float, test_images: int, tolerance: float
) -> EvaluateDocument:
    """The document of an accuracy that was measured again, of one network among all."""
    return EvaluateDocument(
        name=entry.name,
        dataset=entry.dataset,
        test_images=test_images,
        accuracy=accuracy,
        zoo_accuracy=entry.accuracy,
        tolerance=tolerance,
        **known(**_drop(entry, entries)),
    )


def reported(dataset: str, files: Sequence[Path]) -> ZooReportDocument:
    """The document of a report."""
    return ZooReportDocument(dataset=dataset, files=tuple(map(str, files)))


def _network(entry: "ZooEntry", entries: "Sequence[ZooEntry]") -> ZooNetwork:
    seeds = (entry.seed, *(repeat.seed for repeat in entry.repeats))
    return ZooNetwork(
        name=entry.name,
        dataset=entry.dataset,
        granularity=entry.granularity,
        distribution=entry.distribution,
        t_c=entry.t_c,
        t_p=entry.t_p,
        synapses=entry.synapses,
        macs=entry.macs,
        architecture=entry.architecture,
        epochs=entry.recipe["epochs"],
        accuracy=entry.accuracy,
        test_images=entry.test_images,
        trainings=tuple(
            SeedAccuracy(seed=seed, accuracy=accuracy) for seed, accuracy in zip(seeds, entry.accuracies, strict=True)
        ),
        mean_accuracy=statistics.mean(entry.accuracies),
        least_accuracy=min(entry.accuracies),
        most_accuracy=max(entry.accuracies),
        **known(
            **_drop(entry, entries),
            paper_accuracy=(entry.paper_accuracy, NO_FIGURE),
            teacher=(entry.teacher, "trained without a teacher"),
        ),
    )


def _drop(entry: "ZooEntry", entries: "Sequence[ZooEntry]") -> dict[str, tuple[Any, str]]:
    """The keys of a drop, each with the reason that holds where its value is unknown."""
    from sis_edge.zoo.drops import drop_from_dense, reference_of, without_reference

    drop, reference = drop_from_dense(entry, entries), reference_of(entry, entries)
    interval = drop.interval
    return {
        "reference": (reference and reference.name, without_reference(entry)),
        "drop": (drop.estimate.value, drop.estimate.reason or ""),
        "drop_low": (interval.value and interval.value.low, interval.reason or ""),
        "drop_high": (interval.value and interval.value.high, interval.reason or ""),
        "drop_is_paired": (drop.is_paired.value, drop.is_paired.reason or ""),
        "drop_p_value": (drop.p_value.value, drop.p_value.reason or ""),
    }
