"""Trust on first use: what is pinned where, and what is never trusted."""

import base64
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from sshd import Server, make_key

from sis_edge.errors import DiskError, TransportError
from sis_edge.transport import Credentials
from sis_edge.transport.ssh import SshTransport
from sis_edge.transport.ssh.known_hosts import fingerprint, pin, read


def first_use(server: Server, notes: list[str] | None = None, **options: object) -> SshTransport:
    say = (notes if notes is not None else []).append
    return server.transport(trust_on_first_use=True, credentials=Credentials(say=say), **options)


def shown(server: Server) -> str:
    kind, key = (server.folder / "host_ed25519.pub").read_text().split()[:2]
    return f"{kind} {fingerprint(base64.b64decode(key))}"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def logs_in(way: SshTransport) -> bool:
    try:
        return way.run(["echo", "in"]).stdout == "in\n"
    finally:
        way.close()


@pytest.mark.parametrize("is_hashed", [True, False])
def test_an_unknown_host_is_pinned_as_ssh_would(server: Server, is_hashed: bool) -> None:
    server.known_hosts.unlink()
    config = f"Host *\n  HashKnownHosts {'yes' if is_hashed else 'no'}\n"
    (server.client / ".ssh" / "config").write_text(config)
    notes: list[str] = []
    assert logs_in(first_use(server, notes))
    assert notes == [
        f"Pinned the host key of [127.0.0.1]:{server.port} in {server.known_hosts}: {shown(server)}. "
        "Another key will be refused."
    ]
    text = server.known_hosts.read_text()
    assert ("127.0.0.1" in text) != is_hashed
    assert mode(server.known_hosts) == 0o600
    find = ["ssh-keygen", "-F", f"[127.0.0.1]:{server.port}", "-f", str(server.known_hosts)]
    assert (server.folder / "host_ed25519.pub").read_text().split()[1] in subprocess.run(
        find, check=True, capture_output=True, text=True
    ).stdout
    # From now on it is known, and another key is not trusted.
    assert logs_in(server.transport())
    assert logs_in(first_use(server, notes))
    assert (len(notes), server.known_hosts.read_text()) == (1, text)


def test_the_file_of_the_option_is_made_with_its_folder(server: Server, tmp_path: Path) -> None:
    server.known_hosts.unlink()
    own = tmp_path / "new" / "known"
    assert logs_in(first_use(server, known_hosts=own))
    assert (mode(own), mode(own.parent)) == (0o600, 0o700)
    assert not server.known_hosts.exists()


def test_a_changed_key_is_refused_with_both_fingerprints_and_the_line(server: Server, tmp_path: Path) -> None:
    other = Path(f"{make_key(tmp_path / 'other')}.pub").read_text().split()
    text = f"# mine\n[127.0.0.1]:{server.port} {other[0]} {other[1]}\n"
    server.known_hosts.write_text(text)
    with pytest.raises(TransportError, match="has CHANGED") as caught:
        first_use(server).run(["true"])
    for part in (shown(server), f"{server.known_hosts}:2", fingerprint(base64.b64decode(other[1]))):
        assert part in str(caught.value)
    assert server.known_hosts.read_text() == text


def test_a_key_of_another_type_is_no_first_use(server: Server, tmp_path: Path) -> None:
    other = Path(f"{make_key(tmp_path / 'other', kind='rsa')}.pub").read_text().split()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other[0]} {other[1]}\n")
    with pytest.raises(TransportError, match="has CHANGED"):
        first_use(server).run(["true"])


@pytest.mark.fault("revoked host key", "refused")
def test_a_revoked_key_is_refused(server: Server) -> None:
    key = " ".join((server.folder / "host_ed25519.pub").read_text().split()[:2])
    server.known_hosts.write_text(f"@revoked * {key}\n")
    with pytest.raises(TransportError, match="marked @revoked"):
        first_use(server).run(["true"])
    assert server.known_hosts.read_text() == f"@revoked * {key}\n"


def test_a_host_without_the_certificate_of_its_authority_is_refused(server: Server, tmp_path: Path) -> None:
    authority = Path(f"{make_key(tmp_path / 'authority')}.pub").read_text()
    server.known_hosts.write_text(f"@cert-authority * {authority}")
    with pytest.raises(TransportError, match="it shows no host certificate; have a certificate made"):
        first_use(server).run(["true"])
    assert server.known_hosts.read_text() == f"@cert-authority * {authority}"


def test_without_the_option_the_next_step_is_told_and_leads_in(server: Server) -> None:
    server.known_hosts.unlink()
    with pytest.raises(TransportError) as caught:
        server.transport().run(["true"])
    assert f"it is {shown(server)}. Compare it with `ssh-keygen -lf " in str(caught.value)
    assert "the same command with --trust-on-first-use pins it" in str(caught.value)
    assert not server.known_hosts.exists()


def test_jump_hosts_are_pinned_as_well_and_no_scan_is_told_behind_them(server: Server) -> None:
    server.known_hosts.unlink()
    (server.client / ".ssh" / "config").write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {server.port}\n  HostKeyAlias the-board\n  ProxyJump gate\n"
        f"Host gate\n  HostName 127.0.0.1\n  Port {server.port}\n"
    )
    with pytest.raises(TransportError, match="ssh-keyscan"):
        SshTransport("board", home=server.client).run(["true"])
    assert logs_in(SshTransport("gate", home=server.client, trust_on_first_use=True))
    with pytest.raises(TransportError, match="the-board is unknown") as caught:
        SshTransport("board", home=server.client).run(["true"])
    assert "ssh-keyscan" not in str(caught.value)
    assert logs_in(SshTransport("board", home=server.client, trust_on_first_use=True))


def test_where_nothing_can_be_pinned_nobody_is_trusted(server: Server, tmp_path: Path) -> None:
    server.known_hosts.unlink()
    (tmp_path / "a file").write_text("")
    with pytest.raises(DiskError, match="cannot write"):
        first_use(server, known_hosts=tmp_path / "a file" / "below").run(["true"])
    for named in ("none", "/dev/null"):
        (server.client / ".ssh" / "config").write_text(f"Host *\n  UserKnownHostsFile {named}\n")
        with pytest.raises(TransportError, match=r"cannot be pinned: .* name one with --known-hosts"):
            first_use(server).run(["true"])


def test_pins_of_many_at_once_are_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("a line without an end")

    def add(number: int) -> None:
        pin(file, f"host{number}", "ssh-ed25519", b"key %d" % number, is_hashed=number % 2 == 0)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(20):
        (key,) = read(f"host{number}", [file]).trusted
        assert key.blob == b"key %d" % number
    assert file.read_text().splitlines()[0] == "a line without an end"
