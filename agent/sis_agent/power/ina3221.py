"""INA3221, the power monitor of the Jetsons up to Orin: three rails a chip, one or two chips a board.

JetPack 4 (driver ina3221x) shows it through IIO, with a power file in milliwatts; JetPack 5 and later (driver
ina3221) through hwmon, with millivolts and milliamperes only. Rails are named by the board's device tree; a
channel without a name, or named NC, is not connected. hwmon's channels 4 to 7 are shunt voltages and sums, no rails.
"""

from typing import List, Optional, Tuple

from sis_agent.commands import Commands
from sis_agent.power import chips
from sis_agent.power.base import FileSource, NumberFile, Source, UnavailableError, checked, unique
from sis_agent.tree import Tree

IIO = "sys/bus/i2c/drivers/ina3221x"
DISCONNECTED = ("", "NC")


def open_source(tree: Tree, commands: Commands) -> Source:
    """All INA3221 of the board as one source; raises UnavailableError."""
    source = _hwmon(tree) or _iio(tree)
    if source is None:
        raise UnavailableError("no INA3221 chip in /sys, neither through hwmon nor through IIO")
    source.gain_error = chips.gain_error(["ina3221"])
    return checked(source)


def _hwmon(tree: Tree) -> Optional[FileSource]:
    monitors = [chip for chip in chips.hwmon(tree) if chip.name == "ina3221"]
    rails: List[Tuple[str, List[NumberFile]]] = []
    skipped: List[str] = []
    for chip in monitors:
        for channel in (1, 2, 3):
            base = "{}/in{}".format(chip.folder, channel)
            label = tree.text(base + "_label") or ""
            if label in DISCONNECTED or tree.text(base + "_enable") == "0":
                skipped.append(_skipped(label, chip.place, channel))
                continue
            volts = NumberFile(tree.path(base + "_input"), 1e-3)
            amperes = NumberFile(tree.path("{}/curr{}_input".format(chip.folder, channel)), 1e-3)
            rails.append((unique(label, [name for name, _ in rails], chip.place), [volts, amperes]))
    return FileSource(rails, skipped, chips.update_interval_s(tree, monitors)) if monitors else None


def _iio(tree: Tree) -> Optional[FileSource]:
    rails: List[Tuple[str, List[NumberFile]]] = []
    skipped: List[str] = []
    places = [name for name in tree.names(IIO) if tree.names("{}/{}".format(IIO, name), "iio:device")]
    for place in places:
        for device in tree.names("{}/{}".format(IIO, place), "iio:device"):
            folder = "{}/{}/{}".format(IIO, place, device)
            for channel in (0, 1, 2):
                label = tree.text("{}/rail_name_{}".format(folder, channel)) or ""
                if label in DISCONNECTED:
                    skipped.append(_skipped(label, place, channel))
                    continue
                watts = NumberFile(tree.path("{}/in_power{}_input".format(folder, channel)), 1e-3)
                rails.append((unique(label, [name for name, _ in rails], place), [watts]))
    return FileSource(rails, skipped, None) if places else None


def _skipped(label: str, place: str, channel: int) -> str:
    return "{} ({}, channel {})".format(label or "unnamed", place, channel)
