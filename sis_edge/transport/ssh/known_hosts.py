"""Known host keys, read as OpenSSH reads them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

Plain, hashed (`|1|salt|hash`) and wildcard names, `[host]:port`, negation, `@revoked`. Lines with
`@cert-authority` are only noted: host certificates cannot be checked here, and such a line must not hide the others.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sis_edge.transport.ssh.host_options import DEFAULT_PORT
from sis_edge.transport.ssh.patterns import matches_list


@dataclass(frozen=True)
class HostKey:
    """One trusted or revoked key, and its line."""

    key_type: str
    blob: bytes
    file: Path
    line: int


@dataclass(frozen=True)
class KnownKeys:
    """The entries of one host; `has_authority`: a certificate authority is named for it."""

    trusted: tuple[HostKey, ...]
    revoked: frozenset[bytes]
    has_authority: bool


def known_name(host: str, port: int) -> str:
    """A host's name in these files.

    >>> known_name("Nano.local", 22), known_name("127.0.0.1", 2222)
    ('nano.local', '[127.0.0.1]:2222')
    """
    return host.lower() if port == DEFAULT_PORT else f"[{host.lower()}]:{port}"


def fingerprint(blob: bytes) -> str:
    """A key's SHA-256 as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read(name: str, files: Iterable[Path]) -> KnownKeys:
    """The entries of a name (see `known_name`) in all files; missing files and damaged lines are passed over."""
    name = name.lower()
    trusted: list[HostKey] = []
    revoked: set[bytes] = set()
    has_authority = False
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            words = line.split()
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) < 3 or words[0].startswith("#") or not _matches(words[0], name):
                continue
            try:
                blob = base64.b64decode(words[2], validate=True)
            except ValueError:  # also of letters that are not ASCII
                continue
            if marker == "@revoked":
                revoked.add(blob)
            elif marker == "@cert-authority":
                has_authority = True
            elif not marker:
                trusted.append(HostKey(words[1], blob, file, number))
    return KnownKeys(tuple(key for key in trusted if key.blob not in revoked), frozenset(revoked), has_authority)


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
