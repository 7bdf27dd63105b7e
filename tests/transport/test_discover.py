"""Boards that announce themselves, and names of multicast DNS, by a real responder on loopback."""

import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from command import sis_edge_here
from sshd import Server

from sis_edge.extras import adding
from sis_edge.transport import discover as module
from sis_edge.transport import mdns
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.discover import Discovered, discover
from sis_edge.transport.ssh import SshTransport

LOOPBACK = "127.0.0.1"


def require_zeroconf() -> None:
    """Skip without the extra; in CI that is a failure."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("zeroconf", reason="no zeroconf: install the extra discover")


@pytest.fixture(scope="module")
def boards() -> Iterator[None]:
    """Two boards: one with SSH at a port of its own, one that is a workstation only, with a name that is no name."""
    require_zeroconf()
    from zeroconf import ServiceInfo, Zeroconf

    def info(kind: str, title: str, server: str, port: int, *addresses: str) -> ServiceInfo:
        packed = [socket.inet_pton(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in addresses]
        kind = f"_{kind}._tcp.local."
        return ServiceInfo(kind, f"{title}.{kind}", server=server, port=port, addresses=packed)

    services = [
        info("ssh", "Nano on the desk", "sis-nano.local.", 2222, "127.0.0.1", "fe80::1"),
        info("workstation", "sis-nano [00:04:4b]", "sis-nano.local.", 9, "127.0.0.1"),
        info("workstation", "odd", "sis-odd\x1b[2J.local.", 9, "127.0.0.2"),
    ]
    with ExitStack() as stack:
        network = Zeroconf(interfaces=[LOOPBACK])
        stack.callback(network.close)
        for service in services:
            network.register_service(service, cooperating_responders=True)
        yield


def of_test(found: list[Discovered]) -> list[Discovered]:
    """Without those whom other tests announce at the same time."""
    return [each for each in found if each.name.startswith("sis-")]


@pytest.mark.usefixtures("boards")
def test_boards_are_found_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A responder repeats an answer after a second only (RFC 6762, 6); on a busy machine it may answer later than that.
    for listen_s in (1.5, 3.0, 6.0):
        found = of_test(discover(listen_s, [LOOPBACK]))
        if [len(each.services) for each in found] == [2, 1]:
            break
    nano, odd = found
    assert (nano.name, nano.port, nano.services) == ("sis-nano.local", 2222, ("ssh", "workstation"))
    assert nano.addresses[0] == LOOPBACK
    assert nano.addresses[1].startswith("fe80::1")
    assert odd == Discovered("sis-odd\N{REPLACEMENT CHARACTER}[2J.local", ("127.0.0.2",), None, ("workstation",))

    asked: list[object] = []
    monkeypatch.setattr(module, "discover", lambda *words: asked.append(words) or found)
    words = ("boards", "discover", "--interface", LOOPBACK, "--seconds", "0.5")
    done = sis_edge_here(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert asked == [(0.5, [LOOPBACK])]
    (line,) = [line for line in done.stdout.splitlines() if "sis-nano.local" in line]
    assert line.split()[-3:] == ["2222", "ssh", "workstation"]
    shown = json.loads(sis_edge_here(*words, "--json", cwd=tmp_path).stdout)["boards"][1]
    assert (shown["port"], shown["reasons"]) == (None, {"port": "it announces no SSH server"})
    found.clear()
    assert "No board announced itself within 0.5 s" in sis_edge_here(*words, cwd=tmp_path).stdout


@pytest.mark.usefixtures("boards")
def test_a_name_that_the_resolver_does_not_know_is_asked_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mdns, "address", partial(mdns.address, interfaces=[LOOPBACK]))
    key = server.known_hosts.read_text().split(None, 1)[1]
    server.known_hosts.write_text(f"[sis-nano.local]:{server.port} {key}")
    way = SshTransport("sis-nano.local", port=server.port, home=server.client)
    assert way.run(["echo", "in"]).stdout == "in\n"
    assert way.name.endswith(f"@sis-nano.local:{server.port}")
    way.close()
    with pytest.raises(UnreachableError, match=r"nobody in this network answers .*`sis-edge boards discover`"):
        SshTransport("sis-nobody.local", home=server.client, connect_s=0.3).run(["true"])


def test_without_the_extra_the_ways_out_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    ways = f"install libnss-mdns, or `{adding('discover')}`, or use its IP"
    with pytest.raises(UnreachableError, match=re.escape(ways)):
        SshTransport("sis-nobody.local", home=tmp_path).run(["true"])
    done = sis_edge_here("boards", "discover", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        6,
        f"Error: finding boards needs zeroconf: `{adding('discover')}`\n",
    )


def test_an_address_that_this_machine_does_not_have_is_told(tmp_path: Path) -> None:
    require_zeroconf()
    done = sis_edge_here("boards", "discover", "--interface", "192.0.2.1", "--seconds", "0.1", cwd=tmp_path)
    assert done.returncode == 6
    assert "cannot ask by multicast DNS on 192.0.2.1" in done.stderr
