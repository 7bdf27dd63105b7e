"""Values as text: SI prefixes, percentages, and words for what is not known.

Numbers keep three significant digits, shares two decimals of a percent; CSV and JSON keep all digits.
"""

from collections.abc import Sequence

from sis_edge.results.rows.accuracy import REFERENCE
from sis_edge.results.rows.fields import NONE
from sis_edge.results.statistics import Interval

_PREFIXES = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}


def si(value: float, unit: str) -> str:
    """Three significant digits with an SI prefix.

    >>> si(0.0092041, "s"), si(3845416, "B"), si(0, "s")
    ('9.20 ms', '3.85 MB', '0 s')
    """
    if value == 0:
        return f"0 {unit}"
    digits, exponent = f"{value:.2e}".split("e")
    group = min(max(int(exponent) // 3, min(_PREFIXES)), max(_PREFIXES))
    shift = int(exponent) - 3 * group
    return f"{float(digits) * 10**shift:.{max(2 - shift, 0)}f} {_PREFIXES[group]}{unit}"


def seconds(value: float) -> str:
    """A duration or latency."""
    return si(value, "s")


def size(value: float) -> str:
    """Bytes, in powers of 1000."""
    return f"{value:.0f} B" if abs(value) < 1000 else si(value, "B")


def joules(value: float) -> str:
    """An energy, with a true minus sign: net energy may fall below zero within its interval."""
    return si(value, "J").replace("-", "−")


def count(value: int) -> str:
    """A whole number with its thousands set apart."""
    return f"{value:,}"


def percent(value: float) -> str:
    """A share in [0, 1]."""
    return f"{100 * value:.2f}%"


def points(value: float) -> str:
    """A difference of shares in percentage points, with a true minus sign."""
    return f"{100 * value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def p_value(value: float) -> str:
    """The p-value of a test.

    >>> p_value(0.0123), p_value(3e-8)
    ('0.0123', '< 0.0001')
    """
    return f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


def p_equals(value: float) -> str:
    """The same in a sentence.

    >>> p_equals(0.0123), p_equals(3e-8)
    ('p = 0.0123', 'p < 0.0001')
    """
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def ratio(value: float) -> str:
    """How many times."""
    return f"{value:.2f}×"


def share(value: float) -> str:
    """A share without decimals."""
    return f"{100 * value:.0f}%"


def speed_up(value: float, interval: Interval | None) -> str:
    """A speed-up with the digits that its interval supports."""
    return f"{value:.{_speed_up_decimals(interval)}f}×"


def speed_up_ends(interval: Interval) -> tuple[str, str]:
    """Both ends of a speed-up's interval, with the same digits."""
    decimals = _speed_up_decimals(interval)
    return f"{interval.low:.{decimals}f}", f"{interval.high:.{decimals}f}"


def speed_up_interval(interval: Interval) -> str:
    """The interval of a speed-up in words."""
    return " to ".join(speed_up_ends(interval))


def unknown(reason: str) -> str | None:
    """The words for an unknown value that fit in a cell; None for those that need a note below the table."""
    if reason == REFERENCE:
        return "reference"
    return reason if reason == NONE or reason.startswith("insufficient") else None


def plural(number: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "round"), plural(1297, "image")
    ('1 round', '1,297 images')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(numbers: Sequence[int]) -> str:
    """One number, or the least and the greatest.

    >>> span([30, 30]), span([5, 1200])
    ('30', '5 to 1,200')
    """
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _speed_up_decimals(interval: Interval | None) -> int:
    return 3 if interval is not None and interval.high - interval.low < 0.05 else 2
