"""Files of SSH keys and certificates: their public halves, and how their private halves sign."""

import base64
import binascii
import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sis_edge.text.foreign import printable
from sis_edge.transport.ssh.host_options import is_file
from sis_edge.transport.ssh.ssh_agent import CERTIFICATE, SshAgentError, string, take_string

Sign = Callable[[bytes, str], bytes]
"""The signature of data by an algorithm."""

_OPENSSH = b"openssh-key-v1\0"

# The public fields of each type of key: in a certificate they follow a nonce, and more follows them.
FIELDS = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
    "sk-ssh-ed25519@openssh.com": 2,
    "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}

_HEADINGS = {b"BEGIN RSA PRIVATE": "ssh-rsa", b"BEGIN EC PRIVATE": "ecdsa-", b"BEGIN DSA PRIVATE": "ssh-dss"}


class PublicHalf(NamedTuple):
    """A public key or a certificate, by the names under which paramiko looks for them."""

    key_type: str
    key_blob: bytes


class UnusableKeyError(Exception):
    """A key file without a private half that can be used here."""


class LockedKeyError(UnusableKeyError):
    """Its private half is encrypted."""


class PublicOnlyError(UnusableKeyError):
    """Its private half is elsewhere."""


def private(path: Path, passphrase: str | None = None) -> tuple[PublicHalf, Sign]:
    """A key file's public half and its signing; raises UnusableKeyError, also for a wrong passphrase."""
    import paramiko

    if not is_file(path) or public_file(path):
        raise PublicOnlyError
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableKeyError(f"cannot be read ({error.strerror})") from None
    kind = _kind(content)
    if kind.startswith("sk-"):
        raise UnusableKeyError(f"is of a security key; add it to ssh-agent with `ssh-add {shlex.quote(str(path))}`")
    if kind == "ssh-dss":
        raise UnusableKeyError("is a DSA key, which SSH servers no longer accept")
    readers: dict[str, type[paramiko.PKey]] = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}
    reader = paramiko.ECDSAKey if kind.startswith("ecdsa-") else readers.get(kind)
    try:
        if reader is None:
            raise ValueError(
                f"not an SSH private key; `ssh-keygen -p -f {shlex.quote(str(path))}` converts other kinds"
            )
        text = content.decode("utf-8", errors="replace")
        key = reader.from_private_key(io.StringIO(text), passphrase)
        public = PublicHalf(key.get_name(), key.asbytes())
    except paramiko.PasswordRequiredException:
        raise LockedKeyError from None
    except Exception as error:  # as many kinds as a file can be damaged in
        raise UnusableKeyError(f"cannot be read ({printable(str(error)) or type(error).__name__})") from None
    return public, lambda data, algorithm: key.sign_ssh_data(data, algorithm).asbytes()


def _kind(content: bytes) -> str:
    """The type of a private key, from its public half or from the heading of the older format."""
    if public := _openssh_public(content):
        return public.key_type
    return next((kind for heading, kind in _HEADINGS.items() if heading in content), "")


def public_half(path: Path) -> PublicHalf | None:
    """The public half of a key file, from itself or from the `.pub` beside it."""
    return public_file(path) or _openssh_public(_content(path)) or public_file(Path(f"{path}.pub"))


def public_file(path: Path) -> PublicHalf | None:
    """The key of a public file: `type base64 comment`."""
    words = _content(path).split(None, 2)
    if len(words) < 2:
        return None
    try:
        public = public_key(base64.b64decode(words[1], validate=True))
    except ValueError:
        return None
    return public if public and public.key_type.encode() == words[0] else None


def _openssh_public(content: bytes) -> PublicHalf | None:
    """The public half that OpenSSH's format keeps in the clear, also of an encrypted key."""
    body = b"".join(line for line in content.splitlines() if not line.startswith(b"-----"))
    try:
        data = base64.b64decode(body)
        if not data.startswith(_OPENSSH):
            return None
        rest = data[len(_OPENSSH) :]
        for _ in range(3):  # cipher, key derivation and its options
            rest = take_string(rest)[1]
        return public_key(take_string(rest[4:])[0])
    except (binascii.Error, SshAgentError):
        return None


def public_key(blob: bytes) -> PublicHalf | None:
    """The public key or certificate of these bytes; None where they are neither."""
    try:
        return PublicHalf(take_string(blob)[0].decode("ascii"), blob)
    except (SshAgentError, UnicodeDecodeError):
        return None


def certified_type(certificate_type: str) -> str | None:
    """The type of the key that a certificate of this type is for; None for a type that is unknown.

    >>> certified_type("ssh-ed25519-cert-v01@openssh.com"), certified_type("sk-ssh-ed25519-cert-v01@openssh.com")
    ('ssh-ed25519', 'sk-ssh-ed25519@openssh.com')
    """
    kind = certificate_type.removesuffix(CERTIFICATE)
    # The types of security keys carry the domain once.
    kind = f"{kind}@openssh.com" if kind.startswith("sk-") else kind
    return kind if kind in FIELDS and certificate_type.endswith(CERTIFICATE) else None


def certified(certificate: PublicHalf) -> bytes | None:
    """The blob of the key that a certificate is for."""
    kind = certified_type(certificate.key_type)
    if kind is None:
        return None
    try:
        rest = take_string(take_string(certificate.key_blob)[1])[1]
        blob = string(kind.encode())
        for _ in range(FIELDS[kind]):
            value, rest = take_string(rest)
            blob += string(value)
    except SshAgentError:
        return None
    return blob


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        return b""
