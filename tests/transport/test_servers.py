"""Servers as they are found: few sessions, other shells, start-up files that print, accounts without a shell."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
import pytest
from sshd import SFTP_SERVER, Server, require, serve

from sis_edge.errors import BoardError, SisEdgeError, TransportError
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.ssh import SshTransport, transport

CASES = Path(__file__).parent / "cases"
WELCOME = 'echo "Welcome to the lab board"'


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def there_and_back(way: SshTransport, folder: Path) -> None:
    """A command, a file to the board and back, again and again, as a measurement does it."""
    (folder / "source").write_bytes(os.urandom(100_000))
    for number in range(3):
        way.put(folder / "source", f"a folder/{number}")
        assert way.run(["printf", "%s|", "it's", "a\\b", "!x", "$HOME", "two\nlines"]) == (
            0,
            "it's|a\\b|!x|$HOME|two\nlines|",
            "",
        )
        way.fetch(f"a folder/{number}", folder / "back")
        assert (folder / "back").read_bytes() == (folder / "source").read_bytes()


@contextmanager
def reached(folder: Path, **options: object) -> Iterator[tuple[Server, SshTransport]]:
    with serve(folder / "sshd", **options) as server:  # type: ignore[arg-type]
        way = server.transport()
        yield server, way
        way.close()


@pytest.mark.fault("MaxSessions 1 and 2", "all by one connection")
@pytest.mark.parametrize("most", [1, 2])
def test_a_server_with_few_sessions(tmp_path: Path, most: int) -> None:
    text = (CASES / "07-sshd_config-maxsessions-2").read_text().replace("MaxSessions 2", f"MaxSessions {most}")
    # The server's own SFTP serves the account's real home, so a server program of the test's takes its place.
    with reached(tmp_path, settings=text.replace("internal-sftp", SFTP_SERVER), sftp=False) as (server, way):
        there_and_back(way, tmp_path)
        # By the sessions of one connection, not by a new connection for each.
        assert (server.folder / "sshd.log").read_text().count("Accepted publickey") == 1


def test_a_command_out_of_time_leaves_a_session_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SESSION_PAUSES_S", (0.05, 0.1))
    with reached(tmp_path, settings="MaxSessions 1\n") as (_, way):
        with pytest.raises(SisEdgeError, match="did not end within"):
            way.run(["sleep", "5"], timeout_s=0.3)
        assert way.run(["echo", "on"]).stdout == "on\n"


@pytest.mark.fault("MaxSessions 0", "one sentence that names the setting")
def test_a_server_without_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SESSION_PAUSES_S", (0.05,))
    with (
        reached(tmp_path, settings="MaxSessions 0\n") as (_, way),
        pytest.raises(UnreachableError, match=r"refuses another SSH session .*MaxSessions"),
    ):
        way.run(["true"])


def test_an_account_for_sftp_only_is_told_in_the_server_s_words(tmp_path: Path) -> None:
    text = (CASES / "07-sshd_config-sftp-only").read_text()
    with (
        reached(tmp_path, settings=text, sftp=False) as (_, way),
        pytest.raises(BoardError, match=r"runs no commands \(it says “This service allows sftp connections only\.”"),
    ):
        way.run(["python3", "-c", "print(1)"])


@pytest.mark.fault("account without a shell", "the server's words")
@pytest.mark.parametrize(
    ("start_up", "said"),
    [
        ("echo This account is currently not available.; exit 1", "“This account is currently not available.”"),
        ("printf 'aus Stra\\337e' >&2; exit 1", "“aus Stra\N{REPLACEMENT CHARACTER}e”"),
        ("exit 1", r"nothing, exit code 1\)"),
    ],
)
def test_an_account_without_a_shell(tmp_path: Path, start_up: str, said: str) -> None:
    (tmp_path / "source").write_text("x")
    with reached(tmp_path, start_up=start_up) as (_, way):
        with pytest.raises(BoardError, match=said):
            way.run(["true"])
        with pytest.raises(BoardError, match=said):
            way.put(tmp_path / "source", "target")


@pytest.mark.fault("start-up file talks", "nobody notices")
@pytest.mark.parametrize("talk", [WELCOME, f"{WELCOME} >&2; printf '\\377\\000\\000no end'", "head -c 70000 /dev/zero"])
def test_start_up_files_that_print(tmp_path: Path, talk: str) -> None:
    with reached(tmp_path, start_up=talk) as (_, way):
        there_and_back(way, tmp_path)


def test_an_end_that_prints(tmp_path: Path) -> None:
    with reached(tmp_path, shell='/bin/sh -c \'trap "echo bye; echo bye >&2" EXIT; eval "$1"\'') as (_, way):
        there_and_back(way, tmp_path)
        assert way.run(["sh", "-c", "exit 3"]) == (3, "", "")


@pytest.mark.fault("second factor", "one sentence")
def test_a_second_factor_is_told(tmp_path: Path) -> None:
    with (
        reached(tmp_path, settings="PasswordAuthentication yes\nAuthenticationMethods publickey,password\n") as (
            _,
            way,
        ),
        pytest.raises(TransportError, match="accepts the key and asks for password as well"),
    ):
        way.run(["true"])


@pytest.mark.fault("login shell is tcsh, fish, bash, dash", "nobody notices")
@pytest.mark.parametrize("shell", ["tcsh", "fish", "bash", "dash"])
def test_login_shells(tmp_path: Path, shell: str) -> None:
    with reached(tmp_path, shell=require(shell)) as (_, way):
        there_and_back(way, tmp_path)
        assert way.run(["no-such-command-here"]).exit_code == 127
        assert way.run(["sh", "-c", "exit 3"]).exit_code == 3


def test_the_login_shell_sees_no_quotes(tmp_path: Path) -> None:
    with reached(tmp_path, start_up='printf "%s\\n" "$SSH_ORIGINAL_COMMAND" >> seen') as (server, way):
        there_and_back(way, tmp_path)
    assert set((server.home / "seen").read_text().splitlines()) == {"/bin/sh"}


@pytest.mark.fault("banner and output not UTF-8", "shown with replacements")
def test_output_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "banner").write_bytes(b"Stra\xdfe\n")
    with reached(tmp_path, settings=f"Banner {tmp_path}/banner\n") as (_, way):
        done = way.run(["sh", "-c", r"printf 'a\377\nb'; printf '\376' >&2; exit 1"])
    assert done == (1, "a\N{REPLACEMENT CHARACTER}\nb", "\N{REPLACEMENT CHARACTER}")


@contextmanager
def listening(answer: bytes) -> Iterator[int]:
    """A server that sends this and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_once() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(answer)
                sock.recv(1000)

        threading.Thread(target=serve_once, daemon=True).start()
        yield int(listener.getsockname()[1])


@pytest.mark.fault("another program at the port", "one sentence")
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "closed the connection in the SSH handshake"),
        (b"SSH-2.0-\xff\xfe\r\n" + b"\xff" * 100, "closed the connection in the SSH handshake"),
        (b"SSH-1.5-old\r\n", "no common SSH algorithm .*update its SSH server"),
        (b"", "closed the connection in the SSH handshake"),
    ],
)
def test_a_server_that_speaks_nonsense(tmp_path: Path, answer: bytes, sentence: str) -> None:
    with listening(answer) as port:
        way = SshTransport(f"bench@127.0.0.1:{port}", home=tmp_path, login_s=2.0)
        with pytest.raises(TransportError, match=sentence):
            way.run(["true"])


class Rude(paramiko.ServerInterface):
    """Lets everybody in; refuses sessions, and logins as `nobody`, with words that are not UTF-8."""

    def __init__(self, link: paramiko.Transport) -> None:
        self._link = link

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if username == "nobody":
            self._send(b"\x01", 2)
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._send(b"\x5c", chanid, 2)
        return paramiko.OPEN_SUCCEEDED

    def _send(self, kind: bytes, *numbers: int) -> None:
        message = paramiko.Message()
        message.add_byte(kind)
        for number in numbers:
            message.add_int(number)
        message.add_string(b"keine Stra\xdfe")
        message.add_string(b"de")
        self._link._send_message(message)  # type: ignore[attr-defined]


@pytest.mark.parametrize("user", ["nobody", "bench"])
def test_reasons_that_are_not_utf_8(tmp_path: Path, user: str) -> None:
    from sshd import make_key, require_sshd

    require_sshd()
    make_key(tmp_path / ".ssh" / "id_ed25519")
    host_key = paramiko.ECDSAKey.generate()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        known = f"[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}\n"
        (tmp_path / ".ssh" / "known_hosts").write_text(known)

        def accept() -> None:
            link = paramiko.Transport(listener.accept()[0])
            link.add_server_key(host_key)
            with suppress(Exception):  # the client hangs up
                link.start_server(server=Rude(link))

        threading.Thread(target=accept, daemon=True).start()
        way = SshTransport(f"{user}@127.0.0.1:{port}", home=tmp_path, login_s=5.0)
        with pytest.raises(UnreachableError):
            way.run(["true"])
        way.close()
