"""The keys to log in with, in their order: key files, their certificates, and what ssh-agent signs with."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sis_edge.text.foreign import printable
from sis_edge.transport.credentials import Credentials
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.host_certificate import why_not_now
from sis_edge.transport.ssh.key_files import (
    LockedKeyError,
    PublicHalf,
    PublicOnlyError,
    Sign,
    UnusableKeyError,
    certified,
    private,
    public_file,
    public_half,
    public_key,
)
from sis_edge.transport.ssh.ssh_agent import SshAgent, SshAgentError


class OfferedKey:
    """A key as paramiko's login takes it. One that does not sign is a key that the server refuses, no more.

    `locked` is set where its file is encrypted: then it does not sign before that is unlocked.
    """

    def __init__(self, public: PublicHalf, sign: Sign, locked: "LockedKey | None" = None) -> None:
        self.public_blob = public
        self.locked = locked
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
    """The key files that could not be used: encrypted ones, those that no passphrase opened, those without a private
    half, sentences on the others. `certificates` are sentences on those that do not count now, and are tried anyway."""

    locked: list[Path] = field(default_factory=list)
    shut: list[Path] = field(default_factory=list)
    public_only: list[Path] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)

    def note(self, path: Path, certificate: PublicHalf) -> PublicHalf:
        """The certificate of this file, once what may be wrong with it is noted."""
        if reason := why_not_now(certificate.key_blob):
            self.certificates.append(f"{printable(str(path))} {reason}")
        return certificate


class LockedKey:
    """An encrypted key file; its passphrase is asked for once, and only when a server would take the key."""

    def __init__(self, path: Path, credentials: Credentials, passed_over: PassedOver) -> None:
        self._path, self._credentials, self._passed_over = path, credentials, passed_over
        self._opened: tuple[PublicHalf, Sign] | None = None

    @property
    def public(self) -> PublicHalf:
        """The public half of the opened key."""
        assert self._opened is not None
        return self._opened[0]

    def unlock(self) -> bool:
        """Whether a passphrase opens it; raises UsageError for a file descriptor that holds none."""
        if self._opened is None:
            self._opened = self._credentials.opened(self._path, self._open_by)
            if self._opened is None and self._path not in self._passed_over.shut:
                self._passed_over.shut.append(self._path)
        return self._opened is not None

    def _open_by(self, passphrase: str) -> tuple[PublicHalf, Sign] | None:
        try:
            return private(self._path, passphrase)
        except UnusableKeyError:
            return None

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """The signature of an opened key."""
        assert self._opened is not None
        return self._opened[1](data, algorithm)


class _NamedKey(NamedTuple):
    """A key of a file that is named or usual; the file has the private half, or ssh-agent does."""

    path: Path
    public: PublicHalf
    sign: Sign
    locked: LockedKey | None = None


def offered(
    hop: Endpoint, passed_over: PassedOver, agent_s: float, credentials: Credentials | None = None
) -> Iterator[OfferedKey]:
    """The keys to try. Those that are named go first, as files or in ssh-agent; certificates before their keys.

    Last are encrypted files of which nothing is known without their passphrase.
    """
    agent = SshAgent(hop.agent, agent_s) if hop.agent else None
    in_agent = _agent_keys(agent)
    nameless: list[LockedKey] = []
    named = list(_named(hop, passed_over, in_agent, credentials or Credentials(), nameless))
    by_blob = {key.public.key_blob: key for key in named}
    signers = {**in_agent, **{blob: key.sign for blob, key in by_blob.items()}}
    for path in hop.certificates:
        certificate = public_file(path)
        blob = certificate and certified(certificate)
        if certificate and blob and (sign := signers.get(blob)):
            yield OfferedKey(
                passed_over.note(path, certificate), sign, by_blob[blob].locked if blob in by_blob else None
            )
    for key in named:
        path = Path(f"{key.path}-cert.pub")
        certificate = public_file(path)
        if certificate and certified(certificate) == key.public.key_blob:
            yield OfferedKey(passed_over.note(path, certificate), key.sign, key.locked)
        yield OfferedKey(key.public, key.sign, key.locked)
    for blob, sign in in_agent.items():
        if blob not in by_blob and not hop.identities_only and (public := public_key(blob)):
            yield OfferedKey(public, sign)
    for locked in nameless:
        if locked.unlock():
            yield OfferedKey(locked.public, locked.sign)


def _named(
    hop: Endpoint,
    passed_over: PassedOver,
    in_agent: dict[bytes, Sign],
    credentials: Credentials,
    nameless: list[LockedKey],
) -> Iterator[_NamedKey]:
    """The keys of the files that are named or usual; encrypted ones without a public half go to `nameless`."""
    for path in hop.identities:
        public = public_half(path)
        try:
            yield _NamedKey(path, *private(path))
        except UnusableKeyError as error:
            if public and public.key_blob in in_agent:
                yield _NamedKey(path, public, in_agent[public.key_blob])
            elif isinstance(error, LockedKeyError) and credentials.can_unlock:
                locked = LockedKey(path, credentials, passed_over)
                if public:
                    yield _NamedKey(path, public, locked.sign, locked)
                else:
                    nameless.append(locked)
            elif isinstance(error, LockedKeyError):
                passed_over.locked.append(path)
            elif isinstance(error, PublicOnlyError):
                passed_over.public_only.append(path)
            else:
                passed_over.unusable.append(f"{printable(str(path))} {error}")


def _agent_keys(agent: SshAgent | None) -> dict[bytes, Sign]:
    """Each of the agent's keys with its signing; none where it does not answer."""
    if agent is None:
        return {}
    try:
        return {identity.blob: partial(agent.sign, identity.blob) for identity in agent.identities()}
    except SshAgentError:
        return {}
