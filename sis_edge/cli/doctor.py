"""`sis-edge doctor`: what is wrong with this machine and a board, and the fix."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, options, reach
from sis_edge.cli.command import command
from sis_edge.errors import SisEdgeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Group

    from sis_edge.cli.reach import Way
    from sis_edge.doctor import Finding

app = typer.Typer()

MOST_AT_ONCE = 16
"""Boards that are looked at together: they are mostly waited for."""

STYLES = {"ok": "green", "warning": "yellow", "error": "bold red", "not checked": "dim"}


@command(app)
@reach.boards
def doctor(
    ways: "Mapping[str, Way]",
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The board's profile: a name or a TOML file. [default: the inventory's, else the one that fits; for "
            "this machine local]",
            autocompletion=complete.one(complete.profiles),
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check this machine and a board, or with --inventory alone every board: each finding with the fix.

    Exit code 0 without errors (warnings are none), else that of the first error: 6 connection, 7 agent, 8 board, 10
    disk, 1 anything else on this machine.
    """
    from sis_edge import profiles
    from sis_edge.cli import console
    from sis_edge.cli.documents.doctor import examined
    from sis_edge.cli.progress import bars
    from sis_edge.doctor import examine_host, exit_code

    if profile is not None:
        profiles.load(profile)
    with bars("doctor"), ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        look = map if len(ways) == 1 else pool.map  # one board may ask for a password, which a thread cannot
        board_findings = look(lambda way: _board(way, way.profile(profile)), ways.values())
        host = list(examine_host())
        boards = dict(zip(ways, board_findings, strict=True))
    every = [*host, *(each for findings in boards.values() for each in findings)]
    if as_json:
        console.document(examined(host, boards))
    else:
        for title, findings in (("This machine", host), *((f"Board {name}", each) for name, each in boards.items())):
            console.out.print(_table(title, findings))
            console.out.print()
        console.out.print(_summary(every), soft_wrap=True)
    if code := exit_code(every):
        raise typer.Exit(code)


def _board(way: "Way", profile: str | None) -> "list[Finding]":
    """What one board's checks find."""
    from sis_edge import profiles
    from sis_edge.doctor import Finding, examine_board
    from sis_edge.doctor.check import refused
    from sis_edge.transport import LocalTransport

    try:
        reached = way()
    except SisEdgeError as error:  # a mistake in its settings, which is no reason to leave out the others
        return [Finding("board", "connection", refused(error))]
    with closing(reached) as transport:
        if profile is None and isinstance(transport, LocalTransport):
            profile = "local"
        known = way.adapted(profiles.load(profile)) if profile else None
        return list(examine_board(transport, known, way.words))


def _table(title: str, findings: "Sequence[Finding]") -> "Group":
    """A line for each finding: level, name, what was seen, and the fix below it."""
    from sis_edge.report.grid import grid
    from sis_edge.text.foreign import one_line

    def said(finding: "Finding") -> str:
        fix = f"\nfix: {one_line(finding.answer.fix)}" if finding.answer.fix else ""
        return one_line(finding.answer.said) + fix

    lines = [(each.answer.level, each.name, said(each)) for each in findings]
    headings = ("level", "check", "found")
    return grid(headings, lines, title=title, words=headings, whole=headings[:2], styles=STYLES)


def _summary(findings: "Sequence[Finding]") -> str:
    levels = [each.answer.level for each in findings]
    errors, warnings = levels.count("error"), levels.count("warning")
    counts = (
        f"{errors} error{'' if errors == 1 else 's'}",
        f"{warnings} warning{'' if warnings == 1 else 's'}",
        f"{levels.count('not checked')} not checked",
        f"{levels.count('ok')} ok",
    )
    return f"{', '.join(counts)}."
