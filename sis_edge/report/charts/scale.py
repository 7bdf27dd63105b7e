"""From values to pixels, and the round values that an axis names."""

from dataclasses import dataclass
from math import ceil, floor, log10

from sis_edge.report import rows as show


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; one beyond the scale's ends is drawn at the end."""
        low, high, value = (log10(each) if self.is_log else each for each in (self.low, self.high, value))
        share = 0.0 if high == low else (value - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most so many round values within the scale, about evenly spread, with their texts."""
        if self.is_log:
            return self._powers(most)
        if self.high <= self.low or most < 1:
            return []
        step = next(step for step in _steps(self.high - self.low) if self._count(step) <= most)
        first = ceil(self.low / step - 1e-9)
        decimals = max(0, -floor(log10(step) + 1e-9))
        if round(step * 10**decimals, 6) % 1:  # a step of 2.5 has one decimal more
            decimals += 1
        values = [(first + at) * step for at in range(self._count(step))]
        return [(value, f"{value:,.{decimals}f}".replace("-", "−")) for value in values]

    def _count(self, step: float) -> int:
        return floor(self.high / step + 1e-9) - ceil(self.low / step - 1e-9) + 1

    def _powers(self, most: int) -> list[tuple[float, str]]:
        exponents = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        for digits in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
            values = [digit * 10.0**exponent for exponent in exponents for digit in digits]
            values = [value for value in values if self.low <= value <= self.high]
            if len(values) <= most:
                break
        return [(value, _short(value)) for value in values[:most]]


def _steps(span: float) -> list[float]:
    """Round steps, growing, from far too small to far too large for this span."""
    power = floor(log10(span)) - 3
    return [digit * 10.0 ** (power + at) for at in range(6) for digit in (1, 2, 2.5, 5)]


def _short(value: float) -> str:
    """A round value, from a thousand on with a prefix: 0.2, 50, 200k."""
    if value < 1000:
        return f"{value:g}"
    digits, _, prefix = show.si(value, "").partition(" ")
    return f"{float(digits):g}{prefix}"
