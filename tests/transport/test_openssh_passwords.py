"""Passwords that a real sshd checks, by itself and by PAM, against a shadow file of the test's own."""

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from someone import Someone, descriptor
from sshd import Server, require, serve

from sis_edge.errors import TransportError
from sis_edge.transport import Credentials

PASSWORD = "s3cret \N{LATIN SMALL LETTER U WITH DIAERESIS}"
PAM = "auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so\n"
MOUNT = 'mount --bind "$0/shadow" /etc/shadow && mount --bind "$0/pam" /etc/pam.d/sshd && exec "$@"'


@contextmanager
def checking(folder: Path, settings: str) -> Iterator[Server]:
    """A server that lets this user in by the password; the files that it checks are its own only."""
    if os.geteuid() != 0 or not Path("/etc/pam.d/sshd").exists():
        pytest.skip("only root's sshd can check passwords, and only with its PAM service installed")
    words = ["openssl", "passwd", "-6", "-stdin"]
    require("openssl")
    digest = subprocess.run(words, input=f"{PASSWORD}\n", capture_output=True, text=True, check=True).stdout.strip()
    (folder / "shadow").write_text(f"{getpass.getuser()}:{digest}:19000:0:99999:7:::\n")
    (folder / "pam").write_text(PAM)
    within = [require("unshare"), "--mount", "/bin/sh", "-c", MOUNT, str(folder)]
    if subprocess.run([*within, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    with serve(folder / "sshd", settings=f"PermitRootLogin yes\n{settings}", within=within) as server:
        server.identity.unlink()
        yield server


@pytest.mark.parametrize(
    "settings",
    [
        "PasswordAuthentication yes\n",
        "UsePAM yes\nKbdInteractiveAuthentication yes\n",
        "UsePAM yes\nKbdInteractiveAuthentication yes\nAuthenticationMethods password,keyboard-interactive\n"
        "PasswordAuthentication yes\n",
    ],
)
def test_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with checking(tmp_path, settings) as server:
        someone = Someone(PASSWORD, PASSWORD)
        for credentials in (someone.credentials(), Someone(PASSWORD).credentials(password_fd=descriptor(PASSWORD))):
            way = server.transport(credentials=credentials)
            assert way.run(["echo", "in"]).stdout == "in\n"
            way.close()
        assert all(prompt.endswith("Password: ") and not is_echoed for prompt, is_echoed in someone.prompts)
        if "AuthenticationMethods" not in settings:
            with pytest.raises(TransportError, match="refused the password of --password-fd"):
                server.transport(credentials=Credentials(password_fd=descriptor("wrong"))).run(["true"])
