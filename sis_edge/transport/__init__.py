"""Ways to a board: SSH, or this machine itself."""

from pathlib import Path

from sis_edge.transport.base import Completed, Progress, Transport, UnreachableError
from sis_edge.transport.local import LocalTransport

__all__ = ["Completed", "LocalTransport", "Progress", "Transport", "UnreachableError", "connect"]


def connect(
    host: str | None = None,
    *,
    user: str | None = None,
    port: int | None = None,
    identity: Path | None = None,
    known_hosts: Path | None = None,
    local_root: Path | None = None,
) -> Transport:
    """The transport to `host`, or to this machine where `host` is None. The first call makes the connection.

    `host` may be a name of ~/.ssh/config; arguments override its settings. `identity` is a key file, `known_hosts` one
    more file of known host keys.
    """
    if host is None:
        return LocalTransport(local_root)
    from sis_edge.transport.ssh import SshTransport

    return SshTransport(host, user=user, port=port, identity=identity, known_hosts=known_hosts)
