"""`sis-edge run`: classify images on a board with a bundle's network."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

app = typer.Typer()


@command(app, name="run")
def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Images: JPEG or PNG.")],
    host: options.Host = None,
    port: options.Port = None,
    user: options.User = None,
    identity: options.Identity = None,
    known_hosts: options.KnownHosts = None,
    bundle: options.BundleFolder = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="Network. [default: the one with the fewest synapses]")
    ] = None,
    profile: options.BoardProfile = None,
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
    from sis_edge.transport import connect

    chosen = bundles.open_bundle(bundle) if bundle else bundles.newest(build_dir)
    board = profiles.load(profile or chosen.manifest.profile)
    way = connect(host, user=user, port=port, identity=identity, known_hosts=known_hosts)
    with closing(way) as transport, bars("run") as shown:
        found = ask(images, chosen, transport, board, network=network, on_event=shown.event)
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
