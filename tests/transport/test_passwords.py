"""Passwords and answers: from whom, to whom, how often, and what is said without them."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from asking_server import AskingServer, asking
from someone import Someone, descriptor
from ssh_keys import public_blob
from sshd import make_key

from sis_edge.errors import TransportError, UsageError
from sis_edge.transport import Credentials
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.ssh import SshTransport


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def logs_in(server: AskingServer, credentials: Credentials | None = None) -> bool:
    way = server.transport(credentials=credentials)
    try:
        return way.run(["echo", "in"]).stdout == "in\n"
    finally:
        way.close()


METHODS = [({"password"},), ({"keyboard-interactive"},), ({"publickey", "password", "keyboard-interactive"},)]


@pytest.mark.parametrize("methods", METHODS)
def test_a_password_that_is_asked_for(tmp_path: Path, methods: Sequence[set[str]]) -> None:
    someone = Someone("wrong", "s3cret")
    with asking(tmp_path, methods=methods) as server:
        assert logs_in(server, someone.credentials())
    assert [prompt for prompt, _ in someone.prompts] == ["(bench@127.0.0.1) Password: "] * 2
    assert not any(is_echoed for _, is_echoed in someone.prompts)


@pytest.mark.parametrize("methods", METHODS)
def test_a_password_of_a_file_descriptor_goes_first(tmp_path: Path, methods: Sequence[set[str]]) -> None:
    make_key(tmp_path / ".ssh" / "id_ed25519")
    with asking(tmp_path, methods=methods) as server:
        assert logs_in(server, Credentials(password_fd=descriptor("s3cret\nsecond line")))
        assert server.told in (["s3cret"], [["s3cret"]])


def test_keys_go_before_anybody_is_asked(tmp_path: Path) -> None:
    key = make_key(tmp_path / ".ssh" / "id_ed25519")
    someone = Someone("s3cret")
    with asking(tmp_path, methods=({"publickey", "password"},), keys=[public_blob(key)]) as server:
        assert logs_in(server, someone.credentials())
    assert someone.prompts == []


def test_an_empty_answer_and_three_wrong_ones_end_the_login(tmp_path: Path) -> None:
    for answers, asked in [((None,), 1), (("",), 1), (("a", "b", "c", "s3cret"), 3)]:
        someone = Someone(*answers)
        with asking(tmp_path) as server:
            with pytest.raises(TransportError) as caught:
                logs_in(server, someone.credentials())
            assert len(someone.prompts) == asked
            assert not isinstance(caught.value, UnreachableError)
            assert ("refused the password; check it and the user name" in str(caught.value)) == (asked == 3)
            assert server.logins == 0


@pytest.mark.parametrize("methods", METHODS)
def test_a_wrong_password_of_a_file_descriptor_is_told_and_not_shown(
    tmp_path: Path, methods: Sequence[set[str]]
) -> None:
    with asking(tmp_path, methods=methods) as server:
        with pytest.raises(TransportError, match="refused the password of --password-fd") as caught:
            logs_in(server, Credentials(password_fd=descriptor("hush")))
        assert "hush" not in str(caught.value)


@pytest.mark.fault("password wanted, no terminal", "one sentence with the next step")
@pytest.mark.parametrize(
    ("methods", "has_key", "sentence"),
    [
        ({"password"}, True, r"accepts no keys \(only password\); run this at a terminal .*--password-fd"),
        ({"gssapi-with-mic"}, True, r"accepts no keys \(only gssapi-with-mic\); enable them in its SSH server"),
        ({"publickey", "password"}, True, "refused the login with 1 key; .*ssh-copy-id.*; for its password, run this"),
        ({"publickey", "keyboard-interactive"}, False, "no SSH key to log in .*; for its password, run this"),
        ({"publickey"}, False, "no SSH key to log in .*ssh-copy-id -p [0-9]+ bench@127.0.0.1`$"),
    ],
)
def test_without_anybody_to_ask_the_next_step_is_told(
    tmp_path: Path, methods: set[str], has_key: bool, sentence: str
) -> None:
    if has_key:
        make_key(tmp_path / ".ssh" / "id_ed25519")
    with asking(tmp_path, methods=(methods,)) as server, pytest.raises(TransportError, match=sentence):
        logs_in(server)


@pytest.mark.parametrize("order", [("publickey", "password"), ("password", "publickey"), ("publickey",) * 2])
@pytest.mark.parametrize("is_given", [True, False])
def test_several_factors(tmp_path: Path, order: tuple[str, str], is_given: bool) -> None:
    keys = [make_key(tmp_path / ".ssh" / name) for name in ("id_ed25519", "id_ecdsa")]
    methods = [{name} for name in order]
    credentials = Credentials(password_fd=descriptor("s3cret")) if is_given else Someone("s3cret").credentials()
    with asking(tmp_path, methods=methods, keys=[public_blob(key) for key in keys]) as server:
        assert logs_in(server, credentials)
        if "password" in order:
            with pytest.raises(TransportError, match=r"asks for password as well|accepts no keys \(only password\)"):
                logs_in(server)


def test_a_code_is_asked_for_and_not_answered_by_the_password(tmp_path: Path) -> None:
    prompts, answers = [("Password: ", False), ("Code\x1b[2J: ", True)], ["s3cret", "123456"]
    with asking(tmp_path, methods=({"keyboard-interactive"},), prompts=prompts, answers=answers) as server:
        someone = Someone("123456")
        assert logs_in(server, someone.credentials(password_fd=descriptor("s3cret")))
        ((prompt, is_echoed),) = someone.prompts
        assert prompt == "(bench@127.0.0.1) Code\N{REPLACEMENT CHARACTER}[2J: "
        assert is_echoed
        assert someone.notes[0] == "The lab"
        with pytest.raises(TransportError, match=r"asks “Code.*: ?”; run this at a terminal to answer it"):
            logs_in(server, Credentials(password_fd=descriptor("s3cret")))


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_a_lost_connection_costs_no_second_question(tmp_path: Path, method: str) -> None:
    someone = Someone("s3cret")
    with asking(tmp_path, methods=({method},)) as server:
        way = server.transport(credentials=someone.credentials())
        assert way.run(["true"]).exit_code == 0
        server.cut()
        with suppress(UnreachableError):  # where the cut is seen only now
            way.run(["true"])
        assert way.run(["true"]).exit_code == 0
        way.close()
        assert (server.logins, len(someone.prompts)) == (2, 1)
        # A secret that is of no use any more is not sent for ever.
        server.password, server.answers = "new", ["new"]
        with pytest.raises(TransportError, match="refused the password"):
            way.run(["true"])
        server.password, server.answers = "s3cret", ["s3cret"]
        with pytest.raises(TransportError):
            way.run(["true"])


def test_a_jump_host_gets_no_password_of_the_board_s(tmp_path: Path) -> None:
    with asking(tmp_path) as server:
        (tmp_path / ".ssh" / "config").write_text(
            f"Host board\n  HostName 127.0.0.1\n  Port {server.port}\n  ProxyJump gate@127.0.0.1:{server.port}\n"
        )
        way = SshTransport("board", home=tmp_path, credentials=Credentials(password_fd=descriptor("s3cret")))
        with pytest.raises(TransportError, match=r"gate@127\.0\.0\.1:\d+ accepts no keys"):
            way.run(["true"])
        assert server.told == []


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: 99, "--password-fd is 99, and no such file descriptor is open; open it, as in `"),
        (lambda: os.openpty()[1], "a terminal: leave the option out to be asked without echo"),
    ],
)
def test_a_descriptor_of_no_use_is_told_at_once(make: Callable[[], int], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Credentials(password_fd=make())


@pytest.mark.parametrize(("text", "sentence"), [(b"", "is empty"), (b"\n\n", "is empty"), (b"\xff\n", "not UTF-8")])
def test_a_descriptor_without_a_password_is_told(text: bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Credentials(password_fd=descriptor(text)).given_password()
