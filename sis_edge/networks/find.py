"""A network by name or by file: what `--network` takes."""

from pathlib import Path

from sis_edge.errors import UsageError, unknown
from sis_edge.networks import files
from sis_edge.networks.files import DescribedNetwork
from sis_edge.registries import NETWORKS

FILE_ENDS = ".toml"


def find(name_or_path: str, classes: int | None = None, side: int | None = None) -> DescribedNetwork:
    """The network of that name, for so many classes and images of that side, or that of a TOML file.

    `classes` and `side` of None are those that it was published for, or the file's. Raises UsageError with the known
    names, or as a file's layers do, and for a file that has other classes or another side.
    """
    if not name_or_path.endswith(FILE_ENDS):
        if name_or_path not in NETWORKS:
            raise UsageError(f"{unknown('network', name_or_path, NETWORKS)}, or a TOML file that ends in {FILE_ENDS}")
        return DescribedNetwork(NETWORKS[name_or_path](classes, side), {})
    network = files.load(Path(name_or_path))
    for what, asked, has in (("classes", classes, network.spec.classes), ("side", side, network.spec.side)):
        if asked is not None and asked != has:
            raise UsageError(f"the network {name_or_path} has {what} {has}, not {asked}; change the file")
    return network
