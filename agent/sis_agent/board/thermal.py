"""Thermal zones: how warm each is, and from where on it throttles."""

from typing import Dict, Iterator, Optional, Tuple

from sis_agent.tree import Tree

CLASS = "sys/class/thermal"
# Kinds of trip points that cost speed: an "active" one switches a fan on, at a "critical" one the board switches off.
TRIPS = ("passive", "hot")
# What firmware writes into a trip point that is switched off is far outside of this.
PLAUSIBLE_C = (0.0, 200.0)


def temperatures_c(tree: Tree) -> Dict[str, Optional[float]]:
    """Each zone's temperature by its type; a type's second zone gets the zone's name behind it."""
    return {name: tree.number(folder + "/temp", 1e-3) for name, folder in _zones(tree)}


def hottest(temperatures: Dict[str, Optional[float]]) -> Optional[Tuple[str, float]]:
    """The hottest zone and its temperature; a PMIC's zone answers 100 degrees always on some boards, and counts not."""
    known = [
        (celsius, zone)
        for zone, celsius in temperatures.items()
        if celsius is not None and PLAUSIBLE_C[0] < celsius < PLAUSIBLE_C[1] and "pmic" not in zone.lower()
    ]
    if not known:
        return None
    celsius, zone = max(known)
    return zone, celsius


def trip_points_c(tree: Tree) -> Dict[str, float]:
    """For each zone, named as in `temperatures_c`, its lowest trip point that costs speed; others are not in it.

    A Raspberry Pi's zone has only a critical point, and throttles far below it, by its firmware: it is not in it.
    """
    lowest: Dict[str, float] = {}
    for name, folder in _zones(tree):
        for entry in tree.names(folder, "trip_point_"):
            base, _, kind = entry.rpartition("_")
            if kind != "type" or tree.text("{}/{}".format(folder, entry)) not in TRIPS:
                continue
            point_c = tree.number("{}/{}_temp".format(folder, base), 1e-3)
            if point_c is not None and PLAUSIBLE_C[0] < point_c < PLAUSIBLE_C[1]:
                lowest[name] = min(point_c, lowest.get(name, point_c))
    return lowest


def _zones(tree: Tree) -> Iterator[Tuple[str, str]]:
    """Each zone's name and folder."""
    taken = set()
    for zone in tree.names(CLASS, "thermal_zone"):
        folder = "{}/{}".format(CLASS, zone)
        kind = tree.text(folder + "/type") or zone
        name = kind if kind not in taken else "{} ({})".format(kind, zone)
        taken.add(name)
        yield name, folder
