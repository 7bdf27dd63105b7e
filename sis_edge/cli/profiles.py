"""`sis-edge profiles`: what is known of the boards."""

from typing import Annotated

import typer

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
    for heading in ("profile", "board", "architecture", "tried"):
        table.add_column(heading)
    for name in profiles.names():
        profile = profiles.load(name)
        table.add_row(name, profile.title, profile.board.architecture, "yes" if profile.board.verified else "no")
    out.print(table)
    out.print('tried "no": the profile was written from documentation and not yet run on such a board', soft_wrap=True)


@_profiles.command()
def show(profile: Annotated[str, typer.Argument(help="A profile's name, or a TOML file.")]) -> None:
    """Show one profile with its comments, as it stands in its file."""
    from rich.syntax import Syntax

    from sis_edge import profiles
    from sis_edge.cli.console import out

    profiles.load(profile)
    out.print(
        Syntax(profiles.find(profile).read_text(encoding="utf-8"), "toml", background_color="default", word_wrap=True)
    )
