"""From an endpoint to a connection: socket, jump hosts, host key, login."""

import logging
import shlex
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.errors import TransportError
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.ssh import known_hosts
from sis_edge.transport.ssh.endpoint import Endpoint, Lookup
from sis_edge.transport.ssh.known_hosts import KnownKeys

if TYPE_CHECKING:
    import paramiko

KEEPALIVE_S = 5

# OpenSSH lets a client try six keys (MaxAuthTries); boards that are set up strictly, three.
FEWEST_TRIES = 3

# paramiko reports a lost connection on its logger as well; without a handler Python would print that.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def config_lookup(path: Path) -> Lookup:
    """The options of a host in an OpenSSH client configuration; a missing file has none."""
    import paramiko

    try:
        config = paramiko.SSHConfig.from_path(str(path)) if path.is_file() else paramiko.SSHConfig()
    except (OSError, paramiko.ConfigParseError) as error:
        raise TransportError(f"the SSH configuration {path} cannot be read ({error}); fix it") from None
    return config.lookup


def connect(endpoint: Endpoint, *, connect_s: float, login_s: float, stall_s: float) -> "list[paramiko.Transport]":
    """Connections that are logged in, hop by hop; the last one is the board's.

    Raises UnreachableError for what may pass, TransportError for a host key or a login that is refused.
    """
    chain: list[paramiko.Transport] = []
    try:
        for hop in (*endpoint.jumps, endpoint):
            sock = _through(chain[-1], hop, connect_s) if chain else _dial(hop, connect_s, stall_s)
            chain.append(_start(sock, hop, login_s))
            _log_in(chain[-1], hop)
            chain[-1].set_keepalive(KEEPALIVE_S)
    except BaseException:
        for transport in reversed(chain):
            transport.close()
        raise
    return chain


def _dial(hop: Endpoint, connect_s: float, stall_s: float) -> socket.socket:
    try:
        sock = socket.create_connection((hop.host, hop.port), timeout=connect_s)
    except socket.gaierror:
        raise UnreachableError(f"host {hop.host} not found; check its name, or use its IP address") from None
    except TimeoutError:
        raise UnreachableError(
            f"{hop.host} port {hop.port} did not answer within {connect_s:g} s; is the board on and in this network?"
        ) from None
    except OSError as error:
        raise UnreachableError(
            f"{hop.host} port {hop.port} cannot be reached ({error.strerror}); is its SSH server running?"
        ) from None
    # Data that nobody acknowledges would otherwise be held for many minutes.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stall_s * 1000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _through(last: "paramiko.Transport", hop: Endpoint, connect_s: float) -> "paramiko.Channel":
    import paramiko

    try:
        return last.open_channel("direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=connect_s)
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise UnreachableError(f"the jump host cannot reach {hop.host} port {hop.port} ({error})") from None


def _start(sock: "socket.socket | paramiko.Channel", hop: Endpoint, login_s: float) -> "paramiko.Transport":
    """Exchange keys and check the identity of the server."""
    import paramiko

    known = known_hosts.read(hop.host, hop.port, hop.known_hosts)
    try:
        transport = paramiko.Transport(sock)
    except BaseException:
        sock.close()
        raise
    try:
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = login_s
        # The server picks by our order: a type that is known first, else it might show another key of its own.
        known_types = {key.key_type for key in known.trusted}
        options = transport.get_security_options()
        options.key_types = tuple(sorted(options.key_types, key=lambda name: _key_type(name) not in known_types))
        transport.start_client(timeout=login_s)
        key = transport.get_remote_server_key()
        check_host_key(key.get_name(), key.asbytes(), known, hop)
    except paramiko.ssh_exception.IncompatiblePeer as error:
        transport.close()
        raise TransportError(f"no common SSH algorithm with {hop.name} ({error}); update its SSH server") from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        transport.close()
        raise UnreachableError(
            f"{hop.host} port {hop.port} closed the connection in the SSH handshake ({error or type(error).__name__})"
        ) from None
    except BaseException:
        transport.close()
        raise
    return transport


def _key_type(algorithm: str) -> str:
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def check_host_key(key_type: str, blob: bytes, known: KnownKeys, hop: Endpoint) -> None:
    """Raises TransportError, with the next step, unless exactly this key is known for this host."""
    shown = f"{key_type} {known_hosts.fingerprint(blob)}"
    name = known_hosts.known_name(hop.host, hop.port)
    if blob in known.revoked:
        raise TransportError(f"the host key of {name} ({shown}) is marked @revoked; do not use this host")
    if any(key.blob == blob for key in known.trusted):
        return
    kind = next((kind for kind in ("ed25519", "ecdsa") if kind in key_type), "rsa")
    scan = f"ssh-keyscan -p {hop.port} -t {kind} {hop.host}"
    if known.trusted:
        other = known.trusted[0]
        file = shlex.quote(str(other.file))
        raise TransportError(
            f"the host key of {name} has CHANGED: it is {shown}, but {other.file} line {other.line} has "
            f"{other.key_type} {known_hosts.fingerprint(other.blob)}. This may be an attack. "
            f"If the board was reinstalled: `ssh-keygen -f {file} -R '{name}'`, then `{scan} >> {file}`, "
            "and compare the fingerprint"
        )
    note = " (host certificates cannot be checked here, so its @cert-authority line does not help)"
    raise TransportError(
        f"the host key of {name} is unknown{note if known.has_authority else ''}: it is {shown}. Compare it with "
        f"`ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub` on the board; if they match, "
        f"`{scan} >> {shlex.quote(str(hop.known_hosts[0]))}` adds it"
    )


def _log_in(transport: "paramiko.Transport", hop: Endpoint) -> None:
    """Try the key files, then the keys of ssh-agent. Passwords are never asked for."""
    import paramiko

    locked: list[Path] = []
    unreadable: list[str] = []
    tried = 0
    for key in _keys(hop, locked, unreadable):
        try:
            tried += 1
            if not transport.auth_publickey(hop.user, key):
                return
        except paramiko.BadAuthenticationType as error:
            raise TransportError(
                f"{hop.name} accepts no keys (only {', '.join(error.allowed_types)}); enable them in its SSH server"
            ) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            if transport.is_active():
                continue
            # A server hangs up after too many wrong keys; before that, a hang-up is a lost connection.
            if tried < FEWEST_TRIES:
                raise UnreachableError(f"{hop.name} closed the connection during the login ({error})") from None
            break
    copy = f"copy yours there with `ssh-copy-id -p {hop.port} {hop.user}@{hop.host}`"
    if locked:
        raise TransportError(
            f"{hop.name} refused the login, and the key {locked[0]} is encrypted; unlock it for ssh-agent with "
            f"`ssh-add {shlex.quote(str(locked[0]))}`, then try again"
        )
    if unreadable:
        raise TransportError(
            f"{hop.name} refused the login, and the key file {unreadable[0]}; choose another with --identity"
        )
    if not tried:
        raise TransportError(f"no SSH key to log in to {hop.name}; create one with `ssh-keygen`, then {copy}")
    raise TransportError(
        f"{hop.name} refused the login with {tried} key{'s' if tried > 1 else ''}; choose another with "
        f"--identity, check the user name, or {copy}"
    )


def _keys(hop: Endpoint, locked: list[Path], unreadable: list[str]) -> "Iterator[paramiko.PKey]":
    """The keys to try, in order; encrypted and unreadable files are noted and passed over, as OpenSSH does."""
    import paramiko

    for path in hop.identities:
        try:
            yield paramiko.PKey.from_path(path)
        except TypeError:  # how cryptography says "password-protected"
            locked.append(path)
        except (OSError, ValueError, paramiko.SSHException) as error:
            unreadable.append(f"{path} cannot be read ({error})")
    if hop.use_agent:
        with suppress(paramiko.SSHException):
            agent = paramiko.Agent()
            try:
                yield from agent.get_keys()
            finally:
                agent.close()
