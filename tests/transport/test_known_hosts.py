import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sshd import make_key, require_sshd

from sis_edge.transport.ssh.known_hosts import fingerprint, known_name, read

KEY = base64.b64encode(b"a key").decode()
OTHER = base64.b64encode(b"another").decode()


def found(tmp_path: Path, text: str, host: str = "nano", port: int = 22) -> list[bytes]:
    path = tmp_path / "known_hosts"
    path.write_text(text)
    return [key.blob for key in read(known_name(host, port), [path]).trusted]


@pytest.mark.parametrize(
    ("names", "host", "port", "matches"),
    [
        ("nano", "nano", 22, True),
        ("nano", "NANO", 22, True),
        ("nano", "nano2", 22, False),
        ("other,nano", "nano", 22, True),
        ("nano", "nano", 2222, False),
        ("[nano]:2222", "nano", 2222, True),
        ("[nano]:2222", "nano", 22, False),
        ("na?o", "nano", 22, True),
        ("*.lab", "nano.lab", 22, True),
        ("*.lab,!nano.lab", "nano.lab", 22, False),
        ("!nano", "orin", 22, False),
        ("[10.0.0.*]:2222", "10.0.0.7", 2222, True),
        ("n.no", "nano", 22, False),
    ],
)
def test_names_match_as_in_openssh(tmp_path: Path, names: str, host: str, port: int, matches: bool) -> None:
    assert found(tmp_path, f"{names} ssh-ed25519 {KEY} a comment\n", host, port) == ([b"a key"] if matches else [])


def test_a_hashed_file_of_ssh_keygen_is_read(tmp_path: Path) -> None:
    require_sshd()
    words = make_key(tmp_path / "key").with_suffix(".pub").read_text().split()
    path = tmp_path / "known_hosts"
    path.write_text(f"[nano]:2222 {words[0]} {words[1]}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert "nano" not in path.read_text()
    keys = read("[nano]:2222", [path])
    assert [(key.key_type, key.blob, key.line) for key in keys.trusted] == [
        ("ssh-ed25519", base64.b64decode(words[1]), 1)
    ]
    assert not read("nano", [path]).trusted
    shown = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True)
    assert fingerprint(keys.trusted[0].blob) == shown.stdout.split()[1]


def test_revoked_keys_are_not_trusted_and_authorities_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(
        f"# a comment\n\n@cert-authority * ssh-ed25519 {OTHER}\nnano ssh-ed25519 {KEY}\n@revoked * ssh-ed25519 {KEY}\n"
    )
    keys = read("nano", [path])
    assert (keys.trusted, keys.revoked) == ((), frozenset({b"a key"}))
    assert [(key.blob, key.line) for key in keys.authorities] == [(b"another", 3)]


def test_damaged_lines_and_missing_files_say_nothing(tmp_path: Path) -> None:
    text = f"nano\nnano ssh-ed25519\nnano ssh-ed25519 ///=/\n|1|x|y ssh-ed25519 {KEY}\n|1| ssh-ed25519 {KEY}\n"
    assert found(tmp_path, text + f"nano ssh-rsa schlüssel\nnano ssh-rsa {OTHER}\n") == [b"another"]
    assert read("nano", [tmp_path / "missing"]).trusted == ()


@given(st.text(), st.integers(1, 65535))
def test_no_text_breaks_the_reader(text: str, port: int) -> None:
    class Text(type(Path())):  # type: ignore[misc]
        def read_text(self, **_: object) -> str:
            return text

    assert all(key.line > 0 for key in read(known_name("nano", port), [Text("x")]).authorities)
    assert read("x", [Text("\0")]).trusted == ()
    assert known_name("nano", port).startswith(("nano", "[nano]:"))


def test_authorities_stand_for_the_host_at_any_port_unless_revoked(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"@cert-authority *.lab ssh-ed25519 {OTHER}\n*.lab ssh-ed25519 {KEY}\n")
    keys = read("[nano.lab]:2222", [path], host="Nano.lab")
    assert [key.blob for key in keys.authorities] == [b"another"]
    assert keys.trusted == ()
    with path.open("a") as file:
        file.write(f"@revoked * ssh-ed25519 {OTHER}\n")
    keys = read("[nano.lab]:2222", [path], host="nano.lab")
    assert (keys.authorities, keys.revoked) == ((), frozenset({b"another"}))
