import os
import pwd
from pathlib import Path

import pytest

from sis_edge.errors import TransportError, UsageError
from sis_edge.transport.ssh.config import SshConfig
from sis_edge.transport.ssh.endpoint import Endpoint, Login, parse, resolve

CONFIG = """\
Host nano
  HostName 192.168.1.20
  User bench
  Port 2222
  IdentityFile ~/keys/nano
  UserKnownHostsFile ~/hosts_a ~/hosts_b
  ProxyJump gate
Host gate
  HostName gate.lab
  User porter
  IdentitiesOnly yes
Host far
  ProxyJump one@first:22,second
Host ring
  ProxyJump ring
Host odd
  HostName odd.lab
  Port 2222
  ProxyCommand nc %h %p ${PORT:-%n} 100%%
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    for name in (".ssh/id_rsa", ".ssh/other", "keys/nano"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("key")
    (tmp_path / ".ssh/config").write_text(CONFIG)
    return tmp_path


def endpoint(home: Path, target: str, **options: object) -> Endpoint:
    config = SshConfig(home / ".ssh/config", home, None)
    return resolve(target, config.lookup, Login(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nano", (None, "nano", None)),
        ("bench@nano:2222", ("bench", "nano", 2222)),
        ("a@b@nano", ("a@b", "nano", None)),
        ("[fe80::1]:22", (None, "fe80::1", 22)),
        ("fe80::1%eth0", (None, "fe80::1%eth0", None)),
        ("fe80::1%br-lan", (None, "fe80::1%br-lan", None)),
        ("bench@fe80::1%eth0.100", ("bench", "fe80::1%eth0.100", None)),
        ("bench@[fe80::1%br-lan]:2222", ("bench", "fe80::1%br-lan", 2222)),
        ("ssh://bench@192.168.1.20:2222", ("bench", "192.168.1.20", 2222)),
        ("ssh://nano", (None, "nano", None)),
        ("ssh://[fe80::1%25br-lan]:22", (None, "fe80::1%br-lan", 22)),
        ("ssh://b%40lab@[::1]/", ("b@lab", "::1", None)),
    ],
)
def test_parse(text: str, parts: tuple[str | None, str, int | None]) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", "bench@", "nano:port", "-oProxyCommand=x", "two words", "ssh://", "http://nano", "ssh://nano/x", "n\x1bo"],
)
def test_parse_refuses_what_is_no_host(text: str) -> None:
    with pytest.raises(UsageError, match="is not a host"):
        parse(text)


def test_the_configuration_is_honoured(home: Path) -> None:
    found = endpoint(home, "nano")
    assert found.name == "bench@192.168.1.20:2222"
    assert found.identities == (home / "keys/nano",)
    assert found.known_hosts[:2] == (home / "hosts_a", home / "hosts_b")
    assert [(hop.name, hop.identities_only) for hop in found.jumps] == [("porter@gate.lab:22", True)]
    assert found.agent == "/run/agent"


def test_what_is_given_goes_first(home: Path) -> None:
    mine = home / "mine"
    mine.write_text("")
    found = endpoint(home, "me@nano:7", port=8, identity=home / ".ssh/other", known_hosts=mine)
    assert found.name == "me@192.168.1.20:8"
    assert found.identities == (home / ".ssh/other",)
    assert found.known_hosts[0] == mine
    assert endpoint(home, "me@nano:7", user="you").name == "you@192.168.1.20:7"
    assert endpoint(home, "me@fe80::1%br-lan").name == "me@[fe80::1%br-lan]:22"


def test_without_a_configuration_the_usual_keys_are_tried(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("LOGNAME", "somebody else")  # ssh goes by the account
    found = endpoint(home, "elsewhere")
    assert (found.name, found.identities) == (f"{me}@elsewhere:22", (home / ".ssh/id_rsa",))


def test_a_chain_of_jump_hosts(home: Path) -> None:
    assert [hop.host for hop in endpoint(home, "far").jumps] == ["first", "second"]


def test_a_proxy_command_has_its_tokens(home: Path) -> None:
    assert endpoint(home, "odd").proxy_command == "nc odd.lab 2222 ${PORT:-odd} 100%"
    assert endpoint(home, "nano").proxy_command is None


def test_jump_hosts_in_a_ring_are_told(home: Path) -> None:
    with pytest.raises(TransportError, match="form a loop"):
        endpoint(home, "ring")


def test_files_that_are_not_there(home: Path) -> None:
    with pytest.raises(UsageError, match=r"key file .* not found; create it with `ssh-keygen"):
        endpoint(home, "nano", identity=home / "nothing")
    with pytest.raises(UsageError, match=r"known_hosts .* not found; create it with `ssh-keyscan"):
        endpoint(home, "nano", known_hosts=home / "nothing")


def test_a_configuration_that_cannot_be_read(home: Path) -> None:
    (home / ".ssh/config").write_text("# mine\nnonsense\n")
    with pytest.raises(TransportError, match="config line 2: nonsense has no value; fix"):
        endpoint(home, "nano")


def test_a_key_in_nobody_s_home_is_not_found(tmp_path: Path) -> None:
    for login in (Login(identity=Path("~no-such-user/key")), Login(known_hosts=Path("~no-such-user/known"))):
        with pytest.raises(UsageError, match=r"~no-such-user/k[a-z]+ not found"):
            resolve("nano", SshConfig(tmp_path / "config", tmp_path, None).lookup, login)
