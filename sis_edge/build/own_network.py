"""Another network than the paper's, dense and SiS, for the images and classes of a data set."""

from typing import TYPE_CHECKING

from sis_edge.build.default_networks import DefaultNetworks
from sis_edge.build.networks import plan_described
from sis_edge.networks.find import FILE_ENDS, find
from sis_edge.profiles import DeviceProfile

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset


def choose(profile: DeviceProfile, data: "Dataset", network: str, t_c: float, t_p: float) -> DefaultNetworks:
    """The network of that name or TOML file; one by name gets as many outputs as there are classes, and their images.

    The dense one is the reference. Raises UsageError as `find` does.
    """
    is_file = network.endswith(FILE_ENDS)
    side = None if is_file else data.test.images.shape[-1]
    described = find(network, None if is_file else len(data.classes), side)
    planned = plan_described(described, profile.networks, t_c, t_p)
    return DefaultNetworks(planned, reference=planned[0].name)
