"""The identity of a server: a key that is known, a certificate by a known authority, or a first key that is pinned."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sis_edge.errors import TransportError
from sis_edge.transport.ssh import host_certificate, known_hosts
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.host_certificate import CertificateError, RevokedError
from sis_edge.transport.ssh.known_hosts import KnownKeys, fingerprint


class ShownKey(NamedTuple):
    """What a server shows in the handshake: its key, and the certificate of that key, if any."""

    key_type: str
    blob: bytes
    certificate: bytes | None = None

    def __str__(self) -> str:
        return f"{self.key_type} {fingerprint(self.blob)}"


def read_known(hop: Endpoint) -> KnownKeys:
    """What is known of an endpoint."""
    return known_hosts.read(_name(hop), hop.known_hosts, host=hop.host_key_alias or hop.host)


def check(shown: ShownKey, known: KnownKeys, hop: Endpoint, say: Callable[[str], None], *, is_direct: bool) -> None:
    """Raises TransportError, with the next step, unless the key is known for this host, is certified, or may be pinned.

    A host is pinned only if nothing is known of it: neither a key nor an authority. `is_direct`: no jump host is
    between.
    """
    name = _name(hop)
    if shown.blob in known.revoked:
        raise TransportError(f"the host key of {name} ({shown}) is marked @revoked; do not use this host")
    reason = "it shows no host certificate"
    if shown.certificate is not None:
        try:
            host_certificate.check(shown.certificate, shown.blob, hop.host_key_alias or hop.host, known)
            return
        except RevokedError as error:
            raise TransportError(f"the host certificate of {name} {error}; do not use this host") from None
        except CertificateError as error:
            reason = f"its host certificate {error}"
    if any(key.blob == shown.blob for key in known.trusted):
        return
    if known.trusted:
        raise _changed(shown, known, hop, is_direct)
    if known.authorities:
        raise TransportError(
            f"the host key of {name} is unknown: it is {shown}, {known.authorities[0]} is named as the authority that "
            f"certifies it, and {reason}; have a certificate made for it, or change that line"
        )
    if not hop.trusts_first:
        raise _unknown(shown, hop, is_direct)
    if hop.pin_file is None:
        raise TransportError(
            f"the host key of {name} is {shown} and cannot be pinned: the SSH configuration names no file for it; "
            "name one with --known-hosts"
        )
    known_hosts.pin(hop.pin_file, name, shown.key_type, shown.blob, is_hashed=hop.is_pin_hashed)
    say(f"Pinned the host key of {name} in {hop.pin_file}: {shown}. Another key will be refused.")


def _name(hop: Endpoint) -> str:
    return hop.host_key_alias or known_hosts.known_name(hop.host, hop.port)


def _scan(shown: ShownKey, hop: Endpoint) -> str:
    """The command that shows the key as a line of known_hosts."""
    scan = f"ssh-keyscan -p {hop.port} -t {_kind(shown)} {hop.host}"
    if hop.host_key_alias:
        scan += f" | sed {shlex.quote(f's/^[^ ]*/{hop.host_key_alias}/')}"
    return scan


def _kind(shown: ShownKey) -> str:
    return next((kind for kind in ("ed25519", "ecdsa") if kind in shown.key_type), "rsa")


def _changed(shown: ShownKey, known: KnownKeys, hop: Endpoint, is_direct: bool) -> TransportError:
    other, name = known.trusted[0], _name(hop)
    file = shlex.quote(str(other.file))
    add = f"`{_scan(shown, hop)} >> {file}`" if is_direct else "once with --trust-on-first-use"
    return TransportError(
        f"the host key of {name} has CHANGED: it is {shown}, but {other.file}:{other.line} has {other.key_type} "
        f"{fingerprint(other.blob)}. This may be an attack. If the board was reinstalled: "
        f"`ssh-keygen -f {file} -R '{name}'`, then {add}, and compare the fingerprint"
    )


def _unknown(shown: ShownKey, hop: Endpoint, is_direct: bool) -> TransportError:
    file = next((path for path in hop.known_hosts if str(path) != os.devnull), Path("~/.ssh/known_hosts"))
    add = f", or `{_scan(shown, hop)} >> {shlex.quote(str(file))}` does" if is_direct else ""
    return TransportError(
        f"the host key of {_name(hop)} is unknown: it is {shown}. Compare it with "
        f"`ssh-keygen -lf /etc/ssh/ssh_host_{_kind(shown)}_key.pub` on the board; if they match, the same command with "
        f"--trust-on-first-use pins it{add}"
    )
