import base64
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from paramiko.auth_handler import AuthHandler
from sshd import Proxy, Server, free_port, make_key, require, serve, ssh_agent, wait_for

from sis_edge.errors import BoardError, TransportError, UsageError
from sis_edge.transport import connect
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.ssh import SshTransport
from sis_edge.transport.ssh import transport as transport_module
from sis_edge.transport.ssh.known_hosts import fingerprint


def shown_fingerprint(server: Server) -> str:
    return fingerprint(base64.b64decode((server.folder / "host_ed25519.pub").read_text().split()[1]))


def test_the_name_says_how_the_board_is_reached(server: Server) -> None:
    assert server.transport(user="bench").name == f"bench@127.0.0.1:{server.port}"
    assert connect().name == "local"
    assert isinstance(connect("127.0.0.1", port=server.port), SshTransport)


@pytest.mark.fault("unknown host key", "refused, with fingerprint and next step")
def test_an_unknown_host_is_refused_with_its_fingerprint(server: Server) -> None:
    server.known_hosts.unlink()
    transport = server.transport()
    with pytest.raises(TransportError) as caught:
        transport.run(["true"])
    text = str(caught.value)
    assert not isinstance(caught.value, UnreachableError)
    assert f"the host key of [127.0.0.1]:{server.port} is unknown" in text
    assert f"ssh-ed25519 {shown_fingerprint(server)}" in text
    assert f"`ssh-keyscan -p {server.port} -t ed25519 127.0.0.1 >> '{server.known_hosts}'`" in text
    assert not server.known_hosts.exists()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_step_that_is_told_makes_the_host_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with serve(tmp_path / "sshd", host_keys=(kind,)) as server:
        server.known_hosts.write_text("")
        with pytest.raises(TransportError, match=f"ssh_host_{kind}_key") as caught:
            server.transport().run(["true"])
        told = next(part for part in str(caught.value).split("`") if part.startswith("ssh-keyscan"))
        subprocess.run(told, shell=True, check=True, capture_output=True)
        transport = server.transport()
        assert transport.run(["echo", "in"]).stdout == "in\n"
        transport.close()


@pytest.mark.fault("cut during the login", "may be tried again")
def test_a_connection_that_breaks_during_the_login_may_be_tried_again(server: Server, proxy: Proxy) -> None:
    broke = 0
    for limit_bytes in range(100, 1800, 100):
        proxy.cut_after_bytes = limit_bytes
        transport = server.transport(port=proxy.port)
        try:
            transport.run(["true"])
        except UnreachableError:
            broke += 1
        transport.close()
    assert broke > 5


@pytest.mark.parametrize("error", [BrokenPipeError("gone"), EOFError()])
def test_a_connection_that_breaks_as_the_key_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(self: AuthHandler, *_: object) -> None:
        assert self.transport.is_active()
        raise error

    monkeypatch.setattr(AuthHandler, "auth_publickey", broken)
    with pytest.raises(UnreachableError, match="closed the connection during the login"):
        server.transport().run(["true"])


def test_a_server_that_hangs_up_after_too_many_keys_refused_the_login(server: Server, tmp_path: Path) -> None:
    keys = [make_key(tmp_path / f"key{number}") for number in range(7)]
    (server.client / ".ssh" / "config").write_text("Host *\n" + "".join(f"  IdentityFile {key}\n" for key in keys))
    with pytest.raises(
        TransportError, match=r"refused the login with \d keys; choose another with --identity"
    ) as caught:
        server.transport().run(["true"])
    assert not isinstance(caught.value, UnreachableError)


def test_a_file_of_the_user_s_own_may_know_the_host(server: Server, tmp_path: Path) -> None:
    mine = server.known_hosts.rename(tmp_path / "mine")
    transport = server.transport(known_hosts=mine)
    assert transport.run(["true"]).exit_code == 0
    transport.close()


@pytest.mark.fault("changed host key", "refused")
def test_a_changed_host_key_is_refused_with_the_way_out(server: Server, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[1]
    server.known_hosts.write_text(f"@cert-authority * ssh-rsa AAAA\n[127.0.0.1]:{server.port} ssh-ed25519 {other}\n")
    with pytest.raises(TransportError, match="has CHANGED") as caught:
        server.transport().run(["true"])
    text = str(caught.value)
    assert shown_fingerprint(server) in text
    assert fingerprint(base64.b64decode(other)) in text
    assert f"{server.known_hosts}:2" in text
    told = next(part for part in text.split("`") if part.startswith("ssh-keygen"))
    subprocess.run(told, shell=True, check=True, capture_output=True)
    assert other not in server.known_hosts.read_text()


def test_a_revoked_host_key_is_refused(server: Server) -> None:
    key = (server.folder / "host_ed25519.pub").read_text().split()[1]
    with server.known_hosts.open("a") as file:
        file.write(f"@revoked * ssh-ed25519 {key}\n")
    with pytest.raises(TransportError, match="@revoked"):
        server.transport().run(["true"])


def test_another_key_type_of_the_host_is_no_surprise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with serve(tmp_path / "sshd", host_keys=("ed25519", "rsa")) as server:
        rsa = (server.folder / "host_rsa.pub").read_text().split()
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {rsa[0]} {rsa[1]}\n")
        transport = server.transport()
        assert transport.run(["true"]).exit_code == 0
        transport.close()


def test_a_wrong_key_is_told(server: Server, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="refused the login with 1 key") as caught:
        server.transport(identity=make_key(tmp_path / "wrong")).run(["true"])
    assert "ssh-copy-id" in str(caught.value)


def test_no_key_at_all_is_told(server: Server) -> None:
    server.identity.unlink()
    with pytest.raises(TransportError, match="no SSH key to log in"):
        server.transport().run(["true"])


def test_an_encrypted_key_is_told(server: Server, tmp_path: Path) -> None:
    locked = make_key(tmp_path / "locked", passphrase="a long one")
    with pytest.raises(TransportError, match=f"`ssh-add {locked}`"):
        server.transport(identity=locked).run(["true"])


def test_an_encrypted_key_in_the_agent_works(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ssh_agent(tmp_path / "agent") as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        subprocess.run(["ssh-add", "-q", str(server.identity)], check=True)
        locked = make_key(tmp_path / "locked", passphrase="a long one")
        transport = server.transport(identity=locked)
        assert transport.run(["true"]).exit_code == 0
        transport.close()


def test_a_file_that_is_no_key_is_told(server: Server) -> None:
    server.identity.write_text("no key")
    with pytest.raises(TransportError, match="cannot be read"):
        server.transport().run(["true"])


def test_nobody_listens(server: Server) -> None:
    with pytest.raises(UnreachableError, match="is its SSH server running"):
        server.transport(port=free_port()).run(["true"])


def test_a_host_without_a_name(server: Server) -> None:
    transport = SshTransport("no-such-host.invalid", home=server.client)
    with pytest.raises(UnreachableError, match=r"host no-such-host\.invalid not found"):
        transport.run(["true"])


@pytest.mark.fault("server never says a word", "given up in bounded time")
def test_a_server_that_never_says_a_word_is_given_up(server: Server) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        server.know(port)
        with pytest.raises(UnreachableError, match="closed the connection in the SSH handshake"):
            server.transport(port=port, login_s=0.5).run(["true"])


def test_a_jump_host_leads_to_the_board(server: Server) -> None:
    (server.client / ".ssh" / "config").write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {server.port}\n  ProxyJump 127.0.0.1:{server.port}\n"
    )
    transport = SshTransport("board", home=server.client)
    assert transport.run(["echo", "far"]).stdout == "far\n"
    transport.close()


@pytest.mark.fault("jump host cannot go on", "one sentence")
def test_a_jump_host_that_cannot_go_on_is_told(server: Server) -> None:
    port = free_port()
    (server.client / ".ssh" / "config").write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {port}\n  ProxyJump 127.0.0.1:{server.port}\n"
    )
    with pytest.raises(UnreachableError, match=f"the jump host cannot reach 127.0.0.1 port {port}"):
        SshTransport("board", home=server.client).run(["true"])


GREEDY = """#!{python}
import os, subprocess, time
time.sleep(0.3)
line = os.read(0, 1 << 16).partition(b"\\n")[0]
raise SystemExit(subprocess.call(["/bin/sh", "-c", line]))
"""


def test_a_shell_that_reads_ahead_takes_nothing_from_its_command(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = tmp_path / "greedy"
    shell.write_text(GREEDY.format(python=sys.executable))
    shell.chmod(0o755)
    monkeypatch.setattr(transport_module, "SHELL", str(shell))
    transport = server.transport()
    assert transport.feed(["cat"], [b"first\n", b"second\n"]).stdout == "first\nsecond\n"
    transport.close()


def test_a_proxy_command_that_fails_says_why(server: Server) -> None:
    (server.client / ".ssh" / "config").write_text(
        'Host board\n  HostName far.lab\n  ProxyCommand echo "no way to %h" >&2; exit 1\n'
    )
    transport = SshTransport("board", home=server.client)
    with pytest.raises(
        UnreachableError, match=r"far\.lab port 22 closed .*; its ProxyCommand says: no way to far\.lab$"
    ):
        transport.run(["true"])


def test_a_proxy_command_ends_with_its_connection(server: Server, tmp_path: Path) -> None:
    relay = f'{sys.executable} -c \'import os, sys; open(sys.argv[1], "w").write(str(os.getpid())); ' + (
        "os.execvp(sys.argv[2], sys.argv[2:])' "
    )
    way = f"{require('ssh')} -F none -i '{server.identity}' -o 'UserKnownHostsFile \"{server.known_hosts}\"'"
    (server.client / ".ssh" / "config").write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {server.port}\n"
        f"  ProxyCommand {relay} {tmp_path}/pid {way} -W %h:%p -p {server.port} 127.0.0.1\n"
    )
    transport = SshTransport("board", home=server.client)
    assert transport.run(["echo", "in"]).stdout == "in\n"
    process = psutil.Process(int((tmp_path / "pid").read_text()))
    assert process.is_running()
    transport.close()
    wait_for(lambda: not process.is_running(), "the ProxyCommand goes on")


def test_a_cut_transfer_leaves_no_file_and_can_be_repeated(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    transport = server.transport(port=proxy.port)
    proxy.cut_after_bytes = 1_000_000
    with pytest.raises(UnreachableError, match="lost the connection to"):
        transport.put(source, "folder/file")
    assert not (server.home / "folder/file").exists()
    transport.put(source, "folder/file")
    assert (server.home / "folder/file").read_bytes() == source.read_bytes()
    assert (proxy.cuts, proxy.connections) == (1, 2)
    transport.close()


def test_a_command_whose_connection_is_cut_is_no_command_that_failed(server: Server, proxy: Proxy) -> None:
    transport = server.transport(port=proxy.port)
    assert transport.run(["true"]).exit_code == 0
    threading.Timer(0.3, proxy.cut).start()
    with pytest.raises(UnreachableError):
        transport.run(["sleep", "30"])
    assert transport.run(["true"]).exit_code == 0
    transport.close()


def test_a_command_that_a_signal_ended_is_no_lost_connection(server: Server) -> None:
    transport = server.transport()
    assert transport.run(["sh", "-c", "kill -9 $$"]).exit_code in (-1, 128 + signal.SIGKILL)
    assert transport.run(["true"]).exit_code == 0
    transport.close()


@pytest.mark.fault("network silently gone", "given up in bounded time")
@pytest.mark.parametrize("call", ["put", "fetch", "run"])
def test_a_network_that_is_silently_gone_is_given_up(server: Server, proxy: Proxy, tmp_path: Path, call: str) -> None:
    (tmp_path / "source").write_bytes(os.urandom(9_000_000))
    (server.home / "file").write_bytes(os.urandom(9_000_000))
    transport = server.transport(port=proxy.port, stall_s=1.0)
    transport.run(["true"])
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: transport.put(tmp_path / "source", "target"),
        "fetch": lambda: transport.fetch("file", tmp_path / "back"),
        "run": lambda: transport.run(["true"]),
    }
    # A transfer is under way when the network goes; a command begins after that.
    proxy.freeze_after_bytes = 500_000 if call != "run" else 0
    with pytest.raises(UnreachableError):
        calls[call]()
    assert proxy.frozen.is_set()
    proxy.frozen.clear()
    transport.close()


def test_a_key_file_that_is_missing_is_the_user_s_to_mend(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ssh-keygen -t ed25519"):
        server.transport(identity=tmp_path / "nothing")


@pytest.mark.fault("no permission on the board", "one sentence that names the file")
def test_permission_denied_on_the_board_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("x")
    transport = server.transport()
    with pytest.raises(BoardError, match="cannot write /proc/nowhere"):
        transport.put(tmp_path / "source", "/proc/nowhere/file")
    transport.close()
