"""`sis-edge datasets`: the data sets and where they are kept."""

from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, options, verbosity
from sis_edge.cli.command import command, group
from sis_edge.cli.own_images import own_images
from sis_edge.registries import DATASETS

if TYPE_CHECKING:
    from sis_edge.cli.documents.datasets import ShownDataset
    from sis_edge.datasets import OwnData

app, _datasets = group("datasets", "Fetch and check data sets.")


@command(_datasets, "list")
def list_datasets(as_json: options.Json = False) -> None:
    """List the data sets."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.datasets import listed

    if as_json:
        console.document(listed(DATASETS))
    else:
        for name in DATASETS:
            console.out.print(name)


@command(_datasets, excludes={"data": ("name", "data_dir")})
@own_images
def show(
    name: Annotated[
        str | None,
        typer.Argument(help=f"Data set: {DATASETS.listed()}.", autocompletion=complete.one(lambda: DATASETS)),
    ] = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
    own: "OwnData | None" = None,
) -> None:
    """Show what a data set or your own images (--data) have: classes, counts, sizes, mean and standard deviation."""
    from sis_edge import datasets
    from sis_edge.cli import console
    from sis_edge.cli.documents.datasets import shown
    from sis_edge.cli.progress import bars
    from sis_edge.errors import UsageError
    from sis_edge.report.grid import grid

    if name is None and own is None:
        raise UsageError("`datasets show` takes the name of a data set, or --data with your own images")
    what = own.name if own else DATASETS.checked(name or "")
    with bars(f"load {what}", draws_itself=True):
        dataset = datasets.load(what, data_dir=data_dir, own=own, progress=not verbosity.is_quiet())
    document = shown(dataset)
    if as_json:
        console.document(document)
        return
    lines = [(row.name, f"{row.train_images:,}", f"{row.test_images:,}") for row in document.classes]
    console.out.print(grid(("class", "train", "test"), lines, title=dataset.name, words=["class"]))
    console.out.print()
    for sentence in _sentences(document):
        console.out.print(sentence, soft_wrap=True)


def _sentences(document: "ShownDataset") -> list[str]:
    channels = [", ".join(f"{value:.4f}" for value in values) for values in (document.mean, document.std)]
    found = [
        f"{document.train_images:,} training and {document.test_images:,} test images of {document.height} x "
        f"{document.width} (height x width), {len(document.classes)} classes",
        f"mean {channels[0]} (red, green, blue of the training images, 0 to 1)",
        f"standard deviation {channels[1]}",
        document.source,
    ]
    return found + [f"left out, damaged: {name}" for name in document.skipped]


@command(_datasets)
def fetch(
    name: Annotated[
        str,
        typer.Argument(help=f"Data set: {DATASETS.listed()}.", autocompletion=complete.one(lambda: DATASETS)),
    ],
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Fetch a data set into the cache, or check what is there; every file is verified by its hash."""
    from sis_edge import datasets
    from sis_edge.cli import console
    from sis_edge.cli.documents.datasets import fetched
    from sis_edge.cli.progress import bars

    DATASETS.checked(name)
    with bars(f"fetch {name}", draws_itself=True):
        dataset = datasets.load(name, data_dir=data_dir, progress=not verbosity.is_quiet())
    if as_json:
        console.document(fetched(dataset))
        return
    console.out.print(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} test images, "
        f"{len(dataset.classes)} classes. {dataset.source}",
        soft_wrap=True,
    )
