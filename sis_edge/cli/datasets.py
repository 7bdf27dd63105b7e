"""`sis-edge datasets`: the data sets and where they are kept."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
_datasets = typer.Typer(help="Fetch and check data sets.", no_args_is_help=True)
app.add_typer(_datasets, name="datasets")


@_datasets.command("list")
def list_datasets() -> None:
    """List the data sets that this sis-edge knows."""
    from sis_edge.cli.console import out
    from sis_edge.registries import DATASETS

    for name in DATASETS:
        out.print(name)


@_datasets.command()
def fetch(
    name: Annotated[str, typer.Argument(help="The data set's name.")],
    data_dir: Annotated[Path | None, typer.Option(help="A folder with your own copy of its files.")] = None,
) -> None:
    """Fetch a data set into the cache, or check what is there; every file is checked by its hash."""
    from sis_edge import datasets
    from sis_edge.cli.console import out

    dataset = datasets.load(name, data_dir=data_dir)
    out.print(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} test images, "
        f"{len(dataset.classes)} classes. {dataset.source}",
        soft_wrap=True,
    )
