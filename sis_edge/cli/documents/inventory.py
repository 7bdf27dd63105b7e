"""What `boards` says of the user's inventory."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.board.inventory import Inventory, InventoryBoard

OF_SSH = "left to the SSH configuration"
IS_SIMULATED = "simulated on this machine"


class ListedBoard(Part):
    """One board of the inventory; paths are absolute. `simulated` is the kind of one that is no host."""

    name: str
    host: str | None
    simulated: str | None
    user: str | None
    port: int | None
    identity: str | None
    known_hosts: str | None
    profile: str | None
    groups: tuple[str, ...]
    notes: str | None


class BoardsDocument(Document):
    """`sis-edge boards list`: the boards of the inventory; `path` is its file, null where there is none."""

    document: Literal["boards-list"] = "boards-list"
    path: str | None
    boards: tuple[ListedBoard, ...]


class BoardDocument(Document):
    """`sis-edge boards show`: one board of the inventory."""

    document: Literal["boards-show"] = "boards-show"
    path: str
    board: ListedBoard


class AddedBoardDocument(Document):
    """`sis-edge boards add`: the board that was added, and the file that it was added to."""

    document: Literal["boards-add"] = "boards-add"
    path: str
    board: ListedBoard


class RemovedBoardDocument(Document):
    """`sis-edge boards remove`: the name that was removed, and the file that it was removed from."""

    document: Literal["boards-remove"] = "boards-remove"
    path: str
    name: str


class CheckedBoardsDocument(Document):
    """`sis-edge boards check`: a sound inventory's boards and groups; one that is not is an error."""

    document: Literal["boards-check"] = "boards-check"
    path: str
    boards: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]


def listed(inventory: "Inventory") -> BoardsDocument:
    """The document of an inventory."""
    path = str(inventory.path) if inventory.path else None
    return BoardsDocument(
        boards=tuple(board(name, each) for name, each in inventory.boards.items()),
        **known(path=(path, "there is no inventory")),
    )


def checked(inventory: "Inventory", path: Path) -> CheckedBoardsDocument:
    """The document of an inventory in which no problem was found."""
    groups = {group: tuple(names) for group, names in inventory.groups.items()}
    return CheckedBoardsDocument(path=str(path), boards=tuple(inventory.boards), groups=groups)


def board(name: str, found: "InventoryBoard") -> ListedBoard:
    """One board as a part of a document."""
    left = OF_SSH if found.simulated is None else IS_SIMULATED
    paths = {
        key: (str(path) if path else None, left)
        for key, path in (("identity", found.identity), ("known_hosts", found.known_hosts))
    }
    return ListedBoard(
        name=name,
        groups=tuple(found.groups),
        **known(
            **paths,
            host=(found.host, IS_SIMULATED),
            simulated=(found.simulated, "it is a host"),
            user=(found.user, left),
            port=(found.port, left),
            profile=(found.profile, "commands take the bundle's, or find one that fits"),
            notes=(found.notes, "none were written"),
        ),
    )
