"""Boards in this network that announce SSH by DNS-SD (RFC 6763), as avahi-daemon does."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.text.foreign import one_line
from sis_edge.transport.mdns import asking, v4_first

SERVICES = ("ssh", "sftp-ssh", "workstation")
"""Services of a board; the first two have the port of its SSH server."""

ANSWER_S = 1.0
"""Time for details, once somebody has announced a service."""

MOST = 1000
"""Announcements that are looked at: anybody in a network may announce anything."""

LONGEST_NAME = 255


@dataclass(frozen=True)
class Discovered:
    """A host that announces itself; `port` is that of SSH, None where only a workstation is announced."""

    name: str
    addresses: tuple[str, ...]
    port: int | None
    services: tuple[str, ...]


def discover(seconds: float, interfaces: Sequence[str] = ()) -> list[Discovered]:
    """The hosts that announce themselves within so many seconds, by name.

    They are asked for on `interfaces`, addresses of this machine, or on all. Raises TransportError without the extra
    `discover` or without a network.
    """
    announced: set[tuple[str, str]] = set()
    lock = threading.Lock()

    def on_change(zeroconf: object, service_type: str, name: str, state_change: object) -> None:
        with lock:
            if len(announced) < MOST:
                announced.add((service_type, name))

    with asking(interfaces) as network:
        from zeroconf import ServiceBrowser, ServiceInfo

        browser = ServiceBrowser(network, [f"_{each}._tcp.local." for each in SERVICES], handlers=[on_change])
        time.sleep(seconds)
        browser.cancel()
        hosts: dict[str, list[tuple[str, int | None, list[str]]]] = {}
        end_s = time.monotonic() + ANSWER_S
        for service_type, name in sorted(announced):
            info = ServiceInfo(service_type, name)
            if not info.request(network, max(end_s - time.monotonic(), 0.05) * 1000) or not info.server:
                continue
            service = service_type.removeprefix("_").partition(".")[0]
            host = one_line(info.server.removesuffix("."), LONGEST_NAME)
            hosts.setdefault(host, []).append((service, info.port, info.parsed_scoped_addresses()))
    return [_host(name, hosts[name]) for name in sorted(hosts)]


def _host(name: str, announced: list[tuple[str, int | None, list[str]]]) -> Discovered:
    ports = {service: port for service, port, _ in announced}
    return Discovered(
        name=name,
        addresses=tuple(v4_first([each for _, _, addresses in announced for each in addresses])),
        port=next((ports[service] for service in SERVICES[:2] if service in ports), None),
        services=tuple(service for service in SERVICES if service in ports),
    )
