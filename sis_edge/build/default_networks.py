"""Which networks a build takes that names none: those that can be had without a training, where the zoo has any."""

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
    if names is not None:
        return DefaultNetworks(plan_networks(names, profile.networks, classes))
    every = plan_networks(presets_for(dataset), profile.networks, classes)
    if trains:
        return DefaultNetworks(every)
    available = tuple(network for network in every if zoo.find(network.graph, dataset) is not None)
    if not any(network.preset is not None and network.preset.name == DENSE for network in available):
        return DefaultNetworks(every)
    return DefaultNetworks(available, tuple(network.name for network in every if network not in available))
