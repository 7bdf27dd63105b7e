"""paramiko's client, with our order of host keys."""

import socket

import paramiko

from sis_edge.transport.ssh.known_hosts import KnownKeys
from sis_edge.transport.ssh.ssh_agent import CERTIFICATE


class SshClient(paramiko.Transport):
    """One connection. The server picks its host key by our order: what can be checked goes first, since the server
    might show another key of its own."""

    def __init__(self, sock: "socket.socket | paramiko.Channel", known: KnownKeys) -> None:
        self._known_types = {key.key_type for key in known.trusted}
        self._has_authority = bool(known.authorities)
        super().__init__(sock)

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Certificates where an authority is known, then the types of known keys, then the others."""
        return tuple(sorted(super().preferred_keys, key=self._rank))

    def _rank(self, algorithm: str) -> int:
        if algorithm.endswith(CERTIFICATE):
            return 0 if self._has_authority else 3
        kind = "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm
        return 1 if kind in self._known_types else 2
