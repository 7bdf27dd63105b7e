"""RAPL, the energy counters of x86 processors, through /sys/class/powercap: joules, from 0 on.

Zones are intel-rapl:N (a package, or the whole platform) and intel-rapl:N:M (core, uncore, dram inside of it), also
on AMD processors. The counters wrap around at max_energy_range_uj, every half hour to hour under load. A decrease is
that only if the energy that would have gone by is what the zone can take in the time: a counter that begins anew
(after a suspend), or two counters behind one file (in some virtual machines), are no wrap-around, and the rail is
given up with a reason.
"""

from typing import Callable, Dict, List, Optional, Tuple

from sis_agent import clock
from sis_agent.commands import Commands
from sis_agent.power.base import FileSource, NumberFile, Source, UnavailableError, checked, unique
from sis_agent.power.plausible import MOST_W, SHORTEST_STEP_S
from sis_agent.tree import Tree

CLASS = "sys/class/powercap"
# Power limits are means over seconds to minutes; for moments a processor takes more.
ABOVE_LIMIT = 2.0


class Counter:
    """One counter: its range [J], where it reports one, and the most power that it can count [W]."""

    def __init__(self, range_j: Optional[float], most_w: float = MOST_W) -> None:
        self.fault: Optional[str] = None
        self._range_j = range_j
        self._most_w = most_w
        self._last: Optional[Tuple[float, float]] = None
        self._sum_j = 0.0

    def unwrapped(self, raw_j: Optional[float], now_s: float) -> Optional[float]:
        """Joules since the first read; None where it cannot be read, and for good after a step that cannot be."""
        if raw_j is None or self.fault is not None:
            return None
        last_s, last_j = self._last or (now_s, raw_j)
        step_j, step_s = raw_j - last_j, now_s - last_s
        if step_j < 0 and self._range_j is not None:
            step_j += self._range_j
        self.fault = self._fault(raw_j, raw_j - last_j, step_j, step_s)
        if self.fault is not None:
            return None
        self._last = (now_s, raw_j)
        self._sum_j += step_j
        return self._sum_j

    def _fault(self, raw_j: float, moved_j: float, step_j: float, step_s: float) -> Optional[str]:
        """Why a step of `step_j`, the counter having moved by `moved_j`, cannot be; None where it can."""
        if self._range_j is not None and raw_j > self._range_j:
            return "the counter shows {:,.6g} J, more than its range of {:,.6g} J".format(raw_j, self._range_j)
        if step_j < 0:
            return "the counter fell by {:,.6g} J, and its range is not known".format(-step_j)
        if step_j <= self._most_w * max(step_s, SHORTEST_STEP_S):
            return None
        if moved_j < 0:
            return (
                "the counter fell by {:,.6g} J in {:.2g} s, which is no wrap-around: it began anew, or two counters "
                "share its file".format(-moved_j, step_s)
            )
        return "the counter rose by {:,.6g} J in {:.2g} s, more than {:g} W give".format(step_j, step_s, self._most_w)


class Rapl(FileSource):
    """Counters with their wrap-around undone."""

    counts_energy = True

    def __init__(
        self,
        rails: List[Tuple[str, List[NumberFile]]],
        ranges_j: Dict[str, Optional[float]],
        most_w: Optional[Dict[str, float]] = None,
        now_s: Callable[[], float] = clock.now_s,
    ) -> None:
        # The hardware counts every millisecond, far faster than anybody should read it.
        super().__init__(rails, [], None)
        self._now_s = now_s
        self._counters = {
            rail: Counter(range_j, (most_w or {}).get(rail, MOST_W)) for rail, range_j in ranges_j.items()
        }

    def read(self) -> Dict[str, Optional[float]]:
        """Joules since the first read."""
        raw, now_s = super().read(), self._now_s()
        return {rail: self._counters[rail].unwrapped(raw_j, now_s) for rail, raw_j in raw.items()}

    @property
    def faults(self) -> Dict[str, str]:
        """Why rails were given up."""
        return {rail: each.fault for rail, each in self._counters.items() if each.fault is not None}


def open_source(tree: Tree, commands: Commands) -> Source:
    """All zones as one source; raises UnavailableError."""
    names: Dict[str, str] = {}
    rails: List[Tuple[str, List[NumberFile]]] = []
    ranges_j: Dict[str, Optional[float]] = {}
    most_w: Dict[str, float] = {}
    limits_w: Dict[str, float] = {}
    for zone in tree.names(CLASS, "intel-rapl:"):
        folder = "{}/{}".format(CLASS, zone)
        own = tree.text(folder + "/name") or zone
        above = zone.rpartition(":")[0]
        parent = names.get(above)
        names[zone] = own
        rail = unique("{}/{}".format(parent, own) if parent else own, list(ranges_j), zone)
        rails.append((rail, [NumberFile(tree.path(folder + "/energy_uj"), 1e-6)]))
        ranges_j[rail] = tree.number(folder + "/max_energy_range_uj", 1e-6)
        limits_w[zone] = max(_limit_w(tree, folder), limits_w.get(above, 0.0))
        most_w[rail] = min(ABOVE_LIMIT * limits_w[zone], MOST_W) or MOST_W
    if not rails:
        raise UnavailableError("no RAPL counters in /sys/class/powercap")
    try:
        return checked(Rapl(rails, ranges_j, most_w))
    except UnavailableError as error:
        raise UnavailableError("{}; most kernels let only root read it".format(error))


def _limit_w(tree: Tree, folder: str) -> float:
    """The highest of a zone's power limits; 0 where it reports none."""
    names = [name for name in tree.names(folder, "constraint_") if name.endswith("_uw")]
    return max([tree.number("{}/{}".format(folder, name), 1e-6) or 0.0 for name in names], default=0.0)
