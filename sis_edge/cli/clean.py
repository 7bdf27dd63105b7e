"""`sis-edge clean`: remove old bundles, engines, wheels, calibrations and jobs from a board."""

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from sis_agent.files import KINDS
from sis_edge.cli import complete, options, reach
from sis_edge.cli.command import command
from sis_edge.errors import BoardError, UsageError, unknown

if TYPE_CHECKING:
    from sis_edge.board.cleaning import Cleaned

app = typer.Typer()


@command(app, excludes={"dry_run": ("yes",)})
@reach.board
def clean(
    *,
    connect: reach.Way,
    profile: options.AgentProfile = None,
    kinds: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help=f"What to remove, comma-separated: {', '.join(KINDS)}. [default: all of them]",
            autocompletion=complete.several(lambda: KINDS),
        ),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what has not changed or been used for so long: 30d, 12h.")
    ] = None,
    larger_than: Annotated[str | None, typer.Option(metavar="SIZE", help="Only what is larger: 100MB, 1GB.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show what a board keeps for sis-edge and remove it; jobs that run or wait, and what they need, stay."""
    from sis_edge.board import cleaning, jobs_on_board
    from sis_edge.cli import console
    from sis_edge.cli.at_board import profile_of
    from sis_edge.cli.documents import jobs as documents
    from sis_edge.cli.lists import names
    from sis_edge.cli.quantities import duration_s, size_bytes

    chosen = () if kinds is None else names(kinds)
    for kind in chosen:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
    if as_json and not (yes or dry_run):
        raise UsageError("--json asks nothing: add --yes to remove, or --dry-run to list")
    look = partial(
        cleaning.clean,
        kinds=chosen,
        older_than_s=0.0 if older_than is None else duration_s("--older-than", older_than),
        larger_than_bytes=-1 if larger_than is None else size_bytes("--larger-than", larger_than),
    )
    with closing(connect()) as transport:
        at = jobs_on_board.session(transport, profile_of(connect, profile))
        found = look(at)
        if not as_json:
            _show(found, transport.name)
        is_removed = bool(found.entries) and not dry_run and (yes or _is_agreed(found, transport.name))
        if is_removed:
            found = look(at, shown=found)
    if as_json:
        console.document(documents.cleaned(transport.name, found, dry_run=not is_removed))
    elif is_removed:
        console.out.print(f"Removed {_sum(found)} from {transport.name}.", soft_wrap=True)
    if found.failed:
        raise BoardError(
            f"{len(found.failed)} of them could not be removed from {transport.name} (first: {found.failed[0].kind} "
            f"{found.failed[0].name}, {found.failed[0].why}); check permissions there"
        )


def _is_agreed(found: "Cleaned", board: str) -> bool:
    """Ask; raises UsageError where nobody can be asked."""
    from sis_edge.cli.console import ask, can_ask

    if not can_ask():
        raise UsageError("nobody can be asked here: --yes removes what is listed, --dry-run only lists it")
    return ask(f"Remove {_sum(found)} from {board}? [y/N] ").strip().lower() in ("y", "yes")


def _sum(found: "Cleaned") -> str:
    from sis_edge.report.rows import size

    return f"{len(found.entries):,} {'entry' if len(found.entries) == 1 else 'entries'}, {size(found.freed_bytes)}"


def _show(found: "Cleaned", board: str) -> None:
    """What would go, the largest first."""
    from sis_edge.cli.console import out
    from sis_edge.cli.job_tables import age
    from sis_edge.report.grid import grid
    from sis_edge.report.rows import size

    if busy := [*([found.running] if found.running else []), *found.waiting]:
        what = (
            f"Job {busy[0]} runs or waits: it stays" if len(busy) == 1 else f"{len(busy)} jobs run or wait: they stay"
        )
        out.print(f"{what}, with all that may be needed.", soft_wrap=True)
    if not found.entries:
        out.print(f"There is nothing to remove from {board}.", soft_wrap=True)
        return
    headings = ("kind", "name", "unused for", "size")
    order = sorted(found.entries, key=lambda each: -each.size_bytes)
    lines = [(each.kind, each.name, age(each.idle_s), size(each.size_bytes)) for each in order]
    out.print(grid(headings, lines, words=headings[:2], whole=("kind", "unused for", "size")))
