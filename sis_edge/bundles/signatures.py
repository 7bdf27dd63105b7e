"""Signatures of bundles by SSH keys, made and checked by OpenSSH's `ssh-keygen -Y`.

`manifest.json.sig` beside the manifest signs the manifest, which has the SHA-256 of every other file. Whose signatures
count is in the user's `allowed_signers` (see ALLOWED SIGNERS in ssh-keygen(1)), one line each:

    anna@example.com namespaces="sis-edge-bundle" ssh-ed25519 AAAA...
"""

import hashlib
import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import SIGNATURE, Bundle
from sis_edge.errors import BundleError, UsageError
from sis_edge.files.disk import writing
from sis_edge.files.home import expanded
from sis_edge.text.foreign import one_line

NAMESPACE = "sis-edge-bundle"
"""What these signatures are for; one for another purpose does not count."""

MOST_BYTES = 64_000
LIMIT_S = 60.0
LONGEST = 300

_NO_TOOL = "`ssh-keygen` is not installed here"


@dataclass(frozen=True)
class Signature:
    """What a bundle's signature says: `signer` is the name in the allowed signers.

    Where it is None `why_not` says why it does not count; `is_false` is one that does not belong to this manifest.
    """

    signer: str | None
    why_not: str | None = None
    is_false: bool = False


def allowed_signers() -> Path:
    """The user's file of the keys whose signatures count."""
    from platformdirs import user_config_path

    return user_config_path("sis-edge", appauthor=False) / "allowed_signers"


def read(bundle: Bundle, signers: Path | None = None) -> Signature | None:
    """Who signed a bundle, by this file of allowed signers (None: the user's); None where it has no signature."""
    path = bundle.path / SIGNATURE
    if not os.path.lexists(path):
        return None
    return judged(path, lambda: _manifest(bundle), signers or allowed_signers(), NAMESPACE, "manifest")


def judged(path: Path, signed: Callable[[], bytes], signers: Path, namespace: str, what: str) -> Signature:
    """What a signature in a file says of the bytes that `signed` gives, which are `what` in messages."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        return Signature(None, f"{path.name} is not a file of at most {MOST_BYTES / 1000:.0f} kB", is_false=True)
    try:
        return _checked(signed(), path, signers, namespace, what)
    except FileNotFoundError:
        return Signature(None, f"its signature cannot be checked, because {_NO_TOOL}")
    except subprocess.TimeoutExpired:
        return Signature(None, f"its signature cannot be checked: `ssh-keygen` did not end within {LIMIT_S:g} s")


def sign(bundle: Bundle, key: Path) -> Path:
    """Sign a bundle with a private key, or with a public one whose private half is in ssh-agent.

    Asks for a passphrase on the terminal where the key has one. Raises UsageError with ssh-keygen's reason.
    """
    path, signature = bundle.path / SIGNATURE, made(_manifest(bundle), key, NAMESPACE)
    with writing(path):
        path.write_bytes(signature)
    return path


def made(data: bytes, key: Path, namespace: str) -> bytes:
    """The signature of these bytes; raises UsageError as `sign` does."""
    command = ["-Y", "sign", "-q", "-f", str(expanded(key)), "-n", namespace]
    try:
        done = _ssh_keygen(command, data, timeout_s=None)
    except FileNotFoundError:
        raise UsageError(f"nothing was signed: {_NO_TOOL}") from None
    if done.returncode or not done.stdout:
        raise UsageError(f"{key} cannot sign: {_reason(done)}; name a private key, or a public one of ssh-agent's")
    return done.stdout


def _checked(data: bytes, path: Path, signers: Path, namespace: str, what: str) -> Signature:
    genuine = _ssh_keygen(["-Y", "check-novalidate", "-n", namespace, "-s", str(path)], data)
    if genuine.returncode:
        return Signature(None, f"{path.name} is not a signature of this {what}", is_false=True)
    key = _words(genuine.stdout).partition(" with ")[2] or "a key"  # Good "..." signature with ED25519 key SHA256:...
    if not signers.is_file():
        return Signature(None, f"it is signed with {key}, and there is no {signers}")
    if signers.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return Signature(None, f"it is signed with {key}, and others may write {signers}: `chmod go-w` it")
    names = _ssh_keygen(["-Y", "find-principals", "-s", str(path), "-f", str(signers)], data)
    for line in names.stdout.decode("utf-8", "replace").splitlines() if not names.returncode else ():
        name = line.split(",")[0]
        words = ["-Y", "verify", "-n", namespace, "-s", str(path), "-f", str(signers), "-I", name]
        if not _ssh_keygen(words, data).returncode:
            return Signature(one_line(name, LONGEST))
    return Signature(None, f"it is signed with {key}, which {signers} does not allow")


def _manifest(bundle: Bundle) -> bytes:
    """The manifest as it was opened; raises BundleError for one that has changed since."""
    data = (bundle.path / MANIFEST).read_bytes()
    if hashlib.sha256(data).hexdigest()[:16] != bundle.id:
        raise BundleError(f"{bundle.path / MANIFEST} has changed while it was read; try again")
    return data


def _ssh_keygen(
    words: list[str], data: bytes, timeout_s: float | None = LIMIT_S
) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(["ssh-keygen", *words], input=data, capture_output=True, timeout=timeout_s, env=environment)


def _words(output: bytes) -> str:
    return one_line(output.decode("utf-8", "replace").strip(), LONGEST)


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    return _words(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else b"") or "ssh-keygen gave no reason"
