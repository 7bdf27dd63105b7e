"""Encrypted keys: each is opened when a server takes it, by one question; security keys and certificates as before."""

import subprocess
from pathlib import Path

import pytest
from someone import Someone, descriptor
from sshd import Server, make_key, serve

from sis_edge.errors import TransportError
from sis_edge.transport import Credentials
from sis_edge.transport.ssh import SshTransport


def lock(key: Path, passphrase: str, *, is_pem: bool = False) -> Path:
    """Encrypt a key file."""
    words = ["ssh-keygen", "-q", "-p", "-a", "1", "-P", "", "-N", passphrase, "-f", str(key)]
    subprocess.run([*words, *(["-m", "PEM"] if is_pem else [])], check=True, stdout=subprocess.DEVNULL)
    return key


def logs_in(server: Server, credentials: Credentials, *keys: Path) -> bool:
    (server.client / ".ssh" / "config").write_text("Host *\n" + "".join(f'  IdentityFile "{key}"\n' for key in keys))
    way = server.transport(credentials=credentials)
    try:
        return way.run(["echo", "in"]).stdout == "in\n"
    finally:
        way.close()


def test_only_the_key_that_the_server_takes_is_opened(server: Server, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other", passphrase="never asked for")
    lock(server.identity, "open sesame")
    someone = Someone("wrong", "open sesame")
    assert logs_in(server, someone.credentials(), other, server.identity)
    assert someone.prompts == [(f"Passphrase for key {server.identity}: ", False)] * 2


def test_a_key_in_the_clear_that_the_server_takes_needs_no_other(server: Server, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other", passphrase="never asked for", kind="ecdsa")
    someone = Someone()
    assert logs_in(server, someone.credentials(), other, server.identity)
    assert someone.prompts == []


def test_it_is_asked_for_once_for_all_connections(server: Server) -> None:
    lock(server.identity, "open sesame")
    someone = Someone("open sesame")
    credentials = someone.credentials()
    way = server.transport(credentials=credentials)
    assert way.run(["true"]).exit_code == 0
    way.close()
    assert way.run(["true"]).exit_code == 0
    way.close()
    assert logs_in(server, credentials, server.identity)
    assert len(someone.prompts) == 1


def test_passphrases_of_a_file_descriptor(server: Server, tmp_path: Path) -> None:
    jump = make_key(tmp_path / "jump", passphrase="first\u2028one", kind="ecdsa")
    with (server.folder / "authorized_keys").open("a") as file:
        file.write(Path(f"{jump}.pub").read_text())
    lock(server.identity, "open sesame")
    (server.client / ".ssh" / "config").write_text(
        f"Host gate\n  HostName 127.0.0.1\n  Port {server.port}\n  IdentityFile {jump}\n"
        f"Host board\n  HostName 127.0.0.1\n  Port {server.port}\n  ProxyJump gate\n"
    )
    given = Credentials(passphrase_fd=descriptor("first\u2028one\nopen sesame\n"))
    way = SshTransport("board", home=server.client, credentials=given)
    assert way.run(["echo", "far"]).stdout == "far\n"
    way.close()
    with pytest.raises(
        TransportError, match=f"would take the key {server.identity}, and no passphrase that was given opens it; "
    ) as caught:
        logs_in(server, Credentials(passphrase_fd=descriptor("hush")), server.identity)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("has_public", [True, False])
def test_an_old_format_that_keeps_no_public_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_public: bool
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = make_key(tmp_path / "key", kind="ecdsa")
    with serve(tmp_path / "sshd") as server:
        (server.folder / "authorized_keys").write_text(Path(f"{key}.pub").read_text())
        lock(key, "open sesame", is_pem=True)
        if not has_public:
            Path(f"{key}.pub").unlink()
        someone = Someone("open sesame")
        assert logs_in(server, someone.credentials(), key, server.identity)
        assert len(someone.prompts) == 1


def test_a_certificate_of_an_encrypted_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    authority, user = (
        make_key(tmp_path / "authority"),
        make_key(tmp_path / "user", passphrase="open sesame", kind="ecdsa"),
    )
    with serve(tmp_path / "sshd", settings=f"TrustedUserCAKeys {authority}.pub\n") as server:
        (server.folder / "authorized_keys").write_text("")
        principal = server.transport().name.partition("@")[0]
        words = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", principal, f"{user}.pub"]
        subprocess.run(words, check=True)
        someone = Someone("open sesame")
        assert logs_in(server, someone.credentials(), user)
        assert len(someone.prompts) == 1


def test_nobody_there_is_told_the_ways_to_open_it(server: Server) -> None:
    lock(server.identity, "open sesame")
    with pytest.raises(
        TransportError, match=f"`ssh-add '{server.identity}'`, or give its passphrase with --passphrase-fd"
    ):
        logs_in(server, Credentials(), server.identity)
    with pytest.raises(TransportError, match="no passphrase that was given opens it"):
        logs_in(server, Someone("").credentials(), server.identity)
