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
    as_json: options.Json = False,
) -> None:
    """Write the files that a product needs: ONNX, preprocessing, labels, and sample clients in Python and C."""
    from sis_edge.bundles.product import export_product
    from sis_edge.bundles.verify import open_bundle
    from sis_edge.cli import console
    from sis_edge.cli.documents.product import exported

    files = export_product(open_bundle(bundle), to, network)
    if as_json:
        console.document(exported(to, files))
        return
    for path in files:
        console.out.print(str(path), soft_wrap=True)
