"""Which columns of a meter's file are what, by their headings and the units in them.

Joulescope writes `#time,current,voltage,power`, Monsoon `Time(s),Main(mA),Main Voltage(V)`, Nordic's PPK2
`Timestamp(ms),Current(uA)`, FNIRSI's loggers `timestamp ... voltage_V current_A`, those of an INA219 `Power (mW)`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.errors import UsageError

TIME, POWER, CURRENT, VOLTAGE = "time", "power", "current", "voltage"
# A unit's quantity and its size in SI; upper and lower case matter (mW and MW).
UNITS: dict[str, tuple[str, float]] = {
    "s": (TIME, 1.0), "sec": (TIME, 1.0), "secs": (TIME, 1.0), "second": (TIME, 1.0), "seconds": (TIME, 1.0),
    "ms": (TIME, 1e-3), "msec": (TIME, 1e-3), "millis": (TIME, 1e-3), "milliseconds": (TIME, 1e-3),
    "us": (TIME, 1e-6), "usec": (TIME, 1e-6), "micros": (TIME, 1e-6), "microseconds": (TIME, 1e-6),
    "ns": (TIME, 1e-9), "min": (TIME, 60.0), "h": (TIME, 3600.0),
    "kW": (POWER, 1e3), "W": (POWER, 1.0), "w": (POWER, 1.0), "watt": (POWER, 1.0), "watts": (POWER, 1.0),
    "Watt": (POWER, 1.0), "Watts": (POWER, 1.0),
    "mW": (POWER, 1e-3), "mw": (POWER, 1e-3), "milliwatts": (POWER, 1e-3), "uW": (POWER, 1e-6), "nW": (POWER, 1e-9),
    "A": (CURRENT, 1.0), "amps": (CURRENT, 1.0), "Amps": (CURRENT, 1.0), "ampere": (CURRENT, 1.0),
    "mA": (CURRENT, 1e-3), "ma": (CURRENT, 1e-3), "uA": (CURRENT, 1e-6), "nA": (CURRENT, 1e-9),
    "V": (VOLTAGE, 1.0), "v": (VOLTAGE, 1.0), "volt": (VOLTAGE, 1.0), "volts": (VOLTAGE, 1.0), "Volts": (VOLTAGE, 1.0),
    "mV": (VOLTAGE, 1e-3), "mv": (VOLTAGE, 1e-3), "uV": (VOLTAGE, 1e-6),
}  # fmt: skip
# Words of headings without a unit: what they name, in SI.
WORDS: dict[str, str] = {
    "time": TIME, "timestamp": TIME, "datetime": TIME, "date": TIME, "elapsed": TIME, "t": TIME, "zeit": TIME,
    "datum": TIME, "uhrzeit": TIME, "temps": TIME, "hora": TIME,
    "power": POWER, "p": POWER, "leistung": POWER, "puissance": POWER, "potencia": POWER,
    "current": CURRENT, "i": CURRENT, "strom": CURRENT, "courant": CURRENT, "corriente": CURRENT, "amperage": CURRENT,
    "voltage": VOLTAGE, "u": VOLTAGE, "spannung": VOLTAGE, "tension": VOLTAGE, "vbus": VOLTAGE,
}  # fmt: skip
# A heading with one of these is a limit, a spread, a data line or a shunt, and not what the load takes.
OTHERS = re.compile(
    r"\b(min|minimum|max|maximum|peak|std|stdev|stddev|shunt|reactive|apparent|factor|p2p)\b|^d[+-]|^d[pn]\b", re.I
)
# Of several that fit the first of these is taken.
FIRST = ("main", "load", "output", "out", "avg", "average", "mean", "elapsed", "timestamp", "datetime")
_BRACKETS = re.compile(r"^(.*?)[\s_]*[(\[{]\s*([^)\]}]*?)\s*[)\]}]\s*$")
_BEHIND = re.compile(r"^(.*?)[\s_/-]+(?:in\s+)?([A-Za-z]+)$")


@dataclass(frozen=True)
class MeterColumn:
    """One column: its heading and place, what it holds (None: something else) and one of its unit in SI.

    `has_unit` says that the heading gives the unit.
    """

    heading: str
    place: int
    quantity: str | None
    scale: float = 1.0
    has_unit: bool = False


@dataclass(frozen=True)
class ColumnChoice:
    """The columns that a recording is made of: power, or current and voltage (a number where it is constant)."""

    time: MeterColumn
    power: MeterColumn | None = None
    current: MeterColumn | None = None
    voltage: MeterColumn | float | None = None

    @property
    def columns(self) -> list[MeterColumn]:
        """All of them, time first."""
        found = (self.time, self.power, self.current, self.voltage)
        return [column for column in found if isinstance(column, MeterColumn)]


def column(heading: str, place: int) -> MeterColumn:
    """What a heading says."""
    text = heading.strip().strip("\"'").lstrip("#").strip().replace("µ", "u").replace("μ", "u")
    if OTHERS.search(text.replace("_", " ")):
        return MeterColumn(heading, place, None)
    for pattern in (_BRACKETS, _BEHIND):
        match = pattern.match(text)
        if match is not None and match[2] in UNITS:
            return MeterColumn(heading, place, *UNITS[match[2]], has_unit=True)
        if match is not None and pattern is _BRACKETS and match[2]:
            return MeterColumn(heading, place, None)  # a unit that is none of ours: mWh, Ah, degrees
    if text in UNITS and len(text) > 1:
        return MeterColumn(heading, place, *UNITS[text], has_unit=True)
    words = re.split(r"[\s_./-]+", text.casefold())
    return MeterColumn(heading, place, next((WORDS[word] for word in words if word in WORDS), None))


def choose(
    name: str,
    headings: Sequence[str],
    *,
    time: str | None = None,
    power: str | None = None,
    voltage_v: float | None = None,
) -> ColumnChoice:
    """The columns to read; `time` and `power` name them otherwise, `voltage_v` is that of a supply without a column.

    Raises UsageError, with the headings, where they do not say which.
    """
    found = [column(heading, place) for place, heading in enumerate(headings)]
    of_time = _named(name, found, time, TIME) if time else _one(name, found, TIME)
    if of_time is None:
        raise UsageError(
            f"{name} has no column 'time_s'; it has: {_listed(headings)}; name the one of time with --time-column"
        )
    if power is not None:
        of_power = _named(name, found, power, POWER)
        if of_power.quantity != CURRENT:
            return ColumnChoice(of_time, of_power)
        return ColumnChoice(of_time, current=of_power, voltage=_voltage(name, found, voltage_v, of_power))
    of_power_or_none = _one(name, found, POWER)
    if of_power_or_none is not None:
        return ColumnChoice(of_time, of_power_or_none)
    current = _one(name, found, CURRENT)
    if current is None:
        raise UsageError(
            f"{name} has no column 'power_w'; it has: {_listed(headings)}; name the one of power with --power-column"
        )
    return ColumnChoice(of_time, current=current, voltage=_voltage(name, found, voltage_v, current))


def _voltage(
    name: str, found: Sequence[MeterColumn], voltage_v: float | None, current: MeterColumn
) -> MeterColumn | float:
    if voltage_v is not None:
        return voltage_v
    voltage = _one(name, found, VOLTAGE)
    if voltage is None:
        raise UsageError(
            f"{name} has a current ('{current.heading.strip()}') and no voltage: give the supply's with --voltage, "
            "such as --voltage 5.1"
        )
    return voltage


def _named(name: str, found: Sequence[MeterColumn], heading: str, quantity: str) -> MeterColumn:
    for each in found:
        if heading.strip() in (each.heading.strip(), each.heading.strip().lstrip("#").strip()):
            if quantity == POWER and each.quantity in (TIME, VOLTAGE) and each.has_unit:
                raise UsageError(f"column '{heading}' of {name} is a {each.quantity} by its unit, not a power")
            fits = each.quantity == quantity or (quantity == POWER and each.quantity == CURRENT)
            return each if fits else MeterColumn(each.heading, each.place, quantity)
    raise UsageError(f"{name} has no column '{heading}'; it has: {_listed([each.heading for each in found])}")


def _one(name: str, found: Sequence[MeterColumn], quantity: str) -> MeterColumn | None:
    """The column of a quantity; of several the one that says what the load takes, with a unit before one without."""
    fits = [each for each in found if each.quantity == quantity]
    for word in FIRST:
        marked = [each for each in fits if word in re.split(r"[\s_(\[]+", each.heading.casefold().lstrip("#"))]
        if marked:
            fits = marked
            break
    with_unit = [each for each in fits if each.has_unit]
    fits = with_unit or fits
    if len(fits) > 1 and quantity != TIME:
        listed = ", ".join(f"'{each.heading.strip()}'" for each in fits)
        raise UsageError(f"{name} has several columns of {quantity}: {listed}; name one with --power-column")
    # A date and a time of day: the time, whose midnight is seen; else the first.
    return next((each for each in fits if "time" in each.heading.casefold()), fits[0] if fits else None)


def _listed(headings: Sequence[str]) -> str:
    return ", ".join(heading.strip() for heading in headings) or "none"
