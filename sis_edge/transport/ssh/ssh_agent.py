"""ssh-agent: its keys and its signatures (draft-miller-ssh-agent).

Our own client, since paramiko's knows one socket only and ends the connection where a key does not sign.
"""

import socket
import struct
from typing import NamedTuple

REQUEST_IDENTITIES, IDENTITIES_ANSWER, SIGN_REQUEST, SIGN_RESPONSE = 11, 12, 13, 14
LONGEST_ANSWER_BYTES = 1 << 20

_RSA_FLAGS = {"rsa-sha2-256": 2, "rsa-sha2-512": 4}
CERTIFICATE = "-cert-v01@openssh.com"


class SshAgentError(Exception):
    """The agent cannot be reached, answers nonsense, or does not sign with this key."""


class AgentIdentity(NamedTuple):
    """A public key that the agent has the private half of."""

    blob: bytes
    comment: str


class SshAgent:
    """The agent behind a socket; each question is a connection of its own."""

    def __init__(self, path: str, timeout_s: float) -> None:
        self._path, self._timeout_s = path, timeout_s

    def identities(self) -> list[AgentIdentity]:
        """The agent's keys in its order."""
        kind, answer = self._ask(struct.pack(">B", REQUEST_IDENTITIES))
        if kind != IDENTITIES_ANSWER:
            raise SshAgentError(f"ssh-agent does not list its keys (answer {kind})")
        count, rest = answer[:4], answer[4:]
        found: list[AgentIdentity] = []
        for _ in range(int.from_bytes(count, "big")):
            blob, rest = take_string(rest)
            comment, rest = take_string(rest)
            found.append(AgentIdentity(blob, comment.decode("utf-8", errors="replace")))
        return found

    def sign(self, blob: bytes, data: bytes, algorithm: str) -> bytes:
        """The signature of the data by one of its keys."""
        flags = _RSA_FLAGS.get(algorithm.removesuffix(CERTIFICATE), 0)
        request = struct.pack(">B", SIGN_REQUEST) + string(blob) + string(data) + struct.pack(">I", flags)
        kind, answer = self._ask(request)
        if kind != SIGN_RESPONSE:
            raise SshAgentError("ssh-agent does not sign with this key")
        return take_string(answer)[0]

    def _ask(self, request: bytes) -> tuple[int, bytes]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(self._timeout_s)
                sock.connect(self._path)
                sock.sendall(string(request))
                answer = _receive(sock, int.from_bytes(_receive(sock, 4), "big"))
        except (OSError, ValueError) as error:
            raise SshAgentError(f"ssh-agent does not answer ({error})") from None
        if not answer:
            raise SshAgentError("ssh-agent sends an empty answer")
        return answer[0], answer[1:]


def string(data: bytes) -> bytes:
    """The data behind its length, as SSH writes it (RFC 4251)."""
    return struct.pack(">I", len(data)) + data


def take_string(data: bytes) -> tuple[bytes, bytes]:
    """The first string of the data, and the rest; raises SshAgentError where it is cut off.

    >>> take_string(string(b"ab") + b"c")
    (b'ab', b'c')
    """
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < max(end, 4):
        raise SshAgentError("a string of SSH's is cut off")
    return data[4:end], data[end:]


def _receive(sock: socket.socket, size_bytes: int) -> bytes:
    if size_bytes > LONGEST_ANSWER_BYTES:
        raise SshAgentError("ssh-agent's answer is not one")
    pieces: list[bytes] = []
    while size_bytes:
        piece = sock.recv(size_bytes)
        if not piece:
            raise SshAgentError("ssh-agent hung up")
        pieces.append(piece)
        size_bytes -= len(piece)
    return b"".join(pieces)
