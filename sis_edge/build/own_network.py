"""A network beside the paper's, dense and SiS, for the images and classes of a data set."""

from pathlib import Path

from sis_edge import datasets
from sis_edge.build.default_networks import DefaultNetworks
from sis_edge.build.networks import plan_described
from sis_edge.networks.find import FILE_ENDS, find
from sis_edge.profiles import DeviceProfile


def choose(
    profile: DeviceProfile, dataset: str, network: str, t_c: float, t_p: float, *, data_dir: Path | None = None
) -> DefaultNetworks:
    """The network of that name or TOML file; one by name gets as many outputs as there are classes, and their images.

    The dense one is the reference. Raises UsageError as `find` does, DatasetError where the data cannot be had.
    """
    data = datasets.load(dataset, data_dir=data_dir)
    is_file = network.endswith(FILE_ENDS)
    side = None if is_file else data.test.images.shape[-1]
    described = find(network, None if is_file else len(data.classes), side)
    planned = plan_described(described, profile.networks, t_c, t_p)
    return DefaultNetworks(planned, reference=planned[0].name, data=data)
