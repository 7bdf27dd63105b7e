"""From an endpoint to a connection: socket, jump hosts, host key, login."""

import logging
import os
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sis_edge.errors import SisEdgeError, TransportError
from sis_edge.text.foreign import printable
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.ssh import known_hosts
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.keys import PassedOver, offered
from sis_edge.transport.ssh.known_hosts import KnownKeys

if TYPE_CHECKING:
    import paramiko

KEEPALIVE_S = 5

# OpenSSH lets a client try six keys (MaxAuthTries); boards that are set up strictly, three.
FEWEST_TRIES = 3

# paramiko reports a lost connection on its logger as well; without a handler Python would print that.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def connect(endpoint: Endpoint, *, connect_s: float, login_s: float, stall_s: float) -> "list[paramiko.Transport]":
    """Connections that are logged in, hop by hop; the last one is the board's.

    Raises UnreachableError for what may pass, TransportError for a host key or a login that is refused.
    """
    chain: list[paramiko.Transport] = []
    try:
        for hop in (*endpoint.jumps, endpoint):
            sock = _through(chain[-1], hop, connect_s) if chain else _dial(hop, connect_s, stall_s)
            chain.append(_start(sock, hop, login_s))
            _log_in(chain[-1], hop, login_s)
            chain[-1].set_keepalive(KEEPALIVE_S)
    except BaseException:
        for transport in reversed(chain):
            transport.close()
        raise
    return chain


def _dial(hop: Endpoint, connect_s: float, stall_s: float) -> socket.socket:
    try:
        sock = socket.create_connection((hop.host, hop.port), timeout=connect_s)
    except (socket.gaierror, UnicodeError):
        zone = (
            f", and that this machine has the network interface {hop.host.partition('%')[2]}" if "%" in hop.host else ""
        )
        raise UnreachableError(f"host {hop.host} not found; check its name{zone}, or use its IP address") from None
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
    try:
        return last.open_channel("direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=connect_s)
    except Exception as error:
        raise UnreachableError(f"the jump host cannot reach {hop.host} port {hop.port} ({words(error)})") from None


def _start(sock: "socket.socket | paramiko.Channel", hop: Endpoint, login_s: float) -> "paramiko.Transport":
    """Exchange keys and check the identity of the server."""
    import paramiko

    known = known_hosts.read(_known_name(hop), hop.known_hosts)
    try:
        transport = paramiko.Transport(sock)
    except BaseException:
        sock.close()
        raise
    try:
        transport.banner_timeout = transport.handshake_timeout = login_s
        # ssh-agent may wait for its user; a key is given up before the login is.
        transport.auth_timeout = 2 * login_s
        # The server picks by our order: a type that is known first, else it might show another key of its own.
        known_types = {key.key_type for key in known.trusted}
        options = transport.get_security_options()
        options.key_types = tuple(sorted(options.key_types, key=lambda name: _key_type(name) not in known_types))
        transport.start_client(timeout=login_s)
        key = transport.get_remote_server_key()
        check_host_key(key.get_name(), key.asbytes(), known, hop)
    except SisEdgeError:
        transport.close()
        raise
    except paramiko.ssh_exception.IncompatiblePeer as error:
        transport.close()
        raise TransportError(
            f"no common SSH algorithm with {hop.name} ({words(error)}); update its SSH server"
        ) from None
    except Exception as error:  # paramiko's thread passes on whatever it met in what the server sent
        transport.close()
        raise UnreachableError(
            f"{hop.host} port {hop.port} closed the connection in the SSH handshake ({words(error)})"
        ) from None
    except BaseException:
        transport.close()
        raise
    return transport


def words(error: BaseException) -> str:
    """What an error says, for a message: also where it is about bytes that the server sent and that are not UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return printable(error.object.decode("utf-8", errors="replace"))[-200:]
    return printable((isinstance(error, OSError) and error.strerror) or str(error)) or type(error).__name__


def _known_name(hop: Endpoint) -> str:
    return hop.host_key_alias or known_hosts.known_name(hop.host, hop.port)


def _key_type(algorithm: str) -> str:
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def check_host_key(key_type: str, blob: bytes, known: KnownKeys, hop: Endpoint) -> None:
    """Raises TransportError, with the next step, unless exactly this key is known for this host."""
    shown = f"{key_type} {known_hosts.fingerprint(blob)}"
    name = _known_name(hop)
    if blob in known.revoked:
        raise TransportError(f"the host key of {name} ({shown}) is marked @revoked; do not use this host")
    if any(key.blob == blob for key in known.trusted):
        return
    kind = next((kind for kind in ("ed25519", "ecdsa") if kind in key_type), "rsa")
    scan = f"ssh-keyscan -p {hop.port} -t {kind} {hop.host}"
    if hop.host_key_alias:
        scan += f" | sed {shlex.quote(f's/^[^ ]*/{hop.host_key_alias}/')}"
    if known.trusted:
        other = known.trusted[0]
        changed = shlex.quote(str(other.file))
        raise TransportError(
            f"the host key of {name} has CHANGED: it is {shown}, but {other.file} line {other.line} has "
            f"{other.key_type} {known_hosts.fingerprint(other.blob)}. This may be an attack. "
            f"If the board was reinstalled: `ssh-keygen -f {changed} -R '{name}'`, then `{scan} >> {changed}`, "
            "and compare the fingerprint"
        )
    file = next((path for path in hop.known_hosts if str(path) != os.devnull), Path("~/.ssh/known_hosts"))
    note = " (host certificates cannot be checked here, so its @cert-authority line does not help)"
    raise TransportError(
        f"the host key of {name} is unknown{note if known.has_authority else ''}: it is {shown}. Compare it with "
        f"`ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub` on the board; if they match, "
        f"`{scan} >> {shlex.quote(str(file))}` adds it"
    )


def _log_in(transport: "paramiko.Transport", hop: Endpoint, login_s: float) -> None:
    """Try the keys, one after the other. Passwords are never asked for."""
    import paramiko

    passed_over = PassedOver()
    tried = unsigned = 0
    for key in offered(hop, passed_over, login_s):
        try:
            tried += 1
            further = transport.auth_publickey(hop.user, cast(paramiko.PKey, key))
        except paramiko.BadAuthenticationType as error:
            raise TransportError(
                f"{hop.name} accepts no keys (only {', '.join(error.allowed_types)}); enable them in its SSH server"
            ) from None
        except Exception as error:  # paramiko's thread passes on whatever it met in what the server sent
            unsigned += not key.does_sign
            # A connection that breaks as the key is sent is known here before paramiko's own thread knows it.
            if transport.is_active() and not isinstance(error, (OSError, EOFError)):
                continue
            # A server hangs up after too many wrong keys; before that, a hang-up is a lost connection.
            if tried < FEWEST_TRIES:
                raise UnreachableError(f"{hop.name} closed the connection during the login ({words(error)})") from None
            break
        if not further:
            return
        raise TransportError(
            f"{hop.name} accepts the key and asks for {', '.join(further)} as well; sis-edge logs in by a key only"
        )
    raise _refused(hop, passed_over, tried, unsigned)


def _refused(hop: Endpoint, passed_over: PassedOver, tried: int, unsigned: int) -> TransportError:
    """The error of a login for which no key is left, with the step that is the likeliest."""
    copy = f"copy yours there with `ssh-copy-id -p {hop.port} {hop.user}@{hop.host}`"
    if passed_over.locked:
        locked = passed_over.locked[0]
        return TransportError(
            f"{hop.name} refused the login, and the key {locked} is encrypted; unlock it for ssh-agent with "
            f"`ssh-add {shlex.quote(str(locked))}`, then try again"
        )
    if passed_over.unusable:
        return TransportError(
            f"{hop.name} refused the login, and the key file {passed_over.unusable[0]}; choose another with --identity"
        )
    if not tried:
        public = [f"{path} has only the public half" for path in passed_over.public_only[:1]]
        hint = f" ({public[0]}, and ssh-agent does not have the private one)" if public else ""
        return TransportError(f"no SSH key to log in to {hop.name}{hint}; create one with `ssh-keygen`, then {copy}")
    silent = f" ({unsigned} of them did not sign: is the token plugged in?)" if unsigned else ""
    return TransportError(
        f"{hop.name} refused the login with {tried} key{'s' if tried > 1 else ''}{silent}; choose another with "
        f"--identity, check the user name, or {copy}"
    )
