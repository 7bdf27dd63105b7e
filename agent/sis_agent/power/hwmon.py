"""Any other hwmon chip that measures power: power supplies, power meters of servers, single monitor chips.

A rail is named by its chip and its label. Both files are in microwatts: `powerN_input` is the power now,
`powerN_average` a mean over `powerN_average_interval` milliseconds, used where there is no other.
"""

import re
from typing import List, Tuple

from sis_agent.commands import Commands
from sis_agent.power import chips, ina238
from sis_agent.power.base import FileSource, NumberFile, Source, UnavailableError, checked, unique
from sis_agent.tree import Tree

HAVE_A_KIND = ("ina3221", *ina238.DRIVERS)


def open_source(tree: Tree, commands: Commands) -> Source:
    """All such chips as one source; raises UnavailableError."""
    rails: List[Tuple[str, List[NumberFile]]] = []
    intervals_s: List[float] = []
    names: List[str] = []
    for chip in chips.hwmon(tree):
        if chip.name in HAVE_A_KIND:
            continue
        numbers = {re.sub(r"\D", "", name) for name in tree.names(chip.folder, "power") if _is_power(name)}
        for number in sorted(numbers, key=int):
            base = "{}/power{}".format(chip.folder, number)
            is_average = tree.text(base + "_input") is None
            label = tree.text(base + "_label") or "power{}".format(number)
            name = unique("{} {}".format(chip.name, label), [rail for rail, _ in rails], chip.place)
            rails.append((name, [NumberFile(tree.path(base + ("_average" if is_average else "_input")), 1e-6)]))
            interval = base + "_average_interval" if is_average else chip.folder + "/update_interval"
            names.append(chip.name)
            intervals_s.append(tree.number(interval, 1e-3) or 0.0)
    if not rails:
        raise UnavailableError("no chip in /sys/class/hwmon measures power")
    source = FileSource(rails, [], max(intervals_s) or None)
    source.gain_error = chips.gain_error(names)
    return checked(source)


def _is_power(name: str) -> bool:
    return re.match(r"power\d+_(input|average)$", name) is not None
