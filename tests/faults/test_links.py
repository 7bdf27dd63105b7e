"""A deployment over links that break, are far, slow or lossy, at every one of its steps."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fleet.null_backend import register_null
from sshd import Proxy, Server, path_with, serve
from tiny_bundle import null_profile, tiny_bundle

from faults.link import SlowLink, assert_clean, started_again, stop
from sis_edge.board.deploy import deploy
from sis_edge.board.events import Event
from sis_edge.board.patience import Patience
from sis_edge.errors import TransportError
from sis_edge.transport import Completed
from sis_edge.transport.ssh import SshTransport

QUICK = Patience(first_pause_s=0.05, longest_pause_s=0.2, poll_s=0.05)

# The agent needs longer than this to start: a command that is cut so late is under way.
UNDER_WAY_S = 0.03


@pytest.fixture(autouse=True)
def null_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are asked about here: the board's runtime computes nothing."""
    register_null(monkeypatch)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def server(tmp_path: Path, bare_python: Path) -> Iterator[Server]:
    with serve(tmp_path / "sshd", path=path_with(bare_python)) as server:
        yield server


def cut_once(transport: SshTransport, proxy: Proxy, word: str) -> None:
    """Cut the link while the first command with this word runs."""

    def cutting(call: Callable[..., Completed]) -> Callable[..., Completed]:
        def cut(argv: Sequence[str], *pieces: Iterable[bytes], **options: Any) -> Completed:
            if word in argv and not proxy.cuts:
                threading.Timer(UNDER_WAY_S, proxy.cut).start()
            return call(argv, *pieces, **options)

        return cut

    transport.run = cutting(transport.run)  # type: ignore[method-assign]
    transport.feed = cutting(transport.feed)  # type: ignore[method-assign]


def cut_at_fetch(transport: SshTransport, proxy: Proxy) -> None:
    """Cut the link as the record is fetched."""
    fetch = transport.fetch

    def cutting(source: str, target: Path, **options: Any) -> None:
        if not proxy.cuts:
            proxy.cut()
        fetch(source, target, **options)

    transport.fetch = cutting  # type: ignore[method-assign]


def at(word: str) -> Callable[[SshTransport, Proxy], None]:
    return lambda transport, proxy: cut_once(transport, proxy, word)


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(at("facts"), id="facts", marks=pytest.mark.fault("cut while the board is looked at", "goes on")),
        pytest.param(at("push"), id="files", marks=pytest.mark.fault("cut while files are compared", "goes on")),
        pytest.param(at("run"), id="start", marks=pytest.mark.fault("cut while the job starts", "one job, goes on")),
        pytest.param(at("status"), id="status", marks=pytest.mark.fault("cut while the job runs", "goes on")),
        pytest.param(
            cut_at_fetch, id="record", marks=pytest.mark.fault("cut while the record is fetched", "fetched again")
        ),
    ],
)
def test_a_cut_in_each_step(
    server: Server, proxy: Proxy, tmp_path: Path, cut: Callable[[SshTransport, Proxy], None]
) -> None:
    transport = server.transport(port=proxy.port)
    cut(transport, proxy)
    record = deploy(tiny_bundle(tmp_path / "bundle"), transport, null_profile(), patience=QUICK)
    assert (record.problem, proxy.cuts) == (None, 1)
    assert len(list((server.home / ".sis-edge/jobs").iterdir())) == 1
    transport.close()
    assert_clean(server.home)


@pytest.mark.fault("cut while the agent is installed", "one sentence; the next try works")
def test_a_cut_while_the_agent_is_installed(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    transport = server.transport(port=proxy.port)
    proxy.cut_after_bytes = 40_000
    bundle = tiny_bundle(tmp_path / "bundle")
    with pytest.raises(TransportError) as caught:
        deploy(bundle, transport, null_profile(), patience=QUICK)
    assert "\n" not in str(caught.value)
    assert not [path for path in server.home.rglob("agents/*") if path.suffix == ".pyz"]
    assert deploy(bundle, transport, null_profile(), patience=QUICK).problem is None
    transport.close()
    assert_clean(server.home)


@pytest.mark.fault("sshd restarted in mid-job", "waits and goes on")
def test_a_server_that_restarts(server: Server, tmp_path: Path) -> None:
    transport = server.transport()
    back: list[Any] = []

    def on_event(event: Event) -> None:
        if event.stage == "measure" and event.message == "rounds" and not back:
            stop(server)
            back.append(started_again(server))
            threading.Timer(0.3, back[0].__enter__).start()

    profile = null_profile(rounds=300)
    record = deploy(tiny_bundle(tmp_path / "bundle"), transport, profile, on_event=on_event, patience=QUICK)
    try:
        assert (record.problem, len(record.networks[0].rounds)) == (None, 300)
        transport.close()
        assert_clean(server.home)
    finally:
        back[0].__exit__(None, None, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"delay_s": 0.15}, id="far", marks=pytest.mark.fault("delay 300 ms", "measured as ever")),
        pytest.param(
            {"bytes_per_s": 125_000}, id="slow", marks=pytest.mark.fault("1 Mbit/s", "pushed and measured as ever")
        ),
    ],
)
def test_a_link_that_is_far_or_slow(server: Server, tmp_path: Path, options: dict[str, float]) -> None:
    link = SlowLink(server.port, **options)
    server.know(link.port)
    transport = server.transport(port=link.port)
    bundle = tiny_bundle(tmp_path / "bundle", padding_bytes=300_000)
    record = deploy(bundle, transport, null_profile(), patience=QUICK)
    assert record.problem is None
    transport.close()
    link.close()
    assert_clean(server.home)


@pytest.mark.slow
@pytest.mark.fault("loss 5%", "measured as ever")
def test_a_link_that_loses_every_twentieth_packet(lossy_network: bool, tmp_path: Path, bare_python: Path) -> None:
    if not lossy_network:
        return
    with serve(tmp_path / "sshd", path=path_with(bare_python)) as server:
        transport = server.transport()
        bundle = tiny_bundle(tmp_path / "bundle", padding_bytes=300_000)
        record = deploy(bundle, transport, null_profile(), patience=QUICK)
        assert record.problem is None
        transport.close()
        assert_clean(server.home)
