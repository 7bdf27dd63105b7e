"""The options by which a command reaches a board: at a terminal, from a script, and in the commands that it prints."""

import fcntl
import os
import pickle
import pty
import subprocess
import sys
import termios
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from asking_server import HOST_KEY, asking
from command import environment, sis_edge_here
from someone import descriptor

from sis_edge.board import reach
from sis_edge.board.attendance import Attendance
from sis_edge.cli import terminal
from sis_edge.transport import Credentials, connect

DETECT = ("profiles", "detect", "--host", "127.0.0.1", "--user", "bench")


def test_a_terminal_is_asked_without_echo_while_nothing_moves(tmp_path: Path) -> None:
    with asking(tmp_path, methods=({"keyboard-interactive"},)) as server:
        ours, theirs = pty.openpty()
        words = [sys.executable, "-m", "sis_edge", *DETECT, "--port", str(server.port)]
        process = subprocess.Popen(
            words,
            env=environment(HOME=str(tmp_path), SSH_AUTH_SOCK=""),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        seen = b""
        while b"Password: " not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"s3cret\n")
        with suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 1000):
                seen += piece
        assert process.wait() == 8, seen
        assert server.logins == 1
        os.close(ours)
    shown = seen.decode()
    assert "(bench@127.0.0.1) Password: " in shown
    assert "s3cret" not in shown
    assert "Wer da?\N{REPLACEMENT CHARACTER}[2J" in shown
    assert "python3" in shown, "the server of this test has no programs"
    before, after = shown.split("Password: ")
    assert before.count("\x1b[?25l") == before.count("\x1b[?25h") > 0, "the bars stand still"
    assert "\x1b[?25l" in after, "and go on"


def test_only_the_main_thread_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches no other, whose question would hold up the end and leave the terminal without echo."""
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"answer to {prompt}")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    credentials = terminal.credentials(None, None)
    assert credentials.can_ask
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(credentials.answer, "Password: ").result() is None
    assert credentials.answer("Password: ") == "answer to Password: "
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    assert not terminal.credentials(None, None).can_ask


def test_a_script_gives_the_password_and_pins_the_host(tmp_path: Path) -> None:
    with asking(tmp_path) as server:
        words = ("--port", str(server.port), "--known-hosts", "known", "--trust-on-first-use")
        for number, note in enumerate(["Pinned the host key of [127.0.0.1]:", ""]):
            done = sis_edge_here(
                *DETECT, *words, "--password-fd", str(descriptor("s3cret")), cwd=tmp_path, HOME=str(tmp_path / "home")
            )
            assert (done.returncode, server.logins) == (8, number + 1), done.stderr
            assert "python3" in done.stderr, "the server of this test has no programs"
            assert note in done.stderr
            assert ("Pinned" in done.stderr) == bool(note)
    assert (tmp_path / "known").read_text().split()[1:] == [HOST_KEY.get_name(), HOST_KEY.get_base64()]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--password-fd", "3", "--passphrase-fd", "3"), "are both 3; give each a descriptor of its own"),
        (("--password-fd", "987"), "--password-fd is 987, and no such file descriptor is open"),
    ],
)
def test_descriptors_of_no_use(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    done = sis_edge_here(*DETECT, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_printed_commands_keep_the_options_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "a key").write_text("")
    (tmp_path / "known").write_text("")
    number = descriptor("s3cret")
    way = connect(
        "bench@nano:2222",
        identity=tmp_path / "a key",
        known_hosts=tmp_path / "known",
        trust_on_first_use=True,
        credentials=Credentials(password_fd=number),
    )
    assert way.name == "bench@nano:2222"
    assert reach.words(way.name) == [
        *("--host", "bench@nano:2222", "--identity", f"{tmp_path}/a key", "--known-hosts", f"{tmp_path}/known"),
        *("--password-fd", str(number)),
    ]
    said = Attendance().command("fetch", "j1", way.name)
    assert f"--identity '{tmp_path}/a key'" in said
    assert "s3cret" not in said
    assert reach.words(pickle.loads(pickle.dumps(way.name))) == reach.words(way.name), "as a worker of Ray gets it"
    # As a stored run has it, it is a plain name.
    assert reach.words(str(way.name)) == ["--host", "nano", "--port", "2222", "--user", "bench"]


def test_a_name_of_the_configuration_stays_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key, its jump hosts and the name of its host key are there only."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host lab\n  HostName 192.0.2.1\n  User bench\n  IdentityFile ~/k\n")
    way = connect("lab")
    assert way.name == "bench@192.0.2.1:22"
    assert reach.words(way.name) == ["--host", "lab"]
