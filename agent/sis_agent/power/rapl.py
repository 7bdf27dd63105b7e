"""RAPL, the energy counters of x86 processors, through /sys/class/powercap: joules, from 0 on.

Zones are intel-rapl:N (a package, or the whole platform) and intel-rapl:N:M (core, uncore, dram inside of it), also
on AMD processors. The counters wrap around at max_energy_range_uj, every half hour to hour under load.
"""

from typing import Dict, List, Optional, Tuple

from sis_agent.commands import Commands
from sis_agent.power.base import FileSource, NumberFile, Source, UnavailableError, checked, unique
from sis_agent.tree import Tree

CLASS = "sys/class/powercap"


class Rapl(FileSource):
    """Counters with their wrap-around undone."""

    counts_energy = True

    def __init__(self, rails: List[Tuple[str, List[NumberFile]]], ranges_j: Dict[str, Optional[float]]) -> None:
        # The hardware counts every millisecond, far faster than anybody should read it.
        super().__init__(rails, [], None)
        self._ranges_j = ranges_j
        self._last_j: Dict[str, float] = {}
        self._sum_j: Dict[str, float] = {}

    def read(self) -> Dict[str, Optional[float]]:
        """Joules since the first read."""
        return {rail: self._unwrapped(rail, raw_j) for rail, raw_j in super().read().items()}

    def _unwrapped(self, rail: str, raw_j: Optional[float]) -> Optional[float]:
        if raw_j is None:
            return None
        step_j = raw_j - self._last_j.get(rail, raw_j)
        self._last_j[rail] = raw_j
        if step_j < 0:
            range_j = self._ranges_j[rail]
            if range_j is None:  # how much went by is not known: a hole in the trace
                return None
            step_j += range_j
        self._sum_j[rail] = self._sum_j.get(rail, 0.0) + step_j
        return self._sum_j[rail]


def open_source(tree: Tree, commands: Commands) -> Source:
    """All zones as one source; raises UnavailableError."""
    names: Dict[str, str] = {}
    rails: List[Tuple[str, List[NumberFile]]] = []
    ranges_j: Dict[str, Optional[float]] = {}
    for zone in tree.names(CLASS, "intel-rapl:"):
        folder = "{}/{}".format(CLASS, zone)
        own = tree.text(folder + "/name") or zone
        parent = names.get(zone.rpartition(":")[0])
        names[zone] = own
        rail = unique("{}/{}".format(parent, own) if parent else own, list(ranges_j), zone)
        rails.append((rail, [NumberFile(tree.path(folder + "/energy_uj"), 1e-6)]))
        ranges_j[rail] = tree.number(folder + "/max_energy_range_uj", 1e-6)
    if not rails:
        raise UnavailableError("no RAPL counters in /sys/class/powercap")
    try:
        return checked(Rapl(rails, ranges_j))
    except UnavailableError as error:
        raise UnavailableError("{}; most kernels let only root read it".format(error))
