"""Keys and an ssh-agent of a test's own."""

import base64
import hashlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sis_edge.transport.ssh.ssh_agent import string, take_string

SK = "sk-ssh-ed25519@openssh.com"


def openssh_file(kind: str) -> str:
    """A private key file of a type that needs no true numbers here."""
    public = string(kind.encode()) + string(b"x" * 32) + string(b"ssh:")
    data = b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + struct.pack(">I", 1) + string(public) + string(b"")
    body = base64.b64encode(data).decode()
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"


class StandInAgent:
    """An ssh-agent of the test's own: for each public key a function that signs, or None for a key that does not."""

    def __init__(self, path: Path, keys: list[tuple[bytes, Callable[[bytes], bytes] | None]]) -> None:
        self._keys = keys
        self.asked: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                with sock:
                    request = sock.recv(1 << 16)[4:]
                    sock.sendall(string(self._answer(request)))

    def _answer(self, request: bytes) -> bytes:
        if request[0] == 11:
            listed = b"".join(string(blob) + string(b"Schl\xfcssel") for blob, _ in self._keys)
            return struct.pack(">BI", 12, len(self._keys)) + listed
        blob, rest = take_string(request[1:])
        self.asked.append(blob)
        sign = dict(self._keys)[blob]
        return b"\x05" if sign is None else b"\x0e" + string(sign(take_string(rest)[0]))


@contextmanager
def stand_in(path: Path, *keys: tuple[bytes, Callable[[bytes], bytes] | None]) -> Iterator[StandInAgent]:
    """Such an agent, until the block ends."""
    agent = StandInAgent(path, list(keys))
    yield agent
    agent.close()


def signing(path: Path) -> tuple[bytes, Callable[[bytes], bytes]]:
    """A key that the stand-in signs with."""
    key = paramiko.PKey.from_path(path)
    return key.asbytes(), lambda data: key.sign_ssh_data(data).asbytes()


def public_blob(path: Path) -> bytes:
    """The public half of a key file, from the file beside it."""
    return base64.b64decode(Path(f"{path}.pub").read_text().split()[1])


def security_key() -> tuple[bytes, Callable[[bytes], bytes]]:
    """A security key in software, as its agent has it: its public half and its signing (OpenSSH's PROTOCOL.u2f)."""
    key = Ed25519PrivateKey.generate()
    application = b"ssh:"
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    touched, count = b"\x01", b"\0\0\0\7"

    def sign(data: bytes) -> bytes:
        signed = hashlib.sha256(application).digest() + touched + count + hashlib.sha256(data).digest()
        return string(SK.encode()) + string(key.sign(signed)) + touched + count

    return string(SK.encode()) + string(raw) + string(application), sign
