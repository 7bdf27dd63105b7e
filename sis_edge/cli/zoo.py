"""`sis-edge zoo`: the trained networks that come with the package."""

import statistics
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, options, verbosity
from sis_edge.cli.command import command, group
from sis_edge.registries import DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sis_edge.cli.documents.zoo import ZooNetwork
    from sis_edge.zoo import ZooEntry

app, _zoo = group("zoo", "Trained networks that come with sis-edge.")

Name = Annotated[
    str,
    typer.Argument(help="The network's name, as `zoo list` shows it.", autocompletion=complete.one(complete.zoo)),
]

AGREES = 0.0005
"""By how much an accuracy that is measured again may differ: sums in another order may turn a few images."""
ROUNDING = 1e-9


@command(_zoo, "list")
def list_networks(as_json: options.Json = False) -> None:
    """List the networks with their accuracy and the drop from our own dense network, with its interval and p-value."""
    from sis_edge import zoo
    from sis_edge.cli import console
    from sis_edge.cli.documents.zoo import listed
    from sis_edge.report.grid import grid

    found = listed(zoo.entries())
    if as_json:
        console.document(found)
        return
    headings = ("network", "synapses", "accuracy", "drop", "95% interval", "p", "paper")
    for (dataset, images), networks in groupby(found.networks, key=lambda each: (each.dataset, each.test_images)):
        lines = map(_cells, networks)
        title = f"trained on {dataset}, {images:,} test images"
        console.out.print(grid(headings, lines, title=title, words=["network"], whole=["network"]))
        console.out.print()
    console.out.print(
        "accuracy: top-1 on the test images; drop: points behind our own dense network, with its 95% interval and "
        "McNemar's p, both paired (the same images went through both networks)",
    )
    for sentence in _trainings(found.networks):
        console.out.print(sentence)


def _cells(network: "ZooNetwork") -> tuple[str, ...]:
    from sis_edge.report.rows import p_value, points

    return (
        network.name,
        f"{network.synapses:,}",
        f"{network.accuracy:.4f}",
        "-" if network.drop is None else points(network.drop),
        _interval(network),
        "-" if network.drop_p_value is None else p_value(network.drop_p_value),
        "-" if network.paper_accuracy is None else f"{network.paper_accuracy:.4f}",
    )


def _interval(network: "ZooNetwork") -> str:
    from sis_edge.report.rows import points

    if network.drop_low is None or network.drop_high is None:
        return "-"
    return f"{points(network.drop_low)} to {points(network.drop_high)}{'' if network.drop_is_paired else '*'}"


def _trainings(networks: "Sequence[ZooNetwork]") -> "Iterator[str]":
    """How they were trained, what other seeds reached, and whose interval is not paired: a sentence each."""
    epochs = dict.fromkeys(network.epochs for network in networks)
    for count in epochs:
        names = ", ".join(network.name for network in networks if network.epochs == count)
        yield f"trained for {count} epoch{'s' * (count != 1)}: {'all' if len(epochs) == 1 else names}"
    yield from _references(networks)
    for network in networks:
        if len(network.trainings) > 1:
            yield (
                f"{network.name}: {len(network.trainings)} seeds, mean {network.mean_accuracy:.4f} "
                f"({network.least_accuracy:.4f} to {network.most_accuracy:.4f})"
            )
        if network.teacher is not None:
            yield f"{network.name}: taught by {network.teacher} (distillation)"
        if network.drop_is_paired is False:
            yield f"* {network.name}: interval of two samples, no p: {network.reasons['drop_p_value']}"


def _references(networks: "Sequence[ZooNetwork]") -> "Iterator[str]":
    """What drops are from, on a data set where that is not the same for all: a sentence for each dense network."""
    from sis_edge.zoo.drops import by_reference

    for _, of_dataset in groupby(networks, key=lambda network: network.dataset):
        for reference, names in by_reference((each.name, each.reference) for each in of_dataset).items():
            yield f"behind {reference}: {', '.join(names)}"


@command(_zoo)
def show(name: Name, as_json: options.Json = False) -> None:
    """Show one network: structure, training, data, hashes."""
    from sis_edge import zoo
    from sis_edge.cli import console
    from sis_edge.cli.documents.zoo import shown
    from sis_edge.report.grid import pairs
    from sis_edge.zoo.entry import named

    entry = named(name)
    if as_json:
        console.document(shown(entry, zoo.entries()))
    else:
        console.out.print(pairs(_lines(entry, zoo.entries()), title=entry.name))


def _lines(entry: "ZooEntry", entries: "Sequence[ZooEntry]") -> list[tuple[str, str]]:
    from sis_edge.zoo import drops

    packages = ", ".join(f"{package} {version}" for package, version in entry.packages.items())
    return [
        ("synapses", f"{entry.synapses:,}"),
        (
            "structure",
            f"{entry.granularity}, {entry.distribution}, t_c {entry.t_c:g}, t_p {entry.t_p:g}, seed {entry.graph_seed}",
        ),
        ("formed from", entry.dense_name),
        ("MACs", f"{entry.macs:,} per image"),
        ("accuracy", f"{entry.accuracy:.4f} on {entry.test_images:,} test images of {entry.dataset}"),
        ("drop", drops.words(entry, entries)),
        *([("seeds", _over_seeds(entry))] if entry.repeats else []),
        (
            "training",
            f"{entry.recipe['epochs']} epochs of {entry.train_images:,} images in {entry.recipe['precision']}, "
            f"seed {entry.seed}",
        ),
        ("recipe", entry.recipe_words),
        ("made with", packages),
        ("graph", f"SHA-256 {entry.graph_sha256}"),
        ("weights", f"SHA-256 {entry.weights_sha256}"),
        ("data set", f"SHA-256 {entry.dataset_sha256}"),
    ]


@command(_zoo)
def evaluate(name: Name, data_dir: options.DataDir = None, as_json: options.Json = False) -> None:
    """Measure a network's accuracy again on all real test images; fails if it is not what the entry says."""
    from sis_edge import datasets, zoo
    from sis_edge.cli import console
    from sis_edge.cli.documents.zoo import evaluated
    from sis_edge.cli.progress import bars
    from sis_edge.errors import RecordError
    from sis_edge.training.evaluate import accuracy
    from sis_edge.zoo import drops
    from sis_edge.zoo.entry import named

    entry = named(name)
    with bars(f"evaluate {name}", draws_itself=True):
        network = zoo.load(entry)
        dataset = datasets.load(entry.dataset, data_dir=data_dir, progress=not verbosity.is_quiet())
        if dataset.sha256 != entry.dataset_sha256:
            raise RecordError(
                f"{entry.dataset} here is not the data that {name} was trained on (SHA-256 {dataset.sha256})"
            )
        measured = accuracy(network, dataset, dataset.test)
    if abs(measured - entry.accuracy) > AGREES + ROUNDING:
        raise RecordError(
            f"{name} reaches {measured:.4f} on {len(dataset.test):,} test images of {entry.dataset} here, and "
            f"{entry.accuracy:.4f} in the zoo; is this another release of torch?"
        )
    if as_json:
        console.document(evaluated(entry, zoo.entries(), measured, len(dataset.test), AGREES))
        return
    console.out.print(
        f"{name}: {measured:.4f} on {len(dataset.test):,} test images of {entry.dataset}; "
        f"the zoo says {entry.accuracy:.4f}, which agrees.",
        soft_wrap=True,
    )
    console.out.print(f"drop: {drops.words(entry, zoo.entries())}", soft_wrap=True)


@command(_zoo)
def report(
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Data set whose networks are shown: {DATASETS.listed()}.",
            autocompletion=complete.one(lambda: DATASETS),
        ),
    ] = "cifar10",
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder to write to. [default: reports/DATASET]")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare the networks' accuracies with the paper's: page, Markdown, CSV, JSON and chart."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.zoo import reported
    from sis_edge.cli.progress import bars
    from sis_edge.zoo import report as writing

    DATASETS.checked(dataset)
    with bars("zoo report"):
        written = writing.write(dataset, output or Path("reports") / dataset)
    if as_json:
        console.document(reported(dataset, written))
    else:
        for path in written:
            console.out.print(str(path), soft_wrap=True)


@command(_zoo, hidden=True)
def add(
    name: Annotated[str, typer.Argument(help="Name for the network.")],
    trained: Annotated[Path, typer.Argument(help="A finished training: build/.stages/train-*.")],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Data set that it was trained on: {DATASETS.listed()}.",
            autocompletion=complete.one(lambda: DATASETS),
        ),
    ] = "cifar10",
    repeat: Annotated[
        bool, typer.Option("--repeat", help="It repeats this network's training with another seed: keep its accuracy.")
    ] = False,
) -> None:
    """Take a finished training into the zoo: for developers, in a checkout."""
    from sis_edge import datasets
    from sis_edge.cli.console import out
    from sis_edge.cli.progress import bars
    from sis_edge.zoo import add as adding
    from sis_edge.zoo import samples

    with bars("zoo add"):
        data = datasets.load(dataset)
        entry = adding.repeat(name, trained, data) if repeat else adding.add(name, trained, data)
        if not repeat and not (samples.FOLDER / f"{dataset}.npz").exists():
            samples.save(data)
    reached = _over_seeds(entry) if repeat else f"{entry.accuracy:.4f} on {entry.test_images:,} test images"
    out.print(f"{entry.name}: {reached}", soft_wrap=True)


def _over_seeds(entry: "ZooEntry") -> str:
    """What the trainings with every seed reached."""
    seeds = (entry.seed, *(repeat.seed for repeat in entry.repeats))
    each = ", ".join(f"seed {seed} {accuracy:.4f}" for seed, accuracy in zip(seeds, entry.accuracies, strict=True))
    accuracies = entry.accuracies
    return f"{each}; mean {statistics.mean(accuracies):.4f} ({min(accuracies):.4f} to {max(accuracies):.4f})"
