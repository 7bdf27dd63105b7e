"""The address of a board: the user's options, completed by ~/.ssh/config (ssh_config(5)) and OpenSSH's defaults."""

import getpass
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge.errors import TransportError, UsageError
from sis_edge.transport.ssh.known_hosts import DEFAULT_PORT

Lookup = Callable[[str], Mapping[str, Any]]
"""The configuration's options for a host, names in lower case."""

KEY_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")
_HOST = re.compile(
    r"\[(?P<v6>[^\]]+)\](:(?P<p6>\d+))?"  # [fe80::1]:22
    r"|(?P<host>[^:\s]+)(:(?P<port>\d+))?"  # nano:22
    r"|(?P<bare>[0-9a-fA-F]*(:[0-9a-fA-F.]*){2,}(%\w+)?)"  # fe80::1%eth0
)
SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True)
class Endpoint:
    """One SSH server, how to log in there, and the jump hosts on the way to it (the nearest first)."""

    host: str
    port: int
    user: str
    identities: tuple[Path, ...]
    use_agent: bool
    known_hosts: tuple[Path, ...]
    jumps: tuple["Endpoint", ...] = ()

    @property
    def name(self) -> str:
        """For people and for stored results."""
        return f"{self.user}@{self.host}:{self.port}"


def parse(text: str) -> tuple[str | None, str, int | None]:
    """User, host and port of `[user@]host[:port]`; raises UsageError.

    >>> parse("bench@nano:2222"), parse("nano"), parse("[fe80::1]:22"), parse("fe80::1")
    (('bench', 'nano', 2222), (None, 'nano', None), (None, 'fe80::1', 22), (None, 'fe80::1', None))
    """
    user, _, rest = text.rpartition("@")
    match = _HOST.fullmatch(rest)
    if match is None or rest.startswith("-"):
        raise UsageError(f"'{text}' is not a host; use [user@]host[:port], such as bench@192.168.1.20")
    host = match["v6"] or match["host"] or match["bare"]
    port = match["p6"] or match["port"]
    return user or None, host, int(port) if port else None


def resolve(
    target: str,
    lookup: Lookup,
    *,
    user: str | None = None,
    port: int | None = None,
    identity: Path | None = None,
    known_hosts: Path | None = None,
    home: Path | None = None,
) -> Endpoint:
    """The endpoint of `[user@]host[:port]`. Arguments override the configuration, and that the defaults.

    Raises UsageError for text that is not a host and for missing files, TransportError for what only OpenSSH's own
    client can do.
    """
    home = home or Path.home()
    if identity is not None and not identity.expanduser().is_file():
        raise UsageError(f"key file {identity} not found; create it with `ssh-keygen -t ed25519 -f {identity}`")
    if known_hosts is not None and not known_hosts.expanduser().is_file():
        raise UsageError(f"known_hosts {known_hosts} not found; create it with `ssh-keyscan HOST > {known_hosts}`")
    return _resolve(target, lookup, user, port, identity, known_hosts, home, depth=0)


def _resolve(
    target: str,
    lookup: Lookup,
    user: str | None,
    port: int | None,
    identity: Path | None,
    known_hosts: Path | None,
    home: Path,
    depth: int,
) -> Endpoint:
    inline_user, alias, inline_port = parse(target)
    options = lookup(alias)
    if options.get("proxycommand", "none") != "none":
        raise TransportError(f"{alias} has a ProxyCommand, which sis-edge does not support; use ProxyJump")
    if depth > 8:
        raise TransportError(f"the ProxyJump hosts of {alias} form a loop; fix the SSH configuration")

    def own(path: str | Path) -> Path:
        text = str(path)
        return home / text.removeprefix("~/") if text.startswith("~/") else Path(text).expanduser()

    named = [own(path) for path in ([identity] if identity else options.get("identityfile", []))]
    identities = named or [home / ".ssh" / name for name in KEY_NAMES]
    listed = str(options.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2"))
    files = [own(path) for path in listed.split() if path != "none"]
    jumps: list[Endpoint] = []
    hops = str(options.get("proxyjump", "none"))
    for hop in hops.split(",") if hops != "none" else []:
        # A hop's own ProxyJump counts for the first one only: the others are reached from the hop before.
        endpoint = _resolve(hop.strip(), lookup, None, None, identity, known_hosts, home, depth + 1)
        jumps += [*(endpoint.jumps if not jumps else ()), endpoint]
    return Endpoint(
        host=str(options.get("hostname", alias)),
        port=port or inline_port or int(options.get("port", DEFAULT_PORT)),
        user=user or inline_user or str(options.get("user", "")) or getpass.getuser(),
        identities=tuple(path for path in identities if path.is_file()),
        use_agent=str(options.get("identitiesonly", "no")).lower() != "yes",
        known_hosts=(*([own(known_hosts)] if known_hosts else []), *files, SYSTEM_KNOWN_HOSTS),
        jumps=tuple(jumps),
    )
