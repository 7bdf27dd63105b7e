"""Ways to a board: SSH, or this machine itself."""

from pathlib import Path

from sis_edge.transport.base import Completed, Progress, Transport, UnreachableError
from sis_edge.transport.credentials import Credentials
from sis_edge.transport.local import LocalTransport

__all__ = ["Completed", "Credentials", "LocalTransport", "Progress", "Transport", "UnreachableError", "connect"]


def connect(
    host: str | None = None,
    *,
    user: str | None = None,
    port: int | None = None,
    identity: Path | None = None,
    known_hosts: Path | None = None,
    trust_on_first_use: bool = False,
    credentials: Credentials | None = None,
    local_root: Path | None = None,
) -> Transport:
    """The transport to `host`, or to this machine where `host` is None. The first call makes the connection.

    `host` may be a name of ~/.ssh/config; arguments override its settings. `identity` is a key file, `known_hosts` one
    more file of known host keys. `trust_on_first_use` adds the key of a host that is not known yet to it, or to
    ~/.ssh/known_hosts. Passwords and passphrases come from `credentials`; without them only keys log in.
    """
    if host is None:
        return LocalTransport(local_root)
    from sis_edge.transport.ssh import SshTransport

    return SshTransport(
        host,
        user=user,
        port=port,
        identity=identity,
        known_hosts=known_hosts,
        trust_on_first_use=trust_on_first_use,
        credentials=credentials,
    )
