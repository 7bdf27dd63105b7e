"""`sis-edge profiles`: what is known of the boards."""

from typing import Annotated

import typer

from sis_edge.cli import connection

app = typer.Typer()
_profiles = typer.Typer(help="What is known of each board.", no_args_is_help=True)
app.add_typer(_profiles, name="profiles")


@_profiles.command("list")
def list_profiles() -> None:
    """List the shipped profiles."""
    from rich.table import Table

    from sis_edge import profiles
    from sis_edge.cli.console import out

    table = Table()
    for heading in ("profile", "board", "run time", "forms", "tried"):
        table.add_column(heading, no_wrap=heading in ("profile", "run time"))
    for name in profiles.names():
        profile = profiles.load(name)
        tried = "yes" if profile.board.verified else "no"
        table.add_row(name, profile.title, profile.runtime.runners[0], profile.networks.conv, tried)
    out.print(table)
    out.print('tried "no": the profile was written from documentation and not yet run on such a board', soft_wrap=True)


@_profiles.command()
def show(profile: Annotated[str, typer.Argument(help="A profile's name, or a TOML file.")]) -> None:
    """Show one profile with its comments, as it stands in its file."""
    from rich.syntax import Syntax

    from sis_edge import profiles
    from sis_edge.cli.console import out

    profiles.load(profile)
    text = profiles.find(profile).read_text(encoding="utf-8")
    if out.is_terminal:
        out.print(Syntax(text, "toml", background_color="default", word_wrap=True))
    else:
        out.print(text, soft_wrap=True, end="")


@_profiles.command()
def check(
    profile: Annotated[
        list[str] | None, typer.Argument(metavar="[PROFILE]...", help="Names or TOML files. [default: all shipped]")
    ] = None,
) -> None:
    """Check profiles: every field known, of its kind, and in agreement with the others; names the line otherwise."""
    from sis_edge import profiles
    from sis_edge.cli.console import out
    from sis_edge.errors import UsageError

    faults = []
    for name in profile or profiles.names():
        try:
            found = profiles.load(name)
        except UsageError as error:
            faults.append(str(error))
        else:
            doubts = f", {len(found.unverified)} places unverified" if found.unverified else ""
            out.print(f"{name}: sound{doubts}", soft_wrap=True)
    if faults:
        raise UsageError("\n".join(faults))


@_profiles.command()
def detect(
    host: connection.Host = None,
    port: connection.Port = None,
    user: connection.User = None,
    identity: connection.Identity = None,
    known_hosts: connection.KnownHosts = None,
    python: Annotated[str, typer.Option(help="The board's Python.")] = "python3",
    sysroot: Annotated[str, typer.Option(help="A simulated board's file tree.")] = "/",
) -> None:
    """Ask a board what it is: names the profile that fits, and where the board differs from it."""
    from sis_edge import profiles
    from sis_edge.board.agent_client import AgentClient
    from sis_edge.cli.console import out
    from sis_edge.profiles.detect import detect as find
    from sis_edge.transport import connect

    settings = profiles.AgentSettings(python=python, sysroot=sysroot)
    transport = connect(host, user=user, port=port, identity=identity, known_hosts=known_hosts)
    try:
        agent = AgentClient(transport, settings)
        agent.install()
        found = find(agent.facts(), [profiles.load(name) for name in profiles.names()])
    finally:
        transport.close()
    out.print(f"{transport.name}: profile {found.profile.name} ({found.profile.title}): {found.reason}", soft_wrap=True)
    for sentence in found.differences:
        out.print(f"  differs in {sentence}", soft_wrap=True)
    if not found.differences:
        out.print("  and it is what the profile says", soft_wrap=True)
