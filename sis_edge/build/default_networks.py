"""Which networks a build takes that names none: those that can be had without a training, where the zoo has any."""

from dataclasses import dataclass

from sis_edge import zoo
from sis_edge.build.pipeline import formation_for
from sis_edge.formation import DENSE, form, presets_for
from sis_edge.profiles import DeviceProfile
from sis_edge.spec import nin


@dataclass(frozen=True)
class DefaultNetworks:
    """The networks to build, and those that are left out since the zoo has no network of their very graph."""

    networks: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def choose(profile: DeviceProfile, dataset: str, *, trains: bool) -> DefaultNetworks:
    """What to build for a board where nobody named networks; `trains` says that a training is wanted anyway.

    What the zoo has for the profile's granularities, as long as the dense network is among it, for everything is
    measured against that; else all, to be trained.
    """
    every = presets_for(dataset)
    if trains:
        return DefaultNetworks(every)
    graphs = {name: form(nin(), formation_for(name, profile.networks)) for name in every}
    there = tuple(name for name, graph in graphs.items() if zoo.find(graph, dataset) is not None)
    if DENSE not in there:
        return DefaultNetworks(every)
    return DefaultNetworks(there, tuple(name for name in every if name not in there))
