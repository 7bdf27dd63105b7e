"""The address of a board: the user's options, completed by the SSH configuration and OpenSSH's defaults."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from sis_edge.errors import TransportError, UsageError
from sis_edge.files.home import expanded
from sis_edge.text.foreign import printable
from sis_edge.transport.ssh.config import Lookup
from sis_edge.transport.ssh.host_options import HostOptions, is_file

KEY_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")
USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SYSTEM_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
AGENT = "SSH_AUTH_SOCK"
_HOST = re.compile(
    r"\[(?P<v6>[^\]\s]+)\](:(?P<p6>\d+))?"  # [fe80::1]:22
    r"|(?P<host>[^:\s]+)(:(?P<port>\d+))?"  # nano:22
    r"|(?P<bare>[0-9a-fA-F]*(:[0-9a-fA-F.]*){2,}(%[^\s:/\]]+)?)"  # fe80::1%br-lan
)


@dataclass(frozen=True)
class Endpoint:
    """One SSH server, how to log in there, and the jump hosts on the way to it (the nearest first).

    `identities` are the key files that are named or usual, of which at least the public half is there; `agent` is the
    socket of ssh-agent, of whose keys only those of `identities` count where `identities_only` is set.
    `host_key_alias` takes the place of host and port in `known_hosts`. `pin_file` is the one of these where ssh adds
    keys, `is_pin_hashed`: without the host's name in the clear; `trusts_first`: the key of a host that is not known yet
    is added there. `proxy_command` is a shell command that leads to the server in place of a TCP connection.
    """

    host: str
    port: int
    user: str
    identities: tuple[Path, ...]
    certificates: tuple[Path, ...]
    identities_only: bool
    agent: str | None
    known_hosts: tuple[Path, ...]
    host_key_alias: str | None = None
    jumps: tuple["Endpoint", ...] = ()
    trusts_first: bool = False
    pin_file: Path | None = None
    is_pin_hashed: bool = False
    proxy_command: str | None = None

    @property
    def name(self) -> str:
        """For people and for stored results."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


@dataclass(frozen=True)
class Login:
    """What the command line says; each goes before the configuration."""

    user: str | None = None
    port: int | None = None
    identity: Path | None = None
    known_hosts: Path | None = None
    trust_on_first_use: bool = False

    def options(self, host: str) -> dict[str, str]:
        """The options of the command line that reach this host again: its key is pinned by then."""
        given = {
            "--port": self.port,
            "--user": self.user,
            "--identity": self.identity,
            "--known-hosts": self.known_hosts,
        }
        return {"--host": host} | {option: str(value) for option, value in given.items() if value is not None}


def parse(text: str) -> tuple[str | None, str, int | None]:
    """User, host and port of `[user@]host[:port]` or `ssh://[user@]host[:port]`; raises UsageError.

    >>> parse("bench@nano:2222"), parse("nano"), parse("[fe80::1]:22"), parse("fe80::1%br-lan")
    (('bench', 'nano', 2222), (None, 'nano', None), (None, 'fe80::1', 22), (None, 'fe80::1%br-lan', None))
    >>> parse("ssh://bench@192.168.1.20:2222/")
    ('bench', '192.168.1.20', 2222)
    """
    address = text.removeprefix("ssh://")
    is_uri = address != text
    user, _, rest = (address.removesuffix("/") if is_uri else address).rpartition("@")
    if is_uri:  # in an address of this kind "%" is written "%25", also before a zone
        user, rest = unquote(user), rest.replace("%25", "%", 1)
    match = _HOST.fullmatch(rest)
    if match is None or rest.startswith("-") or "/" in rest or not text.isprintable():
        raise UsageError(
            f"'{printable(text)}' is not a host; use [user@]host[:port], such as bench@192.168.1.20, or ssh://..."
        )
    port = match["p6"] or match["port"]
    if port and not 0 < int(port) < 65536:
        raise UsageError(f"'{text}' has the port {port}; ports are 1 to 65535")
    return user or None, match["v6"] or match["host"] or match["bare"], int(port) if port else None


def resolve(target: str, lookup: Lookup, login: Login) -> Endpoint:
    """The endpoint of an address (see `parse`). Arguments override the configuration, and that the defaults.

    Raises UsageError for text that is not a host and for missing files, TransportError for what only OpenSSH's own
    client can do.
    """
    identity, known_hosts = login.identity, login.known_hosts
    if identity is not None and not is_file(expanded(identity)):
        raise UsageError(f"key file {identity} not found; create it with `ssh-keygen -t ed25519 -f {identity}`")
    if known_hosts is not None and not login.trust_on_first_use and not is_file(expanded(known_hosts)):
        raise UsageError(
            f"known_hosts {known_hosts} not found; create it with `ssh-keyscan HOST > {known_hosts}`, or with "
            "--trust-on-first-use"
        )
    return _resolve(target, lookup, login, depth=0)


def _resolve(target: str, lookup: Lookup, login: Login, depth: int) -> Endpoint:
    inline_user, alias, inline_port = parse(target)
    options = lookup(alias, user=login.user or inline_user, port=login.port or inline_port)
    if depth > 8:
        raise TransportError(f"the ProxyJump hosts of {alias} form a loop; fix the SSH configuration")
    for name, value in (("HostName", options.host), ("User", options.user)):
        if not value.isprintable():
            raise TransportError(f"the {name} of {alias} ({printable(value)}) is not text; fix the SSH configuration")
    # Host keys are kept for the name, also where the agent or the user is another.
    return Endpoint(
        host=options.host,
        port=options.port,
        user=options.user,
        identities=tuple(path for path in _identities(options, login.identity) if _is_there(path)),
        certificates=tuple(map(options.path, options.lists.get("certificatefile", []))),
        identities_only=options.is_on("identitiesonly"),
        agent=_agent(options),
        known_hosts=_known_hosts(options, login.known_hosts),
        host_key_alias=options.get("hostkeyalias") or None,
        jumps=_jumps(options, lookup, login, depth),
        trusts_first=login.trust_on_first_use,
        pin_file=next((path for path in _own_known_hosts(options, login.known_hosts) if str(path) != os.devnull), None),
        is_pin_hashed=options.is_on("hashknownhosts"),
        proxy_command=_proxy_command(options),
    )


def _proxy_command(options: HostOptions) -> str | None:
    command = options.get("proxycommand", "none")
    return None if command.lower() == "none" else options.tokens(command)


def _jumps(options: HostOptions, lookup: Lookup, login: Login, depth: int) -> tuple[Endpoint, ...]:
    jumps: list[Endpoint] = []
    hops = options.get("proxyjump", "none")
    for hop in hops.split(",") if hops.lower() != "none" else []:
        # A hop's own ProxyJump counts for the first one only: the others are reached from the hop before.
        endpoint = _resolve(hop.strip(), lookup, replace(login, user=None, port=None), depth + 1)
        jumps += [*(endpoint.jumps if not jumps else ()), endpoint]
    return tuple(jumps)


def _identities(options: HostOptions, identity: Path | None) -> list[Path]:
    if identity is not None:
        return [options.path(str(identity)) if str(identity).startswith("~/") else expanded(identity)]
    named = options.lists.get("identityfile")
    if named is None:
        return [options.home / ".ssh" / name for name in KEY_NAMES]
    return [options.path(name) for name in named if name.lower() != "none"]


def _is_there(path: Path) -> bool:
    return is_file(path) or is_file(Path(f"{path}.pub"))


def _agent(options: HostOptions) -> str | None:
    """The socket of ssh-agent (ssh_config(5), IdentityAgent)."""
    named = options.get("identityagent", AGENT)
    if named.lower() == "none":
        return None
    if named == AGENT or re.fullmatch(r"\$\w+", named):
        return os.environ.get(named.removeprefix("$")) or None
    return str(options.path(named))


def _known_hosts(options: HostOptions, own: Path | None) -> tuple[Path, ...]:
    named = options.values.get("globalknownhostsfile", SYSTEM_KNOWN_HOSTS)
    return (*_own_known_hosts(options, own), *(options.path(name) for name in named if name.lower() != "none"))


def _own_known_hosts(options: HostOptions, own: Path | None) -> tuple[Path, ...]:
    """The files of the user's own."""
    named = options.values.get("userknownhostsfile", USER_KNOWN_HOSTS)
    files = [options.path(name) for name in named if name.lower() != "none"]
    return (*([expanded(own)] if own else []), *files)
