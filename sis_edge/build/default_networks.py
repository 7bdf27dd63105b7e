"""Which networks a build takes: those that were named, else those that can be had without a training."""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge import zoo
from sis_edge.build.networks import PlannedNetwork, plan_networks
from sis_edge.formation import DENSE, presets_for
from sis_edge.profiles import DeviceProfile


@dataclass(frozen=True)
class DefaultNetworks:
    """The networks to build, and those that are left out since the zoo has no network of their very graph.

    `reference` names the one that the others are compared with (None: dense NiN).
    """

    networks: tuple[PlannedNetwork, ...]
    left_out: tuple[str, ...] = ()
    reference: str | None = None


def choose(
    profile: DeviceProfile, dataset: str, *, trains: bool, classes: int = 10, names: Sequence[str] | None = None
) -> DefaultNetworks:
    """What to build for a board: the networks of these `names`, or where nobody named any those that need no training.

    `trains` says that a training is wanted anyway; `classes` are the data set's.

    What the zoo has for the profile's granularities, as long as the dense network is among it, for everything is
    measured against that; else all, to be trained.
    """
    wanted = presets_for(dataset) if names is None else names
    every = plan_networks(wanted, profile.networks, classes)
    if trains:
        return DefaultNetworks(every)
    by_shares = plan_networks(wanted, profile.networks, classes, by_shares=True)
    every = tuple(_had(*each, dataset) for each in zip(every, by_shares, strict=True))
    if names is not None:
        return DefaultNetworks(every)
    available = tuple(network for network in every if zoo.find(network.graph, dataset) is not None)
    if not any(network.preset is not None and network.preset.name == DENSE for network in available):
        return DefaultNetworks(every)
    return DefaultNetworks(available, tuple(network.name for network in every if network not in available))


def _had(nearest: PlannedNetwork, by_shares: PlannedNetwork, dataset: str) -> PlannedNetwork:
    """The network nearest to the paper's count, or that of the paper's shares where the zoo has only that one."""
    in_zoo = (network for network in (nearest, by_shares) if zoo.find(network.graph, dataset) is not None)
    return next(in_zoo, nearest)
