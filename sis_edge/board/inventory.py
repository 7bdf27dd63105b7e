"""The user's boards: `boards.toml` gives each a name, so that `--host NAME` says how it is reached.

[boards.kitchen]
host = "pi5.local"
user = "pi"
profile = "raspberry-pi-5"
groups = ["pi", "rack-1"]
notes = "on the shelf, with the fan"

[boards.not-here-yet]
simulated = "orin-nano-sim"
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from sis_edge import profiles, simulated
from sis_edge.errors import SisEdgeError, UsageError, unknown
from sis_edge.files.home import expanded
from sis_edge.files.model import FrozenModel
from sis_edge.files.names import checked
from sis_edge.files.validation import load_toml
from sis_edge.profiles import DeviceProfile
from sis_edge.text.foreign import lines
from sis_edge.transport import Credentials, Transport, connect
from sis_edge.transport.ssh.endpoint import parse

FILE = "boards.toml"
OF_HOST = ("user", "port", "identity", "known_hosts", "profile")
"""Keys that a simulated board cannot have."""

LIST = "sis-edge boards list"


def _host(text: str) -> str:
    return _checked(lambda: parse(text), text)


def _simulated(kind: str) -> str:
    return _checked(lambda: simulated.load(kind), kind)


def _profile(name: str) -> str:
    return _checked(lambda: profiles.find(name), name)


def _group(name: str) -> str:
    return _checked(lambda: checked("group", name), name)


def _checked(check: Callable[[], object], text: str) -> str:
    """The text itself; pydantic takes a mistake of the user's as a ValueError only."""
    try:
        check()
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


class InventoryBoard(FrozenModel):
    """How one board is reached, and what it is; what is left out is left to the SSH configuration.

    `profile` is the name of a profile or a TOML file, whose path is that from the inventory's folder, as are the paths
    of `identity` and `known_hosts`. A `simulated` board runs on this machine instead of on a host: it is a kind that
    `bench --board` takes, and brings its profile; several boards may be of one kind.
    """

    host: Annotated[str, AfterValidator(_host)] | None = None
    simulated: Annotated[str, AfterValidator(_simulated)] | None = None
    user: str | None = Field(default=None, min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    identity: Path | None = None
    known_hosts: Path | None = None
    profile: Annotated[str, AfterValidator(_profile)] | None = None
    groups: list[Annotated[str, AfterValidator(_group)]] = []
    notes: str | None = None
    _name: str = PrivateAttr("")

    @model_validator(mode="after")
    def _is_somewhere(self) -> "InventoryBoard":
        if (self.host is None) == (self.simulated is None):
            raise ValueError("a board has a host, or else names the board that it simulates with simulated")
        if self.simulated is not None and (word := next((word for word in OF_HOST if getattr(self, word)), None)):
            raise ValueError(f"a simulated board has no {word}: it is this machine, and brings its profile")
        return self

    def adapted(self, profile: DeviceProfile) -> DeviceProfile:
        """A profile as this board takes it: that of a simulated one reads its files, with no more threads than this
        machine has cores."""
        return profile if self.simulated is None else simulated.named_profile(profile, self.simulated, self._name)

    def connect(
        self,
        *,
        user: str | None = None,
        port: int | None = None,
        identity: Path | None = None,
        known_hosts: Path | None = None,
        trust_on_first_use: bool = False,
        credentials: Credentials | None = None,
    ) -> Transport:
        """The transport to the board; arguments override what is written here. The first call connects."""
        if self.simulated is not None:
            return self._simulated_transport(user=user, port=port, identity=identity, known_hosts=known_hosts)
        return connect(
            self.host,
            user=user or self.user,
            port=port or self.port,
            identity=identity or self.identity,
            known_hosts=known_hosts or self.known_hosts,
            trust_on_first_use=trust_on_first_use,
            credentials=credentials,
        )

    def _simulated_transport(self, **of_ssh: object) -> Transport:
        assert self.simulated is not None
        for name, value in of_ssh.items():
            if value is not None:
                word = f"--{name.replace('_', '-')}"
                raise UsageError(f"{word} is for SSH, and {self._name} is simulated ({self.simulated}); leave it out")
        return simulated.NamedTransport(self.simulated, self._name)


class InventoryFile(FrozenModel):
    """An inventory of boards (`boards.toml`): how each is reached, and what it is."""

    boards: dict[str, InventoryBoard] = {}

    @model_validator(mode="after")
    def _can_be_named(self) -> "InventoryFile":
        for name in self.boards:
            try:
                checked("board", name)
            except UsageError as error:
                raise ValueError(f"boards.{name} has no usable name: {error}") from None
            self.boards[name]._name = name
        return self


@dataclass(frozen=True)
class Inventory:
    """The boards of one file by their names, in its order, with absolute paths; `path` is None without a file."""

    path: Path | None
    boards: Mapping[str, InventoryBoard]

    def find(self, name: str) -> InventoryBoard:
        """The board of that name; raises UsageError with the nearest."""
        if name not in self.boards:
            raise self._unknown("board", name, self.boards)
        return self.boards[name]

    @property
    def groups(self) -> dict[str, list[str]]:
        """The names of the boards in each group, in the file's order."""
        found: dict[str, list[str]] = {}
        for name, board in self.boards.items():
            for group in dict.fromkeys(board.groups):
                found.setdefault(group, []).append(name)
        return found

    def select(self, groups: Sequence[str] = (), limit: Sequence[str] = ()) -> dict[str, InventoryBoard]:
        """The boards that are in any of these groups (none: all), and of them those that `limit` names.

        `limit` are names or patterns such as `rack-*` (none: all). Raises UsageError for a group or a name that the
        file does not have, and for a pattern that none of the boards fits.
        """
        known = self.groups
        for group in groups:
            if group not in known:
                raise self._unknown("group", group, known)
        found = [name for name in self.boards if not groups or any(name in known[group] for group in groups)]
        for pattern in limit:
            if not any(fnmatchcase(name, pattern) for name in found):
                raise self._unknown(f"board{' in these groups' if groups else ''}", pattern, found)
        chosen = [name for name in found if not limit or any(fnmatchcase(name, pattern) for pattern in limit)]
        return {name: self.boards[name] for name in chosen}

    def _unknown(self, kind: str, name: str, known: Iterable[str]) -> UsageError:
        where = f"{self.path}: " if self.path else ""
        return UsageError(f"{where}{unknown(kind, name, known, LIST)}")


def find(path: Path | None = None) -> Path | None:
    """The inventory's file: the argument, else ./boards.toml, else the user's own; None where there is none."""
    if path is not None:
        return path
    return next((each for each in (Path(FILE), own_file()) if each.is_file()), None)


def own_file() -> Path:
    """`boards.toml` in the user's configuration folder ($XDG_CONFIG_HOME/sis-edge, by default ~/.config/sis-edge)."""
    from platformdirs import user_config_path

    return user_config_path("sis-edge", appauthor=False) / FILE


def load(path: Path | None = None) -> Inventory:
    """The inventory of that file, else of the one that `find` finds; none of them is an inventory without boards.

    Raises UsageError that names the file, the line, the board, the key and what is wrong with its value.
    """
    found = find(path)
    if found is None:
        return Inventory(None, {})
    file, _ = load_toml(found, "inventory", InventoryFile)
    folder = found.absolute().parent
    return Inventory(found, {name: _absolute(board, folder) for name, board in file.boards.items()})


def problems(inventory: Inventory) -> list[str]:
    """What would keep a board from being reached or measured, as far as this machine knows; a sentence each."""
    found = []
    for name, board in inventory.boards.items():
        try:
            if board.profile is not None:
                profiles.load(board.profile)
            board.connect().close()
        except SisEdgeError as error:
            found.append(lines(f"{inventory.path}: boards.{name}: {error}"))
    return found


def _absolute(board: InventoryBoard, folder: Path) -> InventoryBoard:
    """The board with paths that hold from any folder, and a simulated one with its profile."""
    if board.simulated is not None:
        return board.model_copy(update={"profile": simulated.load(board.simulated).profile})
    paths = {
        key: folder / expanded(path)
        for key, path in (("identity", board.identity), ("known_hosts", board.known_hosts))
        if path is not None
    }
    own = board.profile if board.profile is not None and board.profile.endswith(".toml") else None
    return board.model_copy(update={**paths, **({"profile": str(folder / expanded(Path(own)))} if own else {})})
