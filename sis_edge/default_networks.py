"""Which networks a build takes that names none: those that can be had without a training, where the zoo has any."""

from dataclasses import dataclass

from sis_edge import zoo
from sis_edge.formation import form
from sis_edge.pipeline import formation_for
from sis_edge.profiles import DeviceProfile
from sis_edge.spec import nin

DENSE = "nin"
SPARSE = {"svhn": ("svhn-sis1", "svhn-sis2", "svhn-sis3"), "fashion_mnist": ("svhn-sis3",)}
"""The paper's networks for a data set, on Fashion-MNIST its smallest; for every other one those for CIFAR-10."""
CIFAR10 = ("cifar10-sis1", "cifar10-sis2", "cifar10-sis3")


@dataclass(frozen=True)
class DefaultNetworks:
    """The networks to build, and those that are left out since the zoo has no network of their very graph."""

    networks: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def of_paper(dataset: str) -> tuple[str, ...]:
    """Dense NiN and the paper's SiS networks for a data set."""
    return (DENSE, *SPARSE.get(dataset, CIFAR10))


def choose(profile: DeviceProfile, dataset: str, *, trains: bool) -> DefaultNetworks:
    """What to build for a board where nobody named networks; `trains` says that a training is wanted anyway.

    What the zoo has for the profile's granularities, as long as the dense network is among it, for everything is
    measured against that; else all, to be trained.
    """
    every = of_paper(dataset)
    if trains:
        return DefaultNetworks(every)
    graphs = {name: form(nin(), formation_for(name, profile.networks)) for name in every}
    there = tuple(name for name, graph in graphs.items() if zoo.find(graph, dataset) is not None)
    if DENSE not in there:
        return DefaultNetworks(every)
    return DefaultNetworks(there, tuple(name for name in every if name not in there))
