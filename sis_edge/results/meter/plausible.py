"""Can the meter's watts be this board's? Against the board's own sensor, and against the board's limits.

What a wall meter shows beyond the board's sensor (the supply's losses, the carrier) is a share; a unit that was read
wrongly is a factor: milliwatts as watts 1,000, amperes at 5 V as watts a fifth.
"""

import numpy as np

from sis_agent.power import plausible
from sis_agent.schema import Record, Window
from sis_edge.errors import UsageError
from sis_edge.results.energy import limits_w
from sis_edge.results.energy.total import Total, total
from sis_edge.results.meter.align import Stretch, stretches

# The meter's power over that of the board's sensor, and how much more it rises when the board works.
LEAST_LEVEL, MOST_LEVEL = 0.6, 10.0
LEAST_RISE, MOST_RISE = 0.5, 3.0
# The sensor's power must rise by this share for its rise to say anything.
RISES = 0.1
# A wall meter may show so many times the most that the board draws by its profile, and so much more.
SUPPLY, SUPPLY_W = 2.0, 20.0
UNITS = {1e3: "milliwatts read as watts (--unit mW)", 1e6: "microwatts read as watts (--unit uW)"}
UNITS |= {1e-3: "watts read as milliwatts (--unit W)", 1e-6: "watts read as microwatts (--unit W)"}


def check(record: Record, meter: Total, name: str) -> None:
    """Raise UsageError, with the factor, where the meter's power cannot be this board's; `record` is the run's own."""
    known = [each for each in stretches(record) if meter.fault(_window(each)) is None]
    if not known:
        return  # the energies have the reason
    meter_w = np.array([meter.power_w(_window(each)) for each in known])
    own = total(record)
    if isinstance(own, Total) and all(own.fault(_window(each)) is None for each in known):
        _against_sensor(np.array([own.power_w(_window(each)) for each in known]), meter_w, name)
    else:
        _against_limits(record, known, meter_w, name)


def _against_sensor(own_w: np.ndarray, meter_w: np.ndarray, name: str) -> None:
    level = float(meter_w.mean() / own_w.mean()) if own_w.mean() > 0 else 1.0
    if not LEAST_LEVEL <= level <= MOST_LEVEL:
        raise UsageError(
            f"{name} gives {_plain(meter_w.mean())} W where the board's own sensor gave {_plain(own_w.mean())} W, "
            f"{_plain(level)} times as much: {_likely(level, own_w.mean(), meter_w.mean())}"
        )
    rise_w = own_w.max() - own_w.min()
    if rise_w < RISES * own_w.mean():
        return
    rise = float(np.polyfit(own_w, meter_w, 1)[0])
    if not LEAST_RISE <= rise <= MOST_RISE:
        raise UsageError(
            f"between rest and work {name} rises by {_plain(rise)} times what the board's own sensor rose by: "
            f"{_likely(rise, rise_w, rise * rise_w)}"
        )


def _against_limits(record: Record, known: list[Stretch], meter_w: np.ndarray, name: str) -> None:
    floor_w, max_w = limits_w(record)
    rests_w = [watts for each, watts in zip(known, meter_w, strict=True) if each.network is None]
    most_w = plausible.MOST_W if max_w is None else SUPPLY * max_w + SUPPLY_W
    if meter_w.max() > most_w:
        limit = "any board takes" if max_w is None else f"this board can take (by its profile {max_w:g} W)"
        factor = float(meter_w.max() / most_w)
        raise UsageError(
            f"{name} gives {_plain(meter_w.max())} W, {_plain(factor)} times the most that {limit}: "
            f"{_likely(1e3 if factor < 1e3 else 1e6, most_w, meter_w.max())}"
        )
    if meter_w.min() <= 0:
        raise UsageError(
            f"{name} gives {meter_w.min():.3g} W; a running board takes more than 0: are the leads swapped?"
        )
    if floor_w is not None and rests_w and min(rests_w) < LEAST_LEVEL * floor_w:
        factor = min(rests_w) / floor_w
        raise UsageError(
            f"{name} gives {min(rests_w):.3g} W at rest, {factor:.3g} times the least that this board takes (by its "
            f"profile {floor_w:g} W): {_likely(factor, floor_w, min(rests_w))}"
        )


def _likely(factor: float, board_w: float, meter_w: float) -> str:
    """What may have been read wrongly."""
    near = [text for each, text in UNITS.items() if each / 4 <= factor <= each * 4]
    if near:
        return near[0]
    if factor < 1:
        return (
            f"a current in amperes, at {board_w / meter_w:.3g} V, read as watts? name the column of power with "
            "--power-column, or the current's, with --voltage"
        )
    return "is it of this board, and in the unit that --unit says?"


def _plain(number: float) -> str:
    """Three digits, and no powers of ten for what is large."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _window(stretch: Stretch) -> Window:
    return Window(stretch.network or "idle", stretch.start_s, stretch.end_s)
