"""`sis-edge boards`: the inventory of your boards."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, discover, options
from sis_edge.cli.command import command, group
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.cli.documents.inventory import ListedBoard

app, _boards = group("boards", "Show and change boards.toml, which names your boards for --host and for fleets.")

_boards.add_typer(discover.app)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A board's name in the inventory.", autocompletion=complete.one(complete.inventory)
    ),
]
NONE = "there is no inventory (boards.toml here, or {own}); `sis-edge boards add` writes one"


@command(_boards, "list")
def list_boards(
    inventory: options.Inventory = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAMES", help="List the boards of these groups only, comma-separated.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the boards of the inventory."""
    from sis_edge.board.inventory import Inventory, load
    from sis_edge.cli import console
    from sis_edge.cli.documents.inventory import listed
    from sis_edge.cli.lists import names
    from sis_edge.report.grid import grid

    found = load(inventory)
    if group is not None:
        found = Inventory(found.path, found.select(groups=names(group)))
    if as_json:
        console.document(listed(found))
        return
    if found.path is None:
        console.out.print(_no_inventory(), soft_wrap=True)
        return
    headings = ("board", "where", "profile", "groups", "notes")
    lines = [
        (each.name, _place(each), each.profile or "", ", ".join(each.groups), each.notes or "")
        for each in listed(found).boards
    ]
    console.out.print(grid(headings, lines, title=str(found.path), words=headings, whole=["board"]))


@command(_boards)
def show(name: Name, inventory: options.Inventory = None, as_json: options.Json = False) -> None:
    """Show one board of the inventory."""
    from sis_edge.board.inventory import load
    from sis_edge.cli import console
    from sis_edge.cli.documents.inventory import BoardDocument, board
    from sis_edge.report.grid import pairs

    path = _file(inventory)
    found = board(name, load(path).find(name))
    if as_json:
        console.document(BoardDocument(path=str(path), board=found))
        return
    values = found.model_dump(exclude={"name", "reasons", "groups"}, exclude_none=True)
    lines = [(key.replace("_", " "), str(value)) for key, value in values.items()]
    console.out.print(pairs([*lines, ("groups", ", ".join(found.groups) or "none")], title=name))


@command(
    _boards,
    excludes={"simulated": ("host", "port", "user", "identity", "known_hosts", "profile")},
    has_defaults=False,
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new name for the board.")],
    host: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its address: a host of ~/.ssh/config, [user@]host[:port] or ssh://..."),
    ] = None,
    simulated: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Simulate it on this machine instead, such as nano-sim.",
            autocompletion=complete.one(complete.boards),
        ),
    ] = None,
    port: options.Port = None,
    user: options.User = None,
    identity: options.Identity = None,
    known_hosts: options.KnownHosts = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Board profile: a name or a TOML file. [default: left to each command]",
            autocompletion=complete.one(complete.profiles),
        ),
    ] = None,
    group: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Group of the board; repeatable.")] = None,
    notes: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything worth knowing of the board.")] = None,
    inventory: options.Inventory = None,
    as_json: options.Json = False,
) -> None:
    """Add a board to the inventory; its file is made in the user's configuration folder where there is none."""
    from sis_edge.board import inventory as inventories
    from sis_edge.board import inventory_edit
    from sis_edge.cli import console
    from sis_edge.cli.documents.inventory import AddedBoardDocument, board

    if host is None and simulated is None:
        raise UsageError("say where the board is with --host, or what it simulates with --simulated")
    path = inventories.find(inventory) or inventories.own_file()
    settings = {
        "host": host,
        "simulated": simulated,
        "user": user,
        "port": port,
        "identity": _absolute(identity),
        "known_hosts": _absolute(known_hosts),
        "profile": str(_absolute(Path(profile))) if profile is not None and profile.endswith(".toml") else profile,
        "groups": group,
        "notes": notes,
    }
    inventory_edit.add(path, name, settings)
    if as_json:
        console.document(AddedBoardDocument(path=str(path), board=board(name, inventories.load(path).find(name))))
        return
    console.out.print(f"Added {name} to {path}; `sis-edge deploy --host {name}` measures on it.", soft_wrap=True)


@command(_boards)
def remove(name: Name, inventory: options.Inventory = None, as_json: options.Json = False) -> None:
    """Remove a board from the inventory; nothing is changed on the board."""
    from sis_edge.board import inventory_edit
    from sis_edge.cli import console
    from sis_edge.cli.documents.inventory import RemovedBoardDocument

    path = _file(inventory)
    inventory_edit.remove(path, name)
    if as_json:
        console.document(RemovedBoardDocument(path=str(path), name=name))
        return
    console.out.print(f"Removed {name} from {path}.", soft_wrap=True)


@command(_boards)
def check(inventory: options.Inventory = None, as_json: options.Json = False) -> None:
    """Check the inventory: every key, profile, key file and SSH setting; no board is contacted."""
    from sis_edge.board import inventory as inventories
    from sis_edge.cli import console
    from sis_edge.cli.documents.inventory import checked
    from sis_edge.report.rows import plural

    path = _file(inventory)
    found = inventories.load(path)
    if faults := inventories.problems(found):
        raise UsageError("\n".join(faults))
    if as_json:
        console.document(checked(found, path))
        return
    groups = f" in {plural(len(found.groups), 'group')}" if found.groups else ""
    console.out.print(f"{path} is sound: {plural(len(found.boards), 'board')}{groups}.", soft_wrap=True)


def _file(named: Path | None) -> Path:
    """The inventory's file; raises UsageError where there is none."""
    from sis_edge.board.inventory import find

    path = find(named)
    if path is None:
        raise UsageError(_no_inventory())
    return path


def _no_inventory() -> str:
    from sis_edge.board.inventory import own_file

    return NONE.format(own=own_file())


def _absolute(path: Path | None) -> Path | None:
    """A path of the command line, so that it holds in a file of another folder."""
    return path if path is None or str(path).startswith("~") else path.absolute()


def _place(board: "ListedBoard") -> str:
    """How a board is reached, as [user@]host[:port], or what it simulates."""
    if board.simulated is not None:
        return f"{board.simulated} (simulated)"
    user = f"{board.user}@" if board.user else ""
    return f"{user}{board.host}{f':{board.port}' if board.port else ''}"
