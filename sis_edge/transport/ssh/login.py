"""From an endpoint to a connection: socket, jump hosts, host key, login."""

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from sis_edge.errors import SisEdgeError, TransportError
from sis_edge.transport import mdns
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.credentials import Credentials
from sis_edge.transport.ssh import host_key
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.error_words import words as words  # for transport.py, too
from sis_edge.transport.ssh.host_key import ShownKey
from sis_edge.transport.ssh.proxy_command import CommandSocket

if TYPE_CHECKING:
    import paramiko

KEEPALIVE_S = 5

# paramiko reports a lost connection on its logger as well; without a handler Python would print that.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def connect(
    endpoint: Endpoint, credentials: Credentials, *, connect_s: float, login_s: float, stall_s: float
) -> "list[paramiko.Transport]":
    """Connections that are logged in, hop by hop; the last one is the board's.

    Raises UnreachableError for what may pass, TransportError for a host key or a login that is refused.
    """
    from sis_edge.transport.ssh.user_login import log_in

    chain: list[paramiko.Transport] = []
    try:
        for hop in (*endpoint.jumps, endpoint):
            sock = _through(chain[-1], hop, connect_s) if chain else _first(hop, connect_s, stall_s)
            is_direct = not chain and not hop.proxy_command
            chain.append(_start(sock, hop, login_s, credentials.say, is_direct=is_direct))
            log_in(chain[-1], hop, login_s, credentials, is_board=hop is endpoint)
            chain[-1].set_keepalive(KEEPALIVE_S)
    except BaseException:
        for transport in reversed(chain):
            transport.close()
        raise
    return chain


def _first(hop: Endpoint, connect_s: float, stall_s: float) -> socket.socket:
    """The way to the first hop: its ProxyCommand, else a TCP connection."""
    return CommandSocket(hop.proxy_command) if hop.proxy_command else _dial(hop, connect_s, stall_s)


def _dial(hop: Endpoint, connect_s: float, stall_s: float) -> socket.socket:
    try:
        sock = _opened(hop, hop.host, connect_s)
    except (socket.gaierror, UnicodeError):
        if not mdns.is_name(hop.host):
            zone = (
                f", and that this machine has the network interface {hop.host.partition('%')[2]}"
                if "%" in hop.host
                else ""
            )
            raise UnreachableError(f"host {hop.host} not found; check its name{zone}, or use its IP address") from None
        sock = _opened(hop, mdns.address(hop.host, connect_s), connect_s)
    # Data that nobody acknowledges would otherwise be held for many minutes.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stall_s * 1000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _opened(hop: Endpoint, address: str, connect_s: float) -> socket.socket:
    try:
        return socket.create_connection((address, hop.port), timeout=connect_s)
    except (socket.gaierror, UnicodeError):
        raise
    except TimeoutError:
        raise UnreachableError(
            f"{hop.host} port {hop.port} did not answer within {connect_s:g} s; is the board on and in this network?"
        ) from None
    except OSError as error:
        raise UnreachableError(
            f"{hop.host} port {hop.port} cannot be reached ({error.strerror}); is its SSH server running?"
        ) from None


def _through(last: "paramiko.Transport", hop: Endpoint, connect_s: float) -> "paramiko.Channel":
    try:
        return last.open_channel("direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=connect_s)
    except Exception as error:
        raise UnreachableError(f"the jump host cannot reach {hop.host} port {hop.port} ({words(error)})") from None


def _start(
    sock: "socket.socket | paramiko.Channel", hop: Endpoint, login_s: float, say: Callable[[str], None], is_direct: bool
) -> "paramiko.Transport":
    """Exchange keys and check the identity of the server."""
    import paramiko

    from sis_edge.transport.ssh.client import SshClient

    known = host_key.read_known(hop)
    try:
        transport = SshClient(sock, known)
    except BaseException:
        sock.close()
        raise
    try:
        transport.banner_timeout = transport.handshake_timeout = login_s
        # ssh-agent may wait for its user; a key is given up before the login is.
        transport.auth_timeout = 2 * login_s
        options = transport.get_security_options()
        # One pass over the data in place of a cipher's and a hash's: AES-GCM is the quickest that paramiko has.
        options.ciphers = tuple(sorted(options.ciphers, key=lambda name: "gcm" not in name))
        transport.start_client(timeout=login_s)
        key = transport.get_remote_server_key()
        certificate = key.public_blob.key_blob if key.public_blob else None
        shown = ShownKey(key.get_name(), key.asbytes(), certificate)
        host_key.check(shown, known, hop, say, is_direct=is_direct)
    except SisEdgeError:
        transport.close()
        raise
    except paramiko.ssh_exception.IncompatiblePeer as error:
        transport.close()
        raise TransportError(
            f"no common SSH algorithm with {hop.name} ({words(error)}); update its SSH server"
        ) from None
    except Exception as error:  # paramiko's thread passes on whatever it met in what the server sent
        said = sock.said() if isinstance(sock, CommandSocket) else ""
        transport.close()
        raise UnreachableError(
            f"{hop.host} port {hop.port} closed the connection in the SSH handshake ({words(error)})"
            f"{f'; its ProxyCommand says: {said}' if said else ''}"
        ) from None
    except BaseException:
        transport.close()
        raise
    return transport
