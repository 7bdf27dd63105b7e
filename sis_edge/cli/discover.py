"""`sis-edge boards discover`: boards in this network that announce themselves."""

from typing import Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

app = typer.Typer()
"""The command, for the group `boards`."""


@command(app)
def discover(
    seconds: Annotated[float, typer.Option(min=0.1, max=60, metavar="S", help="Time to wait for answers, in s.")] = 3.0,
    interface: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Ask on this address of this machine only; repeatable. [default: all]"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Find boards in this network by multicast DNS (extra `discover`); they announce themselves if they run Avahi."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.discovered import discovered
    from sis_edge.report.grid import grid
    from sis_edge.transport.discover import discover as find

    found = discovered(find(seconds, interface or ()))
    if as_json:
        console.document(found)
        return
    if not found.boards:
        console.out.print(
            f"No board announced itself within {seconds:g} s. A board does if avahi-daemon runs on it and its network "
            "is this one.",
            soft_wrap=True,
        )
        return
    headings = ("name", "address", "SSH port", "services")
    lines = [
        (each.name, " ".join(each.addresses), "" if each.port is None else str(each.port), " ".join(each.services))
        for each in found.boards
    ]
    console.out.print(grid(headings, lines, words=headings, whole=["name"]))
