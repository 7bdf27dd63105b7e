"""Keys and agents: which are tried, in which order, and that none of them ends the login."""

import base64
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ssh_keys import SK, openssh_file, public_blob, security_key, signing, stand_in
from sshd import Server, make_key, serve, ssh_agent

from sis_edge.errors import TransportError
from sis_edge.transport.ssh import SshTransport
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.keys import OfferedKey, PassedOver, offered
from sis_edge.transport.ssh.ssh_agent import SshAgent, SshAgentError, string


def configure(server: Server, text: str) -> SshTransport:
    (server.client / ".ssh" / "config").write_text(f"Host nano\n  HostName 127.0.0.1\n  Port {server.port}\n{text}")
    return SshTransport("nano", home=server.client)


def logs_in(way: SshTransport) -> bool:
    try:
        return way.run(["echo", "in"]).stdout == "in\n"
    finally:
        way.close()


def endpoint(
    *identities: Path, agent: Path | None = None, only: bool = False, certificates: tuple[Path, ...] = ()
) -> Endpoint:
    return Endpoint("nano", 22, "bench", identities, certificates, only, str(agent) if agent else None, ())


def tries(hop: Endpoint) -> list[OfferedKey]:
    return list(offered(hop, PassedOver(), 2.0))


def test_an_agent_s_key_that_does_not_sign_is_passed_over(server: Server, tmp_path: Path) -> None:
    """A security key whose token is not plugged in, before the key that the server takes."""
    good = server.identity.rename(tmp_path / "good")
    public = Path(f"{server.identity}.pub").rename(tmp_path / "good.pub")
    token = string(SK.encode()) + string(b"x" * 32) + string(b"ssh:")
    with stand_in(tmp_path / "agent", (token, None), signing(good)) as agent:
        assert logs_in(configure(server, f"  IdentityAgent {tmp_path}/agent\n"))
        assert agent.asked == [token, public_blob(public.with_suffix(""))]


def test_a_security_key_in_the_agent(server: Server, tmp_path: Path) -> None:
    token = security_key()
    (server.folder / "authorized_keys").write_text(f"{SK} {base64.b64encode(token[0]).decode()}\n")
    with stand_in(tmp_path / "agent", token) as agent:
        assert logs_in(configure(server, f"  IdentityAgent {tmp_path}/agent\n"))
        assert agent.asked == [token[0]]


def test_keys_that_all_do_not_sign_are_told(server: Server, tmp_path: Path) -> None:
    server.identity.rename(tmp_path / "good")
    with (
        stand_in(tmp_path / "agent", (string(SK.encode()), None)),
        pytest.raises(TransportError, match=r"with 1 key \(1 of them did not sign: is the token plugged in\?\)"),
    ):
        configure(server, f"  IdentityAgent {tmp_path}/agent\n").run(["true"])


@pytest.mark.parametrize("named", ["encrypted", "public half", "named public half"])
def test_identities_only_finds_the_private_half_in_the_agent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    with ssh_agent(tmp_path / "agent") as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        # More keys than a server lets anybody try: the agent's others must not be offered.
        for number in range(7):
            subprocess.run(["ssh-add", "-q", str(make_key(tmp_path / f"other{number}"))], check=True)
        subprocess.run(["ssh-add", "-q", str(server.identity)], check=True)
        board = server.identity.rename(server.client / ".ssh" / "board")
        public = Path(f"{server.identity}.pub").rename(f"{board}.pub")
        if named == "encrypted":
            subprocess.run(
                ["ssh-keygen", "-q", "-p", "-P", "", "-N", "a long one", "-f", str(board)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            public.unlink()
        else:
            board.unlink()
        name = "board.pub" if named == "named public half" else "board"
        assert logs_in(configure(server, f"  IdentitiesOnly yes\n  IdentityFile ~/.ssh/{name}\n"))


def test_without_identities_only_the_named_key_goes_first(tmp_path: Path) -> None:
    other, mine = make_key(tmp_path / "other"), make_key(tmp_path / "mine")
    with stand_in(tmp_path / "agent", signing(other), signing(mine)):
        Path(f"{mine}").unlink()
        for only, expected in [(False, [mine, other]), (True, [mine])]:
            keys = tries(endpoint(mine, agent=tmp_path / "agent", only=only))
            assert [key.asbytes() for key in keys] == [public_blob(path) for path in expected]


def test_a_key_in_file_and_agent_is_tried_once(tmp_path: Path) -> None:
    mine = make_key(tmp_path / "mine")
    with stand_in(tmp_path / "agent", signing(mine)) as agent:
        (key,) = tries(endpoint(mine, agent=tmp_path / "agent"))
        assert key.sign_ssh_data(b"data")
        assert agent.asked == []


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("ecdsa", "beside the key"),
        ("ecdsa", "CertificateFile"),
        ("ed25519", "key in the agent"),
        ("ed25519", "all in the agent"),
        ("rsa", "all in the agent"),
    ],
)
def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, way: str) -> None:
    """The server knows the authority only, not the key."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    authority = make_key(tmp_path / "authority")
    user = make_key(tmp_path / "user", kind=kind)
    with (
        serve(tmp_path / "sshd", settings=f"TrustedUserCAKeys {authority}.pub\n") as server,
        ssh_agent(tmp_path / "agent") as agent,
    ):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        (server.folder / "authorized_keys").write_text("")
        principal = server.transport().name.partition("@")[0]
        words = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", principal, f"{user}.pub"]
        subprocess.run(words, check=True)
        certificate = tmp_path / "user-cert.pub"
        text = f"  IdentitiesOnly yes\n  IdentityFile {user}\n"
        if way == "all in the agent":
            subprocess.run(["ssh-add", "-q", str(user)], check=True, stderr=subprocess.DEVNULL)
            for path in (user, Path(f"{user}.pub"), certificate):
                path.unlink()
            text = ""
        elif way != "beside the key":
            certificate = certificate.rename(tmp_path / "elsewhere.pub")
            text += f"  CertificateFile {certificate}\n"
            if way == "key in the agent":
                subprocess.run(["ssh-add", "-q", str(user)], check=True, stderr=subprocess.DEVNULL)
                user.unlink()
        assert logs_in(configure(server, text))


def test_a_certificate_that_has_expired_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    authority, user = make_key(tmp_path / "authority"), make_key(tmp_path / "user")
    with serve(tmp_path / "sshd", settings=f"TrustedUserCAKeys {authority}.pub\n") as server:
        principal = server.transport().name.partition("@")[0]
        words = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", principal, "-V", "20200101:20200102"]
        subprocess.run([*words, f"{user}.pub"], check=True)
        with pytest.raises(TransportError, match=r"; the certificate .*/user-cert\.pub has expired on 2020-01-0\d "):
            configure(server, f"  IdentitiesOnly yes\n  IdentityFile {user}\n").run(["true"])


def test_the_agent_of_the_configuration(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = server.identity.rename(tmp_path / "good")
    with stand_in(tmp_path / "agent", signing(good)):
        monkeypatch.setenv("MINE", str(tmp_path / "agent"))
        monkeypatch.setenv("FOLDER", str(tmp_path))
        assert logs_in(configure(server, "  IdentityAgent $MINE\n"))
        assert logs_in(configure(server, "  IdentityAgent ${FOLDER}/agent\n"))
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        assert logs_in(configure(server, "  IdentityAgent SSH_AUTH_SOCK\n"))
        with pytest.raises(TransportError, match="no SSH key to log in"):
            configure(server, "  IdentityAgent none\n").run(["true"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (openssh_file(SK), "is of a security key; add it to ssh-agent with `ssh-add "),
        (openssh_file("ssh-dss"), "is a DSA key"),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "is a DSA key"),
        (openssh_file("ssh-ed25519"), "cannot be read"),
        (openssh_file("ssh-future"), "cannot be read"),
        ("-----BEGIN RSA PRIVATE KEY-----\n\xff\n-----END RSA PRIVATE KEY-----\n", "cannot be read"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "cannot be read (not an SSH private key; `ssh-keygen -p -f "),
        ("", "cannot be read"),
        ("\xff\xfe", "cannot be read"),
    ],
)
def test_a_key_file_that_is_of_no_use_is_passed_over_and_told(server: Server, text: str, sentence: str) -> None:
    ssh = server.client / ".ssh"
    server.identity.rename(ssh / "good")
    (ssh / "odd").write_bytes(text.encode("latin-1"))
    assert logs_in(configure(server, "  IdentityFile ~/.ssh/odd\n  IdentityFile ~/.ssh/good\n"))
    with pytest.raises(TransportError) as caught:
        configure(server, "  IdentityFile ~/.ssh/odd\n").run(["true"])
    assert f"{ssh / 'odd'} {sentence}" in str(caught.value)


@pytest.mark.parametrize(
    "answer", [b"", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x05\x0c\xff\xff\xff\xff", b"\0\0\0\1\5"]
)
def test_an_agent_that_answers_nonsense_is_no_agent(tmp_path: Path, answer: bytes) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "agent"))
    listener.listen()

    def once() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(100)
            sock.sendall(answer)

    for _ in range(2):
        threading.Thread(target=once, daemon=True).start()
    with pytest.raises(SshAgentError):
        SshAgent(str(tmp_path / "agent"), 2.0).identities()
    assert tries(endpoint(agent=tmp_path / "agent")) == []
    listener.close()


def test_an_agent_that_is_gone_or_silent_is_no_agent(tmp_path: Path) -> None:
    assert tries(endpoint(agent=tmp_path / "nothing")) == []
    assert tries(endpoint(agent=tmp_path / ("long" * 50))) == []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "agent"))
        listener.listen()
        assert list(offered(endpoint(agent=tmp_path / "agent"), PassedOver(), 0.1)) == []


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=80),
    st.sampled_from([b"", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"ssh-ed25519 "]),
    st.booleans(),
)
def test_no_bytes_break_the_reading_of_keys(tmp_path: Path, data: bytes, heading: bytes, as_base64: bool) -> None:
    body = base64.b64encode(b"openssh-key-v1\0" + data) if as_base64 else data
    for name in ("key", "key.pub", "key-cert.pub", "cert"):
        (tmp_path / name).write_bytes(heading + body)
    passed_over = PassedOver()
    hop = endpoint(tmp_path / "key", tmp_path / "key.pub", certificates=(tmp_path / "cert",))
    assert list(offered(hop, passed_over, 1.0)) == []
    "".join(passed_over.unusable).encode()


def test_a_key_file_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "key").write_text("")
    (tmp_path / "key").chmod(0)
    passed_over = PassedOver()
    assert list(offered(endpoint(tmp_path / "key"), passed_over, 1.0)) == []
    assert "Permission denied" in passed_over.unusable[0]
