"""Boards over SSH. The only folder that imports paramiko, and only when it connects."""

from sis_edge.transport.ssh.transport import SshTransport

__all__ = ["SshTransport"]
