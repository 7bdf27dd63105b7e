"""The keys to log in with, in their order: key files, their certificates, and what ssh-agent signs with."""

import base64
import binascii
import io
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sis_edge.text.foreign import printable
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.host_options import is_file
from sis_edge.transport.ssh.ssh_agent import CERTIFICATE, SshAgent, SshAgentError, string, take_string

Sign = Callable[[bytes, str], bytes]
"""The signature of data by an algorithm."""

_OPENSSH = b"openssh-key-v1\0"

# The public fields of each type of key: in a certificate they follow a nonce, and more follows them.
_FIELDS = {
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


class OfferedKey:
    """A key as paramiko's login takes it. One that does not sign is a key that the server refuses, no more."""

    def __init__(self, public: PublicHalf, sign: Sign) -> None:
        self.public_blob = public
        self.does_sign = True
        self._sign = sign

    def get_name(self) -> str:
        """The type of the key."""
        return self.public_blob.key_type

    def asbytes(self) -> bytes:
        """Its public half."""
        return self.public_blob.key_blob

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> bytes:
        """The signature, or none: an error here would end paramiko's connection."""
        try:
            return self._sign(data, algorithm or self.get_name())
        except Exception:
            self.does_sign = False
            return b""


@dataclass
class PassedOver:
    """The key files that could not be used: encrypted ones, those without a private half, sentences on the others."""

    locked: list[Path] = field(default_factory=list)
    public_only: list[Path] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)


def offered(hop: Endpoint, passed_over: PassedOver, agent_s: float) -> Iterator[OfferedKey]:
    """The keys to try. Those that are named go first, as files or in ssh-agent; certificates before their keys."""
    agent = SshAgent(hop.agent, agent_s) if hop.agent else None
    in_agent = _agent_keys(agent)
    named: list[tuple[Path, PublicHalf, Sign]] = []
    for path in hop.identities:
        public = _public_half(path)
        try:
            named.append((path, *_private(path)))
        except _UnusableKeyError as error:
            if public and public.key_blob in in_agent:
                named.append((path, public, in_agent[public.key_blob]))
            elif isinstance(error, _LockedKeyError):
                passed_over.locked.append(path)
            elif isinstance(error, _PublicOnlyError):
                passed_over.public_only.append(path)
            else:
                passed_over.unusable.append(f"{printable(str(path))} {error}")
    signers = {**in_agent, **{public.key_blob: sign for _, public, sign in named}}
    for path in hop.certificates:
        certificate = _public_file(path)
        if certificate and (sign := signers.get(_certified(certificate) or b"")):
            yield OfferedKey(certificate, sign)
    for path, public, sign in named:
        certificate = _public_file(Path(f"{path}-cert.pub"))
        if certificate and _certified(certificate) == public.key_blob:
            yield OfferedKey(certificate, sign)
        yield OfferedKey(public, sign)
    done = {public.key_blob for _, public, _ in named}
    for blob, sign in in_agent.items():
        if blob not in done and not hop.identities_only and (public := _public(blob)):
            yield OfferedKey(public, sign)


class _UnusableKeyError(Exception):
    """A key file without a private half that can be used here."""


class _LockedKeyError(_UnusableKeyError):
    """Its private half is encrypted."""


class _PublicOnlyError(_UnusableKeyError):
    """Its private half is elsewhere."""


def _agent_keys(agent: SshAgent | None) -> dict[bytes, Sign]:
    """Each of the agent's keys with its signing; none where it does not answer."""
    if agent is None:
        return {}
    try:
        return {identity.blob: partial(agent.sign, identity.blob) for identity in agent.identities()}
    except SshAgentError:
        return {}


def _private(path: Path) -> tuple[PublicHalf, Sign]:
    """A key file's public half and its signing; raises _UnusableKeyError."""
    import paramiko

    if not is_file(path) or _public_file(path):
        raise _PublicOnlyError
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _UnusableKeyError(f"cannot be read ({error.strerror})") from None
    kind = _kind(content)
    if kind.startswith("sk-"):
        raise _UnusableKeyError(f"is of a security key; add it to ssh-agent with `ssh-add {shlex.quote(str(path))}`")
    if kind == "ssh-dss":
        raise _UnusableKeyError("is a DSA key, which SSH servers no longer accept")
    readers: dict[str, type[paramiko.PKey]] = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}
    reader = paramiko.ECDSAKey if kind.startswith("ecdsa-") else readers.get(kind)
    try:
        if reader is None:
            raise ValueError(
                f"not an SSH private key; `ssh-keygen -p -f {shlex.quote(str(path))}` converts other kinds"
            )
        text = content.decode("utf-8", errors="replace")
        key = reader.from_private_key(io.StringIO(text))
        public = PublicHalf(key.get_name(), key.asbytes())
    except paramiko.PasswordRequiredException:
        raise _LockedKeyError from None
    except Exception as error:  # as many kinds as a file can be damaged in
        raise _UnusableKeyError(f"cannot be read ({printable(str(error)) or type(error).__name__})") from None
    return public, lambda data, algorithm: key.sign_ssh_data(data, algorithm).asbytes()


def _kind(content: bytes) -> str:
    """The type of a private key, from its public half or from the heading of the older format."""
    if public := _openssh_public(content):
        return public.key_type
    return next((kind for heading, kind in _HEADINGS.items() if heading in content), "")


def _public_half(path: Path) -> PublicHalf | None:
    """The public half of a key file, from itself or from the `.pub` beside it."""
    return _public_file(path) or _openssh_public(_content(path)) or _public_file(Path(f"{path}.pub"))


def _public_file(path: Path) -> PublicHalf | None:
    """The key of a public file: `type base64 comment`."""
    words = _content(path).split(None, 2)
    if len(words) < 2:
        return None
    try:
        public = _public(base64.b64decode(words[1], validate=True))
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
        return _public(take_string(rest[4:])[0])
    except (binascii.Error, SshAgentError):
        return None


def _public(blob: bytes) -> PublicHalf | None:
    try:
        return PublicHalf(take_string(blob)[0].decode("ascii"), blob)
    except (SshAgentError, UnicodeDecodeError):
        return None


def _certified(certificate: PublicHalf) -> bytes | None:
    """The blob of the key that a certificate is for."""
    kind = certificate.key_type.removesuffix(CERTIFICATE)
    # The types of security keys carry the domain once: sk-ssh-ed25519-cert-v01@openssh.com.
    kind = f"{kind}@openssh.com" if kind.startswith("sk-") else kind
    if kind not in _FIELDS or not certificate.key_type.endswith(CERTIFICATE):
        return None
    try:
        rest = take_string(take_string(certificate.key_blob)[1])[1]
        blob = string(kind.encode())
        for _ in range(_FIELDS[kind]):
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
