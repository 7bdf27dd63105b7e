"""What `boards discover` says of the network."""

from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.transport.discover import Discovered


class DiscoveredBoard(Part):
    """A host that announces itself; `port` is that of its SSH server."""

    name: str
    addresses: tuple[str, ...]
    port: int | None
    services: tuple[str, ...]


class DiscoverDocument(Document):
    """`sis-edge boards discover`: the hosts in this network that announce SSH or a workstation by multicast DNS."""

    document: Literal["boards-discover"] = "boards-discover"
    boards: tuple[DiscoveredBoard, ...]


def discovered(found: "list[Discovered]") -> DiscoverDocument:
    """The document of these hosts."""
    return DiscoverDocument(boards=tuple(map(_board, found)))


def _board(found: "Discovered") -> DiscoveredBoard:
    return DiscoveredBoard(
        name=found.name,
        addresses=found.addresses,
        services=found.services,
        **known(port=(found.port, "it announces no SSH server")),
    )
