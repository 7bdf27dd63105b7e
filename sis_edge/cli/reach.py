"""How a command reaches a board: a name of the inventory or a host, the options of SSH, and what they mean."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sis_edge.cli import options
from sis_edge.cli.command import gathered
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.board.inventory import InventoryBoard
    from sis_edge.profiles import DeviceProfile
    from sis_edge.transport import Transport


@dataclass(frozen=True)
class Way:
    """The board that a command line names: what connects to it, and the words that say how, for commands that come
    back to it, when its key is pinned. `known` is what the inventory says of it, None for a host that it does not name.
    """

    connect: "Callable[[], Transport]"
    words: tuple[str, ...]
    known: "InventoryBoard | None" = None

    def __call__(self) -> "Transport":
        """The transport; its first call connects."""
        return self.connect()

    def profile(self, named: str | None) -> str | None:
        """The profile that the command line names, else the inventory's for this board; None without either."""
        return named or (self.known.profile if self.known is not None else None)

    def adapted(self, profile: "DeviceProfile") -> "DeviceProfile":
        """A profile as the board takes it; only a simulated one changes it."""
        return profile if self.known is None else self.known.adapted(profile)


def connection(
    host: options.Host = None,
    port: options.Port = None,
    user: options.User = None,
    identity: options.Identity = None,
    known_hosts: options.KnownHosts = None,
    trust_on_first_use: options.TrustOnFirstUse = False,
    password_fd: options.PasswordFd = None,
    passphrase_fd: options.PassphraseFd = None,
    inventory: options.Inventory = None,
) -> Way:
    """The board of a command; raises UsageError for options of SSH without a host."""
    from sis_edge.board import inventory as inventories
    from sis_edge.cli import terminal
    from sis_edge.transport import connect

    of_ssh: dict[str, Any] = {"port": port, "user": user, "identity": identity, "known_hosts": known_hosts}
    secrets = {"password_fd": password_fd, "passphrase_fd": passphrase_fd}
    given = {"host": host, **of_ssh, **secrets, "inventory": inventory}
    pairs = {f"--{name.replace('_', '-')}": str(value) for name, value in given.items() if value is not None}
    if host is None:
        if pairs or trust_on_first_use:
            raise UsageError(f"{next(iter(pairs), '--trust-on-first-use')} is for SSH; name the board with --host")
        return Way(connect, ())
    known = inventories.load(inventory).boards.get(host)
    of_ssh |= {"trust_on_first_use": trust_on_first_use, "credentials": terminal.credentials(**secrets)}
    reached = partial(connect, host) if known is None else known.connect
    return Way(partial(reached, **of_ssh), tuple(word for pair in pairs.items() for word in pair), known)


_OF_HOST = ("port", "user", "identity", "known_hosts")
_SECRETS = ("trust_on_first_use", "password_fd", "passphrase_fd")

board = gathered("connect", connection, belongs=dict.fromkeys((*_OF_HOST, *_SECRETS, "inventory"), ("host",)))
"""Gives a command these options; the board that they name goes to its parameter `connect`."""


def connections(**given: Any) -> dict[str, Way]:
    """The boards of a command, with the options of `connection`, by name: the one of --host, else all of --inventory,
    else this machine as "local".

    All boards have one password then, if one is given.
    """
    from sis_edge.board import inventory as inventories
    from sis_edge.cli import terminal

    host, inventory = given.get("host"), given.get("inventory")
    of_one = any(given.get(option) is not None for option in ("port", "user", "identity", "known_hosts"))
    if host is not None or inventory is None or of_one:
        return {host or "local": connection(**given)}
    of_ssh: dict[str, Any] = {
        "trust_on_first_use": given.get("trust_on_first_use", False),
        "credentials": terminal.credentials(given.get("password_fd"), given.get("passphrase_fd")),
    }
    words = ("--inventory", str(inventory))
    found = inventories.load(inventory).boards
    return {
        name: Way(partial(known.connect, **of_ssh), ("--host", name, *words), known) for name, known in found.items()
    }


boards = gathered(
    "ways",
    connections,
    connection,
    belongs={**dict.fromkeys(_OF_HOST, ("host",)), **dict.fromkeys(_SECRETS, ("host", "inventory"))},
)
"""Gives a command these options, of which --inventory alone means every board; they go to its parameter `ways`."""
