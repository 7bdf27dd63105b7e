"""Finding hwmon chips by their names: their index in /sys/class/hwmon changes from boot to boot."""

import os
from typing import Iterable, List, NamedTuple, Optional

from sis_agent.tree import Tree

CLASS = "sys/class/hwmon"

# The most that a power may be off by the gains of shunt and bus voltage together, by the data sheets' maxima at 25 C:
# INA3221 (SBOS576), INA226 (SBOS547), INA238. The shunt's own tolerance, which is the
# board's, and the offsets, which matter at small currents, come on top.
GAIN_ERRORS = {
    "ina3221": 0.005,
    "ina226": 0.002,
    "ina238": 0.002,
}


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


def gain_error(names: Iterable[str]) -> Optional[float]:
    """The largest gain error of these chips; None where one of them has no data sheet here."""
    errors = [GAIN_ERRORS.get(name) for name in names]
    known = [error for error in errors if error is not None]
    return max(known) if known and len(known) == len(errors) else None
