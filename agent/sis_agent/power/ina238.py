"""INA238 (and its sibling INA237), the monitor of Jetson Thor's input: one rail a chip, power in microwatts."""

from typing import List, Optional, Tuple

from sis_agent.commands import Commands
from sis_agent.power import chips
from sis_agent.power.base import FileSource, NumberFile, Source, UnavailableError, checked, unique
from sis_agent.tree import Tree

DRIVERS = ("ina238", "ina237")
LABELS = ("power1_label", "curr1_label", "in1_label", "label")
# Where the device tree gives the chip no label: tegrastats' name for what it measures.
UNLABELLED = "VIN"


def open_source(tree: Tree, commands: Commands) -> Source:
    """All INA238 of the board as one source; raises UnavailableError."""
    monitors = [chip for chip in chips.hwmon(tree) if chip.name in DRIVERS]
    if not monitors:
        raise UnavailableError("no INA238 chip in /sys/class/hwmon")
    rails: List[Tuple[str, List[NumberFile]]] = []
    for chip in monitors:
        name = unique(_label(tree, chip.folder) or UNLABELLED, [rail for rail, _ in rails], chip.place)
        rails.append((name, [NumberFile(tree.path(chip.folder + "/power1_input"), 1e-6)]))
    source = FileSource(rails, [], chips.update_interval_s(tree, monitors))
    source.gain_error = chips.gain_error(chip.name for chip in monitors)
    return checked(source)


def _label(tree: Tree, folder: str) -> Optional[str]:
    labels = [tree.text("{}/{}".format(folder, name)) for name in LABELS]
    return next((label for label in labels if label), None)
