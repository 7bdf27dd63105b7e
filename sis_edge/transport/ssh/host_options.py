"""What an OpenSSH configuration says of one host, and the tokens and variables in its values."""

import hashlib
import os
import pwd
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sis_edge.errors import TransportError
from sis_edge.files.home import expanded
from sis_edge.text.foreign import printable

DEFAULT_PORT = 22


@dataclass
class HostOptions:
    """The options of one host while they are collected, and after it: the first value of an option counts.

    `original` is the name that was asked for, `values` has the words of each option by its name in lower case,
    `lists` those of options that add up.
    """

    original: str
    home: Path
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    final_host: str | None = None
    """The host's address once it is known: the second pass over the files goes by it."""

    def get(self, name: str, default: str = "") -> str:
        """An option's first word."""
        return self.values.get(name, (default,))[0]

    def is_on(self, name: str) -> bool:
        """Whether a yes-or-no option is set to yes."""
        return self.get(name, "no").lower() in ("yes", "true")

    @property
    def host(self) -> str:
        """The address: HostName with its `%h`, else the name that was asked for."""
        if self.final_host is not None:
            return self.final_host
        # Only these two tokens: a zone of an IPv6 address begins with "%" as well.
        tokens = {"%%": "%", "%h": self.original}
        return re.sub("%%|%h", lambda found: tokens[found[0]], self.get("hostname", self.original))

    @property
    def port(self) -> int:
        """The TCP port; raises TransportError for one that is not a number."""
        return port_number(self.get("port", str(DEFAULT_PORT)), self.original)

    @property
    def user(self) -> str:
        """The login name, by default the one here."""
        name = self.get("user")
        return self._variables(name) if name else local_user()

    def expand(self, text: str) -> str:
        """The text with its `%` tokens and `${VARIABLES}`; raises TransportError for unknown ones."""
        return self.tokens(self._variables(text))

    def tokens(self, text: str) -> str:
        """The text with its `%` tokens; raises TransportError for unknown ones."""

        def token(found: re.Match[str]) -> str:
            try:
                return str(self._token(found[1]))
            except KeyError:
                raise self._bad(text, f"has the unknown token %{found[1]}") from None

        return re.sub("%(.?)", token, text, flags=re.DOTALL)

    def path(self, text: str) -> Path:
        """A path of the configuration, expanded."""
        full = self.expand(text)
        if full.startswith("~/"):
            return self.home / full[2:]
        return expanded(Path(full))  # where no user has this name OpenSSH finds no file either

    def _variables(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] not in os.environ:
                raise self._bad(text, f"needs the environment variable {found[1]}, which is not set")
            return os.environ[found[1]]

        return re.sub(r"\$\{(\w+)\}", value, text)

    def _token(self, letter: str) -> str:
        values: dict[str, Callable[[], str]] = {
            "%": lambda: "%",
            "d": lambda: str(self.home),
            "h": lambda: self.host,
            "i": lambda: str(os.getuid()),
            "j": lambda: self.get("proxyjump"),
            "k": lambda: self.get("hostkeyalias", self.original),
            "L": lambda: socket.gethostname().partition(".")[0],
            "l": socket.gethostname,
            "n": lambda: self.original,
            "p": lambda: str(self.port),
            "r": lambda: self.user,
            "u": local_user,
            "C": lambda: hashlib.sha1("".join(map(self._token, "lhprj")).encode(errors="surrogateescape")).hexdigest(),
        }
        return values[letter]()

    def _bad(self, text: str, reason: str) -> TransportError:
        return TransportError(
            f"the SSH configuration of {printable(self.original)}: `{printable(text)}` {printable(reason)}"
        )


def is_file(path: Path) -> bool:
    """Whether there is a file that can be seen."""
    try:
        return path.is_file()
    except OSError:
        return False


def local_user() -> str:
    """The user's login name here; raises TransportError where the system knows none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise TransportError("this system has no name for you; give the login name on the board with --user") from None


def port_number(text: str, host: str) -> int:
    """A TCP port from its number or its service's name; raises TransportError."""
    try:
        port = int(text) if text.isdecimal() else socket.getservbyname(text, "tcp")
    except (OSError, ValueError):
        port = 0
    if not 0 < port < 65536:
        raise TransportError(
            f"the SSH configuration of {printable(host)} has the port '{printable(text)}'; ports are 1 to 65535"
        )
    return port
