"""Host certificates of ssh-keygen: which are taken, and why the others are not, as OpenSSH's client decides."""

import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sshd import Server, make_key, serve

from sis_edge.errors import TransportError
from sis_edge.transport.ssh.host_certificate import CertificateError, check, read
from sis_edge.transport.ssh.known_hosts import HostKey, KnownKeys


def blob(path: Path) -> bytes:
    return base64.b64decode(path.read_text().split()[1])


def certify(authority: Path, key: Path, *words: str) -> Path:
    """A certificate for a key; `words` are options of ssh-keygen, `-h` for a host."""
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "board", *words, f"{key}.pub"], check=True)
    return Path(f"{key}-cert.pub")


@contextmanager
def certified(folder: Path, authority: Path, *words: str, kind: str = "ed25519") -> Iterator[Server]:
    """A server with a certificate, known by its authority alone."""
    key = make_key(folder / "host_board", kind=kind)
    certificate = certify(authority, key, *words)
    lines = f"HostKey {key}\nHostCertificate {certificate}\n"
    with serve(folder, host_keys=(), settings=lines) as server:
        know(server, authority)
        yield server


def know(server: Server, authority: Path, names: str = "127.0.0.*", more: str = "") -> None:
    server.known_hosts.write_text(f"@cert-authority {names} {Path(f'{authority}.pub').read_text()}{more}")


def is_in(server: Server) -> bool:
    way = server.transport(trust_on_first_use=True)
    try:
        return way.run(["true"]).exit_code == 0
    finally:
        way.close()


def ssh_is_in(server: Server) -> bool:
    """What OpenSSH's own client says."""
    options = ("BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "GlobalKnownHostsFile=none")
    known = f'UserKnownHostsFile="{server.known_hosts}"'
    words = [word for option in (*options, known) for word in ("-o", option)]
    way = ("-F", "none", "-p", str(server.port), "-i", str(server.identity))
    return subprocess.run(["ssh", *way, *words, "127.0.0.1", "true"], capture_output=True).returncode == 0


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.mark.parametrize(("kind", "signer"), [("ed25519", "rsa"), ("ecdsa", "ed25519"), ("rsa", "ecdsa")])
def test_a_host_is_known_by_its_authority(tmp_path: Path, kind: str, signer: str) -> None:
    authority = make_key(tmp_path / "authority", kind=signer)
    with certified(tmp_path / "sshd", authority, "-h", "-n", "nano.lab,127.0.0.1", kind=kind) as server:
        before = server.known_hosts.read_text()
        assert is_in(server)
        assert server.known_hosts.read_text() == before
        know(server, authority, names="orin.lab")
        with pytest.raises(TransportError, match="is unknown"):
            server.transport().run(["true"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-h", "-n", "127.0.0.*"), r"is for 127\.0\.0\.\*, not for"),
        (("-h",), None),
        (("-h", "-n", "nano.lab,orin.lab"), r"is for nano\.lab, orin\.lab, not for 127\.0\.0\.1"),
        (("-n", "127.0.0.1"), "is one for users, not for hosts"),
        (("-h", "-V", "20200101:20200102"), r"has expired on 2020-01-0\d .* UTC; is this machine's clock right\?"),
        (("-h", "-V", "20990101:20990102"), r"is valid from 20\d\d-\d\d-\d\d .* on only"),
    ],
)
def test_certificates_as_openssh_decides(tmp_path: Path, words: tuple[str, ...], sentence: str | None) -> None:
    authority = make_key(tmp_path / "authority")
    with certified(tmp_path / "sshd", authority, *words) as server:
        assert ssh_is_in(server) == (sentence is None)
        if sentence is None:
            assert is_in(server)
            return
        before = server.known_hosts.read_text()
        with pytest.raises(TransportError, match=sentence) as caught:
            is_in(server)
        assert f"({server.known_hosts}:1) is named as the authority that certifies it" in str(caught.value)
        assert server.known_hosts.read_text() == before, "a host of an authority is never pinned"


def test_what_stands_beside_an_authority(tmp_path: Path) -> None:
    authority, other = make_key(tmp_path / "authority"), make_key(tmp_path / "other")
    plain = "[127.0.0.1]:{port} " + "{key}"
    with certified(tmp_path / "sshd", authority, "-h", "-n", "127.0.0.1") as server:
        key = (server.folder / "host_board.pub").read_text()
        # The certificate of another authority: then the key itself must be known.
        know(server, other)
        with pytest.raises(TransportError, match="which no @cert-authority line names"):
            is_in(server)
        know(server, other, more=plain.format(port=server.port, key=key))
        assert is_in(server)
        # An authority or a key that is marked as revoked is refused, whatever else knows the host.
        for revoked in (Path(f"{authority}.pub").read_text(), key):
            know(server, authority, more=f"@revoked * {revoked}{plain.format(port=server.port, key=key)}")
            if revoked != key:
                know(server, other, more=f"@cert-authority * {revoked}@revoked * {revoked}")
            with pytest.raises(TransportError, match="marked @revoked; do not use this host"):
                is_in(server)


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, KnownKeys]:
    """A certificate, its key, and what knows its authority."""
    folder = tmp_path_factory.mktemp("issued")
    authority, key = make_key(folder / "authority"), make_key(folder / "key")
    certificate = blob(certify(authority, key, "-h", "-n", "nano"))
    line = HostKey("ssh-ed25519", blob(Path(f"{authority}.pub")), folder / "known_hosts", 1)
    return certificate, blob(Path(f"{key}.pub")), KnownKeys((), frozenset(), (line,))


def test_times_count_to_the_second(issued: tuple[bytes, bytes, KnownKeys], tmp_path: Path) -> None:
    authority, key = make_key(tmp_path / "authority"), make_key(tmp_path / "key")
    certificate = blob(certify(authority, key, "-h", "-V", "20300101000000Z:20300102000000Z"))
    line = HostKey("ssh-ed25519", blob(Path(f"{authority}.pub")), tmp_path, 1)
    known, own = KnownKeys((), frozenset(), (line,)), blob(Path(f"{key}.pub"))
    begin_s, end_s = (read(certificate).valid_after_s, read(certificate).valid_before_s)
    for now_s, is_valid in [(begin_s - 1, False), (begin_s, True), (end_s - 1, True), (end_s, False)]:
        if is_valid:
            assert check(certificate, own, "nano", known, clock=lambda now_s=now_s: now_s).key == own
        else:
            with pytest.raises(CertificateError, match="clock"):
                check(certificate, own, "nano", known, clock=lambda now_s=now_s: now_s)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(at=40, change=1)
@given(at=st.integers(0, 10_000), change=st.integers(0, 255))
def test_a_changed_byte_makes_it_worthless(issued: tuple[bytes, bytes, KnownKeys], at: int, change: int) -> None:
    certificate, key, known = issued
    at %= len(certificate)
    changed = certificate[:at] + bytes([certificate[at] ^ change]) + certificate[at + 1 :]
    if not change:
        assert check(changed, key, "NANO", known).principals == ("nano",)
        return
    with pytest.raises(CertificateError):
        check(changed, key, "nano", known)
