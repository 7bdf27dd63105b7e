"""The power management chip of the Raspberry Pi 5, read by `vcgencmd pmic_read_adc`.

The tool prints a current and a voltage for each rail, with indices that do not match: they belong together by name.
A voltage without a current (EXT5V, the battery) gives no power, so what the board's 5 V input feeds past the chip
(USB, fans) is not in any rail.
"""

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from sis_agent.commands import Commands
from sis_agent.power.base import Source, UnavailableError
from sis_agent.tree import Tree, finite

RUNS_A_TOOL = True  # and so disturbs what is measured
TOOL, ARGUMENTS = "vcgencmd", ("pmic_read_adc",)
TIMEOUT_S = 2.0

_CURRENT = re.compile(r"^\s*(\w+)_A\s+current\(\d+\)=(-?\d+(?:\.\d*)?)A\s*$", re.MULTILINE)
_VOLTAGE = re.compile(r"^\s*(\w+)_V\s+volt\(\d+\)=(-?\d+(?:\.\d*)?)V\s*$", re.MULTILINE)


class Reading(NamedTuple):
    """Watts of each rail, and the names that have no current or no voltage."""

    power_w: Dict[str, float]
    skipped: List[str]


def parse(text: str) -> Reading:
    """What the tool's answer says."""
    amperes, volts = _numbers(_CURRENT.findall(text)), _numbers(_VOLTAGE.findall(text))
    power_w = {name: current * volts[name] for name, current in amperes.items() if name in volts}
    return Reading(power_w, sorted((set(amperes) | set(volts)) - set(power_w)))


def _numbers(found: List[Tuple[str, str]]) -> Dict[str, float]:
    numbers = ((name, finite(value)) for name, value in found)
    return {name: number for name, number in numbers if number is not None}


class PiPmic(Source):
    """One run of the tool a read, which takes some milliseconds of processor time each."""

    def __init__(self, commands: Commands) -> None:
        super().__init__([], [], None)
        self._commands = commands
        finished = commands.finish(TOOL, ARGUMENTS, TIMEOUT_S)
        if finished is None:
            raise UnavailableError("no vcgencmd on this board, or it does not answer")
        reading = parse(finished.output)
        if not reading.power_w:
            first_line = (finished.output.strip().splitlines() or ["nothing"])[0]
            raise UnavailableError(
                "`vcgencmd pmic_read_adc` gives no rails ({}); a Raspberry Pi before the 5 has none, and the user must "
                "be in the group video".format(first_line)
            )
        self.rails, self.skipped_rails = list(reading.power_w), reading.skipped

    def read(self) -> Dict[str, Optional[float]]:
        """All rails; None for all where the tool fails."""
        finished = self._commands.finish(TOOL, ARGUMENTS, TIMEOUT_S)
        if finished is None:
            return dict.fromkeys(self.rails)
        self.cpu_s += finished.cpu_s
        power_w = parse(finished.output).power_w
        return {rail: power_w.get(rail) for rail in self.rails}


def open_source(tree: Tree, commands: Commands) -> Source:
    """The chip; raises UnavailableError."""
    return PiPmic(commands)
