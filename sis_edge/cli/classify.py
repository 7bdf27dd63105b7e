"""`sis-edge run`: classify images on a board with a bundle's network."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import options, reach
from sis_edge.cli.command import command

app = typer.Typer()


@command(app, name="run", excludes={"bundle": ("build_dir",)})
@reach.board
def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Images: JPEG or PNG.")],
    connect: reach.Way,
    bundle: options.BundleFolder = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="Network. [default: the one with the fewest synapses]")
    ] = None,
    profile: options.BoardProfile = None,
    trust: options.Trust = False,
    build_dir: options.BuildDir = Path("build"),
    as_json: options.Json = False,
) -> None:
    """Classify images on a board over SSH, or on this machine, with a network of a bundle."""
    from sis_edge import profiles
    from sis_edge.board.classify import classify as ask
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli import console
    from sis_edge.cli.documents.classified import classified
    from sis_edge.cli.progress import bars
    from sis_edge.report.grid import grid

    chosen = bundles.open_bundle(bundle) if bundle else bundles.newest(build_dir)
    named = connect.profile(profile)
    board = connect.adapted(profiles.load(named) if named else profiles.of_bundle(chosen.manifest.profile))
    with closing(connect()) as transport, bars("run") as shown:
        found = ask(images, chosen, transport, board, network=network, trusted=trust, on_event=shown.event)
    if as_json:
        console.document(classified(found, transport.name))
        return
    names = [image.path.name for image in found.images]
    is_clear = len(set(names)) == len(names)  # images of several folders may have one name
    rows = [
        ((image.path.name if is_clear else str(image.path)) if not at else "", guess.label, f"{guess.probability:.1%}")
        for image in found.images
        for at, guess in enumerate(image.guesses)
    ]
    title = f"{found.network} by {found.runner} on {transport.name}"
    console.out.print(grid(("image", "class", "probability"), rows, title=title, words=["image", "class"]))
