"""`sis-edge datasets`: the data sets and where they are kept."""

from typing import Annotated

import typer

from sis_edge.cli import complete, options, verbosity
from sis_edge.cli.command import command, group
from sis_edge.registries import DATASETS

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
