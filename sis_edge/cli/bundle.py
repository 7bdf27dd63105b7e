"""`sis-edge bundle`: look at a bundle."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
_bundle = typer.Typer(help="Look at bundles and check them.", no_args_is_help=True)
app.add_typer(_bundle, name="bundle")

BundlePath = Annotated[Path, typer.Argument(metavar="PATH", help="The bundle's folder.")]


@_bundle.command()
def verify(path: BundlePath) -> None:
    """Find any changed, missing or extra file of a bundle."""
    from sis_edge.bundles.verify import open_bundle, problems
    from sis_edge.cli.console import out
    from sis_edge.errors import BundleError

    bundle = open_bundle(path)
    found = problems(bundle)
    for sentence in found:
        out.print(sentence, soft_wrap=True)
    if found:
        raise BundleError(f"{path} does not match its manifest in {len(found)} of its files; build it again")
    total = sum(entry.size_bytes for entry in bundle.manifest.files)
    out.print(f"{path} is sound: {len(bundle.manifest.files)} files, {total / 1e6:.1f} MB", soft_wrap=True)


@_bundle.command()
def show(path: BundlePath) -> None:
    """Show a bundle's networks."""
    from sis_edge.bundles.verify import open_bundle
    from sis_edge.cli.build import show as show_bundle

    show_bundle(open_bundle(path))
