"""`sis-edge export`: the files of a bundle's network that a product needs."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

app = typer.Typer()


@command(app, name="export")
def export(
    bundle: options.Bundle,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="New or empty folder for the files.")],
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="Network. [default: the one with the fewest synapses]")
    ] = None,
) -> None:
    """Write the files that a product needs: ONNX, preprocessing, labels, and sample clients in Python and C."""
    from sis_edge.bundles.product import export_product
    from sis_edge.bundles.verify import open_bundle
    from sis_edge.cli import console

    for path in export_product(open_bundle(bundle), to, network):
        console.out.print(str(path), soft_wrap=True)
