"""How a command reaches a board: the options of SSH, and what they mean."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sis_edge.cli import options
from sis_edge.cli.command import gathered
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.transport import Transport


def connection(
    host: options.Host = None,
    port: options.Port = None,
    user: options.User = None,
    identity: options.Identity = None,
    known_hosts: options.KnownHosts = None,
) -> "Callable[[], Transport]":
    """What connects to the board; raises UsageError for options of SSH without a host."""
    from sis_edge.transport import connect

    of_ssh = {"--port": port, "--user": user, "--identity": identity, "--known-hosts": known_hosts}
    if host is None and (alone := [option for option, value in of_ssh.items() if value is not None]):
        raise UsageError(f"{alone[0]} is for SSH; name the board with --host")
    return partial(connect, host, user=user, port=port, identity=identity, known_hosts=known_hosts)


board = gathered("connect", connection)
"""Gives a command these options; what connects goes to its parameter `connect`."""
