"""Configurations of users whose boards could not be reached, each through a real server."""

import getpass
import gzip
import ipaddress
import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest
from command import sis_edge_here
from ssh_keys import SK, openssh_file
from sshd import Server, ssh_agent
from tiny_bundle import tiny_bundle

from sis_edge.errors import TransportError
from sis_edge.transport.ssh import SshTransport, match

CASES = Path(__file__).parent / "cases"
CONFIGS = sorted(path.name for path in CASES.glob("*-config*"))


@pytest.fixture
def user(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server, and its user's keys under every name that a case has."""
    monkeypatch.setattr(match, "local_addresses", lambda: [ipaddress.ip_address("127.0.0.1")])
    ssh = server.client / ".ssh"
    (ssh / "id_ed25519_sk").write_text(openssh_file(SK))
    for name in ("good", "nano", "board"):
        shutil.copy(server.identity, ssh / name)
    with ssh_agent(tmp_path / "agent") as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        subprocess.run(["ssh-add", "-q", str(ssh / "board")], check=True)
        words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "a long one", "-f", str(ssh / "board")]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        yield server


def install(server: Server, name: str) -> None:
    """The case as ~/.ssh/config: its addresses become the server's, its user the one that the server lets in."""
    ssh = server.client / ".ssh"
    (ssh / "config.d").mkdir()
    for source, target in [(name, "config"), ("config.d/lab", "config.d/lab")]:
        text = (CASES / source).read_text().replace("192.168.1.20", "127.0.0.1").replace("192.168.*", "127.*")
        text = text.replace("Port 2222", f"Port {server.port}").replace("User bench", f"User {getpass.getuser()}")
        (ssh / target).write_text(text)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_leads_to_the_board(user: Server, tmp_path: Path, name: str) -> None:
    install(user, name)
    port = None if "Port" in (CASES / name).read_text() else user.port
    (tmp_path / "source").write_text("to the board")
    way = SshTransport("nano", port=port, home=user.client)
    assert way.name == f"{getpass.getuser()}@127.0.0.1:{user.port}"
    assert way.run(["echo", "in"]).stdout == "in\n"
    way.put(tmp_path / "source", "there")
    assert (user.home / "there").read_text() == "to the board"
    way.close()
    # No configuration lets an unknown or a changed host in.
    with (user.client / ".ssh" / "config").open("a") as file:
        file.write("Match all\n  StrictHostKeyChecking no\n")
    user.know(user.port + 1)
    known = user.known_hosts.read_text()
    for text, sentence in [("", "is unknown"), (known.replace(known.split()[2], "AAAA"), "has CHANGED")]:
        user.known_hosts.write_text(text)
        with pytest.raises(TransportError, match=sentence):
            SshTransport("nano", port=port, home=user.client).run(["true"])


PROFILE = """
name = "desk"
title = "The board on the desk"
[board]
model = "any"
architecture = "any"
cpu = "any"
system = "Linux"
verified = false
[runtime]
threads = 1
[measuring]
rounds = 2
inferences_per_round = 3
min_inferences = 0
min_time_s = 0
memory_repeats = 1
processes = 1
sampler_pairs = 2
warmup_s = 0.01
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_deploy_by_a_configuration(user: Server, tmp_path: Path, name: str) -> None:
    """The command line as a user has it, whose home has this configuration."""
    install(user, name)
    bundle = tiny_bundle(tmp_path / "bundle").path
    (tmp_path / "desk.toml").write_text(PROFILE)
    port = [] if "Port" in (CASES / name).read_text() else ["--port", str(user.port)]
    words = ("deploy", "--host", "nano", *port, "--bundle", str(bundle), "--profile", "desk.toml")
    done = sis_edge_here(*words, cwd=tmp_path, HOME=str(user.client))
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").glob("*.json.gz")
    assert json.loads(gzip.decompress(run.read_bytes()))["board"] == f"{getpass.getuser()}@127.0.0.1:{user.port}"


def test_there_are_cases() -> None:
    assert len(CONFIGS) == 7


@pytest.mark.parametrize(
    "address", ["{user}@127.0.0.1:{port}", "ssh://{user}@127.0.0.1:{port}", "ssh://127.0.0.1:{port}/"]
)
def test_addresses(server: Server, address: str) -> None:
    way = SshTransport(address.format(user=getpass.getuser(), port=server.port), home=server.client)
    assert way.run(["echo", "in"]).stdout == "in\n"
    way.close()


def test_a_zone_of_an_interface_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="has the network interface br-lan"):
        SshTransport("fe80::1%br-lan", home=tmp_path).run(["true"])


@pytest.mark.parametrize("host", ["a" * 70, "nano..lab", "n\N{LATIN SMALL LETTER SHARP S}no.invalid"])
def test_a_host_that_cannot_be_a_name(tmp_path: Path, host: str) -> None:
    with pytest.raises(TransportError, match="not found; check its name"):
        SshTransport(host, home=tmp_path).run(["true"])


def test_the_alias_of_a_host_key(server: Server) -> None:
    """A board whose address changes is known by a name of its own."""
    config = server.client / ".ssh" / "config"
    config.write_text(f"Host nano\n  HostName 127.0.0.1\n  Port {server.port}\n  HostKeyAlias The-Board\n")
    key = server.known_hosts.read_text().split(None, 1)[1]
    with pytest.raises(TransportError, match="the host key of The-Board is unknown") as caught:
        SshTransport("nano", home=server.client).run(["true"])
    told = next(part for part in str(caught.value).split("`") if part.startswith("ssh-keyscan"))
    subprocess.run(told, shell=True, check=True, capture_output=True)
    assert server.known_hosts.read_text().splitlines()[-1].split()[0] == "The-Board"
    server.known_hosts.write_text(f"the-board {key}")
    way = SshTransport("nano", home=server.client)
    assert way.run(["true"]).exit_code == 0
    way.close()


def test_files_of_known_hosts_with_blanks_in_their_names(server: Server) -> None:
    config = server.client / ".ssh" / "config"
    server.known_hosts.rename(server.client / "known of me")
    config.write_text('Host *\n  UserKnownHostsFile none "%d/known of me"\n')
    way = server.transport()
    assert way.run(["true"]).exit_code == 0
    way.close()


def test_a_configuration_with_bytes_that_are_not_utf_8(server: Server) -> None:
    config = server.client / ".ssh" / "config"
    key = server.identity.rename(server.client / ".ssh" / "Schl\udcfcssel")
    config.write_bytes(b"# Stra\xdfe\nHost *\n  IdentityFile ~/.ssh/Schl\xfcssel\n")
    way = server.transport()
    assert way.run(["true"]).exit_code == 0
    way.close()
    key.write_text("nonsense")
    with pytest.raises(TransportError, match="Schl\N{REPLACEMENT CHARACTER}ssel cannot be read"):
        server.transport().run(["true"])
    config.write_bytes(b"Host nano\n  HostName stra\xdfe\n")
    with pytest.raises(TransportError, match=r"the HostName of nano .* is not text"):
        SshTransport("nano", home=server.client)


def test_the_welcome_of_a_real_bash(server: Server, tmp_path: Path) -> None:
    if Path(pwd.getpwuid(os.getuid()).pw_shell).name != "bash":
        pytest.skip("the login shell here is not bash")
    (tmp_path / "source").write_text("to the board")
    (server.home / ".bashrc").write_text((CASES / "04-sftp-garbage.bashrc").read_text() + f"touch '{tmp_path}/ran'\n")
    way = server.transport()
    assert way.run(["echo", "in"]).stdout == "in\n"
    way.put(tmp_path / "source", "there")
    assert (server.home / "there").read_text() == "to the board"
    assert (tmp_path / "ran").exists()
    way.close()
