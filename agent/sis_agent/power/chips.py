"""Finding hwmon chips by their names: their index in /sys/class/hwmon changes from boot to boot."""

import os
from typing import List, NamedTuple, Optional

from sis_agent.tree import Tree

CLASS = "sys/class/hwmon"


class Chip(NamedTuple):
    """A hwmon chip: its driver's name, its folder in the tree, its place on the bus (such as "1-0040")."""

    name: str
    folder: str
    place: str


def hwmon(tree: Tree) -> List[Chip]:
    """All chips, in the order of their places on the bus."""
    known = []
    for entry in tree.names(CLASS, "hwmon"):
        folder = "{}/{}".format(CLASS, entry)
        name = tree.text(folder + "/name")
        if name:
            device = os.path.realpath(tree.path(folder + "/device"))
            # Without a device the chip is virtual, and only the index distinguishes two of them.
            known.append(Chip(name, folder, os.path.basename(device) if os.path.isdir(device) else entry))
    return sorted(known, key=lambda chip: (chip.name, chip.place))


def update_interval_s(tree: Tree, chips: List[Chip]) -> Optional[float]:
    """The slowest chip's update interval; None where none reports one."""
    intervals_s = [tree.number(chip.folder + "/update_interval", 1e-3) for chip in chips]
    known = [value for value in intervals_s if value is not None and value > 0]
    return max(known) if known else None
