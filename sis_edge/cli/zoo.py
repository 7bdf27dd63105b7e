"""`sis-edge zoo`: the trained networks that come with the package."""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from sis_edge.zoo import ZooEntry

app = typer.Typer()
_zoo = typer.Typer(help="Trained networks that come with sis-edge.", no_args_is_help=True)
app.add_typer(_zoo, name="zoo")

Name = Annotated[str, typer.Argument(help="The network's name, as `zoo list` shows it.")]

AGREES = 0.0005
"""By how much an accuracy that is measured again may differ: sums in another order may turn a few images."""


@_zoo.command("list")
def list_networks() -> None:
    """List the networks with their accuracy, on how many test images, and the drop from our own dense NiN."""
    from itertools import groupby

    from sis_edge import zoo
    from sis_edge.cli.console import out

    known = zoo.entries()
    for at, (dataset, found) in enumerate(groupby(known, key=lambda entry: entry.dataset)):
        if at:
            out.print()
        out.print(_table(dataset, tuple(found), known))


def _table(dataset: str, found: "Sequence[ZooEntry]", known: "Sequence[ZooEntry]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"trained on {dataset}", title_justify="left", caption="drop: from our own dense NiN, in points"
    )
    table.box, table.show_edge, table.pad_edge = box.SIMPLE_HEAD, False, False
    table.add_column("network", no_wrap=True)
    for heading in ("synapses", "epochs", "accuracy", "n", "drop", "paper"):
        table.add_column(heading, justify="right")
    for entry in found:
        paper, drop = entry.paper_accuracy, entry.drop(known)
        table.add_row(
            entry.name,
            f"{entry.synapses:,}",
            f"{entry.recipe['epochs']}",
            f"{entry.accuracy:.4f}",
            f"{entry.test_images:,}",
            "-" if drop is None else f"{100 * drop:.2f}",
            "-" if paper is None else f"{paper:.4f}",
        )
    return table


@_zoo.command()
def show(name: Name) -> None:
    """Show what is known of one network: structure, training, data, hashes."""
    from sis_edge.cli.console import out
    from sis_edge.zoo.entry import named

    entry = named(name)
    lines = {
        "synapses": f"{entry.synapses:,}",
        "structure": f"{entry.granularity}, {entry.distribution}, t_c {entry.t_c:g}, t_p {entry.t_p:g}, "
        f"seed {entry.graph_seed}",
        "MACs": f"{entry.macs:,} per image",
        "accuracy": f"{entry.accuracy:.4f} on {entry.test_images:,} test images of {entry.dataset}",
        **({"seeds": _over_seeds(entry)} if entry.repeats else {}),
        "training": f"{entry.recipe['epochs']} epochs of {entry.train_images:,} images in {entry.recipe['precision']}, "
        f"seed {entry.seed}",
        "recipe": entry.recipe_words,
        "made with": ", ".join(f"{package} {version}" for package, version in entry.packages.items()),
        "graph": f"SHA-256 {entry.graph_sha256}",
        "weights": f"SHA-256 {entry.weights_sha256}",
        "data set": f"SHA-256 {entry.dataset_sha256}",
    }
    out.print(entry.name)
    for heading, text in lines.items():
        out.print(f"  {heading:<10} {text}", soft_wrap=True)


@_zoo.command()
def evaluate(
    name: Name,
    data_dir: Annotated[Path | None, typer.Option(help="A folder with your own copy of the data set's files.")] = None,
) -> None:
    """Measure a network's accuracy again on all real test images; fails where it is not what the entry says."""
    from sis_edge import datasets, zoo
    from sis_edge.cli.console import out
    from sis_edge.errors import RecordError
    from sis_edge.training.evaluate import accuracy
    from sis_edge.zoo.entry import named

    entry = named(name)
    network = zoo.load(entry)
    dataset = datasets.load(entry.dataset, data_dir=data_dir)
    if dataset.sha256 != entry.dataset_sha256:
        raise RecordError(f"{entry.dataset} here is not the data that {name} was trained on (SHA-256 {dataset.sha256})")
    measured = accuracy(network, dataset, dataset.test)
    agrees = abs(measured - entry.accuracy) <= AGREES
    out.print(
        f"{name}: {measured:.4f} on {len(dataset.test):,} test images of {entry.dataset}; "
        f"the zoo says {entry.accuracy:.4f}{', which agrees' if agrees else ''}.",
        soft_wrap=True,
    )
    if not agrees:
        raise RecordError(
            f"{name} reaches {measured:.4f} here instead of {entry.accuracy:.4f}; is torch another release?"
        )


@_zoo.command()
def report(
    dataset: Annotated[str, typer.Option(help="The data set whose networks are shown.")] = "cifar10",
    output: Annotated[Path | None, typer.Option(help="The folder. [default: reports/DATASET]")] = None,
) -> None:
    """Write what the networks reach beside the paper's figures: page, Markdown, CSV, JSON and chart."""
    from sis_edge.cli.console import out
    from sis_edge.registries import DATASETS
    from sis_edge.zoo import report as writing

    DATASETS.checked(dataset)
    for path in writing.write(dataset, output or Path("reports") / dataset):
        out.print(str(path), soft_wrap=True)


@_zoo.command(hidden=True)
def add(
    name: Annotated[str, typer.Argument(help="The name it gets.")],
    trained: Annotated[Path, typer.Argument(help="A finished training: build/.stages/train-*.")],
    dataset: Annotated[str, typer.Option(help="The data set that it was trained on.")] = "cifar10",
    repeat: Annotated[
        bool, typer.Option("--repeat", help="It repeats this network's training with another seed: keep its accuracy.")
    ] = False,
) -> None:
    """Take a finished training into the zoo: for developers, in a checkout."""
    from sis_edge import datasets
    from sis_edge.cli.console import out
    from sis_edge.zoo import add as adding
    from sis_edge.zoo import samples

    data = datasets.load(dataset)
    if repeat:
        entry = adding.repeat(name, trained, data)
        out.print(f"{entry.name}: {_over_seeds(entry)}", soft_wrap=True)
        return
    entry = adding.add(name, trained, data)
    if not (samples.FOLDER / f"{dataset}.npz").exists():
        samples.save(data)
    out.print(f"{entry.name}: {entry.accuracy:.4f} on {entry.test_images:,} test images")


def _over_seeds(entry: "ZooEntry") -> str:
    """What the trainings with every seed reached."""
    seeds = (entry.seed, *(repeat.seed for repeat in entry.repeats))
    each = ", ".join(f"seed {seed} {accuracy:.4f}" for seed, accuracy in zip(seeds, entry.accuracies, strict=True))
    return f"{each}; mean {statistics.mean(entry.accuracies):.4f}"
