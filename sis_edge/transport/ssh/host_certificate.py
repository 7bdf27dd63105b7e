"""OpenSSH's certificates (PROTOCOL.certkeys): whether one speaks for a host by a known authority, and when."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sis_edge.text.foreign import printable
from sis_edge.transport.ssh.key_files import FIELDS, certified_type
from sis_edge.transport.ssh.known_hosts import KnownKeys, fingerprint
from sis_edge.transport.ssh.ssh_agent import SshAgentError, string, take_string

HOST = 2
"""The type of a certificate for a host; that of a user has 1."""

FOREVER = (1 << 64) - 1


class CertificateError(Exception):
    """A certificate that does not count; the text says why, after the words "its host certificate"."""


class RevokedError(CertificateError):
    """Its authority is marked as revoked."""


@dataclass(frozen=True)
class HostCertificate:
    """What a certificate says; `signed` is what its authority has signed. Times are seconds since 1970."""

    key: bytes
    kind: int
    key_id: str
    principals: tuple[str, ...]
    valid_after_s: int
    valid_before_s: int
    critical: bytes
    authority: bytes
    signed: bytes
    signature: bytes


def read(blob: bytes) -> HostCertificate:
    """The fields of a certificate; raises CertificateError for bytes that are none."""
    try:
        kind, rest = take_string(blob)
        key_type = certified_type(kind.decode("ascii"))
        if key_type is None:
            raise CertificateError(f"is of the unknown type {printable(kind.decode('ascii'))}")
        rest = take_string(rest)[1]  # a nonce
        key = string(key_type.encode())
        for _ in range(FIELDS[key_type]):
            field, rest = take_string(rest)
            key += string(field)
        numbers, rest = rest[8:12], rest[12:]  # behind a serial number
        key_id, rest = take_string(rest)
        listed, rest = take_string(rest)
        times, rest = rest[:16], rest[16:]
        critical, rest = take_string(rest)
        for _ in range(2):  # extensions, and what is reserved
            rest = take_string(rest)[1]
        authority, rest = take_string(rest)
        signature, after = take_string(rest)
        principals: list[str] = []
        while listed:
            name, listed = take_string(listed)
            principals.append(name.decode("utf-8", errors="replace"))
    except (SshAgentError, UnicodeDecodeError):
        raise CertificateError("is damaged") from None
    if after:
        raise CertificateError("is damaged")
    return HostCertificate(
        *(key, int.from_bytes(numbers, "big"), printable(key_id.decode("utf-8", errors="replace")), tuple(principals)),
        *(int.from_bytes(times[:8], "big"), int.from_bytes(times[8:], "big"), critical, authority),
        *(blob[: len(blob) - len(rest)], signature),
    )


def check(
    blob: bytes, key: bytes, host: str, known: KnownKeys, *, clock: Callable[[], float] = time.time
) -> HostCertificate:
    """The certificate of this key if a known authority speaks by it for this host, now; raises CertificateError.

    As with OpenSSH, one without principals is for every host, and principals are whole names.
    """
    found = read(blob)
    if found.key != key:
        raise CertificateError("is for another key")
    if found.authority in known.revoked:
        raise RevokedError(f"is signed by {_shown(found.authority)}, which is marked @revoked")
    if all(key.blob != found.authority for key in known.authorities):
        raise CertificateError(f"is signed by {_shown(found.authority)}, which no @cert-authority line names")
    if not _is_signed(found):
        raise CertificateError("is not signed by the authority that it names")
    if found.kind != HOST:
        raise CertificateError("is one for users, not for hosts")
    if found.principals and host.lower() not in found.principals:
        shown = printable(", ".join(found.principals[:5]))
        raise CertificateError(f"is for {shown}, not for {host}")
    _check_time(found, clock())
    if found.critical:
        raise CertificateError("has critical options, and none is known for hosts")
    return found


def why_not_now(blob: bytes, clock: Callable[[], float] = time.time) -> str:
    """Why a user's or a host's certificate is of no use today, after "the certificate"; empty where it may be."""
    try:
        _check_time(read(blob), clock())
    except CertificateError as error:
        return str(error)
    return ""


def _check_time(found: HostCertificate, now_s: float) -> None:
    if now_s < found.valid_after_s:
        raise CertificateError(f"is valid from {_day(found.valid_after_s)} on only; is this machine's clock right?")
    if found.valid_before_s != FOREVER and now_s >= found.valid_before_s:
        raise CertificateError(f"has expired on {_day(found.valid_before_s)}; is this machine's clock right?")


def _is_signed(found: HostCertificate) -> bool:
    """Whether the signature is the authority's; those of SHA-1, and of security keys, do not count."""
    import paramiko

    readers: dict[str, type[paramiko.PKey]] = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}
    try:
        algorithm, rest = take_string(found.signature)
        if algorithm == b"ssh-rsa" or take_string(rest)[1]:  # paramiko passes over a wrong length
            return False
        kind = take_string(found.authority)[0].decode("ascii")
        reader = paramiko.ECDSAKey if kind.startswith("ecdsa-") else readers[kind]
        key = reader(paramiko.Message(found.authority))
        return bool(key.verify_ssh_sig(found.signed, paramiko.Message(found.signature)))
    except Exception:  # as many kinds as a key or a signature can be damaged in
        return False


def _shown(blob: bytes) -> str:
    try:
        kind = printable(take_string(blob)[0].decode("ascii"))
    except (SshAgentError, UnicodeDecodeError):
        kind = "an unknown key"
    return f"{kind} {fingerprint(blob)}"


def _day(time_s: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(time_s))
    except (OverflowError, OSError, ValueError):
        return "a day that no calendar has"
