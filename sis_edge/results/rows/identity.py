"""Which network a row is about."""

from dataclasses import dataclass

from sis_edge.bundles.manifest import NetworkEntry


@dataclass(frozen=True)
class NetworkIdentity:
    """The network's name in the run, the units of its graph, and whether it is the dense reference of the run."""

    network: str
    is_dense: bool
    granularity: str


def network_identity(entry: NetworkEntry, dense: str | None) -> NetworkIdentity:
    """The identity of a network; `dense` names the run's dense reference, None where it has none."""
    return NetworkIdentity(entry.name, entry.name == dense, entry.granularity)
