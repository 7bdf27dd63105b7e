"""The files of OpenSSH that a user has: whatever is in them, one sentence or what OpenSSH would read."""

from pathlib import Path

from sis_edge.errors import TransportError, UsageError
from sis_edge.transport.ssh import known_hosts
from sis_edge.transport.ssh.config import SshConfig
from sis_edge.transport.ssh.endpoint import Login, resolve

from .fuzz import fuzzed, obeyed, odd_lines

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIEhCqZdzF0pDrHZrPQ0bMSzJrHXsYS5kH7BqBQ0a5Q9b"
KNOWN_HOSTS = f"""\
nano,192.168.1.20 ssh-ed25519 {KEY} desk
[nano]:2222 ssh-ed25519 {KEY}
|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 {KEY}
*.lab,!bad.lab ecdsa-sha2-nistp256 {KEY}
@revoked * ssh-rsa {KEY}
@cert-authority *.lab ssh-rsa {KEY}
# nano ssh-rsa {KEY}
"""
CONFIG = """\
Include other/*
Host nano n?no !bad
  HostName 192.168.1.20
  Port = 2222
  User "bench"
  IdentityFile ~/.ssh/id_%h
  ProxyJump jump,user@[fe80::1]:2222
  CertificateFile "a b"
  UserKnownHostsFile ~/.ssh/known_hosts ${HOME}/more
Match host 192.168.1.* user bench localnetwork 10.0.0.0/8
  IdentitiesOnly yes
  IdentityAgent $SSH_AUTH_SOCK
  HostKeyAlias %n
Match final all
  CanonicalizeHostname no
  CanonicalDomains lab example
  Tag %C
Host *
  GlobalKnownHostsFile /dev/null
"""


def check_known_hosts(folder: Path, data: bytes) -> None:
    path = folder / "known_hosts"
    path.write_bytes(data)
    for name in ("nano", "[nano]:2222", "orin.lab", "é", "\udcff"):
        keys = known_hosts.read(name, [path], host="nano")
        assert all(isinstance(key.blob, bytes) for key in (*keys.trusted, *keys.authorities))


def check_config(folder: Path, data: bytes, host: str) -> None:
    path = folder / "config"
    path.write_bytes(data)
    config = SshConfig(path, folder, system_file=None)
    try:
        endpoint = resolve(host, config.lookup, Login())
        assert not obeyed(endpoint.name)
        assert 0 < endpoint.port < 65536
    except (TransportError, UsageError) as error:
        is_sentence(error)


def is_sentence(error: Exception) -> None:
    assert not obeyed(str(error))


@fuzzed(one_in=4, data=odd_lines(KNOWN_HOSTS))
def test_known_hosts(place: Path, data: bytes) -> None:
    check_known_hosts(place, data)


@fuzzed(one_in=5, data=odd_lines(CONFIG), host=lambda random: random.choice(("nano", "orin.lab", "é")))
def test_the_configuration(place: Path, data: bytes, host: str) -> None:
    """Commands of `Match exec` are none of these."""
    if b"exec" not in data.lower():
        check_config(place, data, host)
