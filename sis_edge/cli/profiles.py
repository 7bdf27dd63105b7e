"""`sis-edge profiles`: what is known of the boards."""

from typing import Annotated

import typer

from sis_edge.cli import complete, options, reach
from sis_edge.cli.command import command, group

app, _profiles = group("profiles", "Show, check and detect board profiles.")

COMPLETE = complete.one(complete.profiles)


@command(_profiles, "list")
def list_profiles(as_json: options.Json = False) -> None:
    """List the shipped profiles."""
    from sis_edge import profiles
    from sis_edge.cli import console
    from sis_edge.cli.documents.boards import listed
    from sis_edge.report.grid import grid

    found = listed([profiles.load(name) for name in profiles.names()])
    if as_json:
        console.document(found)
        return
    headings = ("profile", "board", "runtime", "granularity", "verified")
    lines = (
        (each.name, each.title, each.runtimes[0], each.conv, "yes" if each.verified else "no")
        for each in found.profiles
    )
    console.out.print(grid(headings, lines, words=headings, whole=("profile", "runtime")))
    console.out.print()
    console.out.print("Not verified: written from documentation, not yet run on such a board.", soft_wrap=True)


@command(_profiles)
def show(
    profile: Annotated[str, typer.Argument(help="A profile's name, or a TOML file.", autocompletion=COMPLETE)],
    as_json: options.Json = False,
) -> None:
    """Show one profile's file, with its comments."""
    from sis_edge import profiles
    from sis_edge.cli import console
    from sis_edge.cli.documents.boards import shown

    found, path = profiles.load(profile), profiles.find(profile)
    if as_json:
        console.document(shown(found, path))
        return
    text = path.read_text(encoding="utf-8")
    if console.out.is_terminal:
        from rich.syntax import Syntax

        console.out.print(Syntax(text, "toml", background_color="default", word_wrap=True))
    else:
        console.out.print(text, soft_wrap=True, end="")


@command(_profiles)
def check(
    profile: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROFILE]...", help="Names or TOML files. [default: all shipped]", autocompletion=COMPLETE
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check that every field of a profile is known, valid and consistent; a mistake is reported with its line."""
    from sis_edge import profiles
    from sis_edge.cli import console
    from sis_edge.cli.documents.boards import checked
    from sis_edge.errors import UsageError

    sound, faults = [], []
    for name in profile or profiles.names():
        try:
            sound.append((name, profiles.load(name)))
        except UsageError as error:
            faults.append(str(error))
    found = checked(sound)
    if not as_json:
        for each in found.profiles:
            doubts = f", {each.unverified} places unverified" if each.unverified else ""
            console.out.print(f"{each.name}: sound{doubts}", soft_wrap=True)
    if faults:
        raise UsageError("\n".join(faults))
    if as_json:
        console.document(found)


@command(_profiles)
@reach.board
def detect(
    connect: reach.Way,
    python: Annotated[str, typer.Option(metavar="NAME", help="Python interpreter on the board.")] = "python3",
    sysroot: Annotated[str, typer.Option(metavar="FOLDER", help="File tree of a simulated board.")] = "/",
    as_json: options.Json = False,
) -> None:
    """Find the profile that fits a board, and where the board differs from it."""
    from sis_edge import profiles
    from sis_edge.board.fitting import fitting
    from sis_edge.cli import console
    from sis_edge.cli.documents.boards import detected
    from sis_edge.cli.progress import bars

    settings = profiles.AgentSettings(python=python, sysroot=sysroot)
    if (name := connect.profile(None)) is not None and sysroot == "/":
        settings = settings.model_copy(update={"sysroot": connect.adapted(profiles.load(name)).agent.sysroot})
    transport = connect()
    try:
        with bars("detect"):
            found = fitting(transport, settings)
    finally:
        transport.close()
    if as_json:
        console.document(detected(transport.name, found))
        return
    title = f"{found.profile.name} ({found.profile.title})"
    console.out.print(f"{transport.name}: profile {title}: {found.reason}", soft_wrap=True)
    for sentence in found.differences or ("no difference from the profile",):
        console.out.print(f"  {'differs in ' if found.differences else ''}{sentence}", soft_wrap=True)
