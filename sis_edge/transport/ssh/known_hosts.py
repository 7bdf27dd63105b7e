"""Known host keys, read and pinned as OpenSSH does it (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

Plain, hashed (`|1|salt|hash`) and wildcard names, `[host]:port`, negation, `@revoked` and `@cert-authority`.
"""

import base64
import errno
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sis_edge.files.disk import writing
from sis_edge.transport.ssh.host_options import DEFAULT_PORT
from sis_edge.transport.ssh.patterns import matches_list


@dataclass(frozen=True)
class HostKey:
    """The key of a host or of a certificate authority, and its line."""

    key_type: str
    blob: bytes
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.key_type} {fingerprint(self.blob)} ({self.file}:{self.line})"


@dataclass(frozen=True)
class KnownKeys:
    """The entries of one host: its keys, those that nobody may use, and those that sign its certificates."""

    trusted: tuple[HostKey, ...]
    revoked: frozenset[bytes]
    authorities: tuple[HostKey, ...]


def known_name(host: str, port: int) -> str:
    """A host's name in these files.

    >>> known_name("Nano.local", 22), known_name("127.0.0.1", 2222)
    ('nano.local', '[127.0.0.1]:2222')
    """
    return host.lower() if port == DEFAULT_PORT else f"[{host.lower()}]:{port}"


def fingerprint(blob: bytes) -> str:
    """A key's SHA-256 as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read(name: str, files: Iterable[Path], *, host: str = "") -> KnownKeys:
    """The entries of a name (see `known_name`) in all files; missing files and damaged lines are passed over.

    Authorities stand there for `host` as well, a name without its port.
    """
    trusted: list[HostKey] = []
    authorities: list[HostKey] = []
    revoked: set[bytes] = set()
    names = (name.lower(), host.lower())
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            words = line.split()
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) < 3 or words[0].startswith("#"):
                continue
            if not any(_matches(words[0], each) for each in (names if marker == "@cert-authority" else names[:1])):
                continue
            try:
                blob = base64.b64decode(words[2], validate=True)
            except ValueError:  # also of letters that are not ASCII
                continue
            key = HostKey(words[1], blob, file, number)
            if marker == "@revoked":
                revoked.add(blob)
            elif marker == "@cert-authority":
                authorities.append(key)
            elif not marker:
                trusted.append(key)
    return KnownKeys(
        tuple(key for key in trusted if key.blob not in revoked),
        frozenset(revoked),
        tuple(key for key in authorities if key.blob not in revoked),
    )


def pin(file: Path, name: str, key_type: str, blob: bytes, *, is_hashed: bool) -> None:
    """Append a key under a name (see `known_name`), in one write: others may read or append at the same time.

    A missing file, and its folder, are made for their owner only. Raises DiskError.
    """
    shown = _hashed(name) if is_hashed else name
    line = f"{shown} {key_type} {base64.b64encode(blob).decode()}\n".encode()
    with writing(file):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size_bytes = os.fstat(descriptor).st_size
            if size_bytes and os.pread(descriptor, 1, size_bytes - 1) != b"\n":
                line = b"\n" + line
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _hashed(name: str) -> str:
    salt = secrets.token_bytes(hashlib.sha1().digest_size)
    words = (base64.b64encode(part).decode() for part in (salt, hmac.digest(salt, name.encode(), "sha1")))
    return "|".join(["", "1", *words])


def _matches(names: str, name: str) -> bool:
    if names.startswith("|1|"):
        return _matches_hash(names, name)
    return matches_list(names.lower(), name)


def _matches_hash(names: str, name: str) -> bool:
    try:
        _, _, salt, digest = names.split("|")
        key, expected = base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(key, name.encode(errors="replace"), "sha1"), expected)
