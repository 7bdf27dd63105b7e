"""Names of multicast DNS (RFC 6762), such as nano.local, where this machine's resolver does not know them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sis_edge import extras
from sis_edge.errors import TransportError
from sis_edge.transport.base import UnreachableError

if TYPE_CHECKING:
    from zeroconf import Zeroconf


class MissingZeroconfError(TransportError):
    """The extra `discover` is not installed."""


def is_name(host: str) -> bool:
    """Whether a name is one of multicast DNS.

    >>> is_name("nano.local"), is_name("Nano.LOCAL."), is_name("nano.lab"), is_name("local")
    (True, True, False, False)
    """
    return host.lower().removesuffix(".").endswith(".local")


def address(host: str, timeout_s: float, interfaces: Sequence[str] = ()) -> str:
    """The address of a name, IPv4 before IPv6; it is asked for on `interfaces`, addresses of this machine, or on all.

    Raises UnreachableError where nobody answers in time, or where nothing here can ask.
    """
    try:
        with asking(interfaces) as network:
            from zeroconf import AddressResolver

            found = AddressResolver(f"{host.removesuffix('.')}.")
            found.request(network, timeout_s * 1000)
            addresses = v4_first(found.parsed_scoped_addresses())
    except MissingZeroconfError:
        raise UnreachableError(
            f"host {host} not found, and this machine's resolver does not ask for .local names; install libnss-mdns, "
            f"or `{extras.adding('discover')}`, or use its IP address"
        ) from None
    if not addresses:
        raise UnreachableError(
            f"host {host} not found: nobody in this network answers to that name within {timeout_s:g} s; is the board "
            "on? `sis-edge boards discover` lists who answers"
        )
    return addresses[0]


@contextmanager
def asking(interfaces: Sequence[str] = ()) -> "Iterator[Zeroconf]":
    """What asks in the network; raises MissingZeroconfError without the extra, UnreachableError without a network."""
    try:
        from zeroconf import InterfaceChoice, Zeroconf
    except ModuleNotFoundError:
        raise MissingZeroconfError(f"finding boards needs zeroconf: `{extras.adding('discover')}`") from None
    try:
        network = Zeroconf(interfaces=list(interfaces) or InterfaceChoice.All)
    except (OSError, ValueError, RuntimeError) as error:
        where = f" on {', '.join(interfaces)}" if interfaces else ""
        raise UnreachableError(
            f"this machine cannot ask by multicast DNS{where} ({error}); is a network interface up?"
        ) from None
    try:
        yield network
    finally:
        network.close()


def v4_first(addresses: Sequence[str]) -> list[str]:
    """The addresses in an order that stays the same.

    >>> v4_first(["fe80::1%eth0", "192.168.1.20", "10.0.0.7"])
    ['10.0.0.7', '192.168.1.20', 'fe80::1%eth0']
    """
    return sorted(set(addresses), key=lambda each: (":" in each, each))
