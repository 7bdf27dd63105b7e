"""A meter's stamps as seconds that ascend: numbers of any unit, ISO 8601, or a local date or time of day.

Local clocks are set: at midnight the time of day begins anew, and twice a year it moves by an hour. Counters of small
loggers run over at 2^32. A recording is taken to go on through all of these.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DAY_S, HOUR_S = 86400.0, 3600.0
# An hour more or less is a clock that was set, to within so many seconds.
HOUR_TOLERANCE_S = 30.0
# Numbers without a unit that are too large for seconds since 1970: in ms, us or ns.
EPOCHS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))
_TIME_OF_DAY = r"(?P<h>\d{1,3}):(?P<m>\d{2}):(?P<s>\d{2})(?:[.,:](?P<f>\d+))?\s*(?P<half>[AaPp]\.?[Mm])?"


class Stamps:
    """Turns columns of stamps into seconds, chunk after chunk of one file."""

    def __init__(self, scale: float, has_unit: bool) -> None:
        self._scale = scale
        self._has_unit = has_unit
        self._is_local = False
        self._last_s: float | None = None
        self._shift_s = 0.0

    def seconds(self, column: Any) -> NDArray[np.float64]:
        """Of a pandas Series, NaN where there is no stamp; raises ValueError with the text that is none."""
        times_s = self._raw(column)
        known = np.isfinite(times_s)
        times_s[known] = self._unwrapped(times_s[known])
        return times_s

    def _raw(self, column: Any) -> NDArray[np.float64]:
        import pandas

        if pandas.api.types.is_numeric_dtype(column):
            numbers: NDArray[np.float64] = column.to_numpy(dtype=np.float64, copy=True)
            if not self._has_unit and self._last_s is None and len(numbers) and np.isfinite(numbers).any():
                largest = np.nanmax(numbers)
                self._scale = next((scale for least, scale in EPOCHS if largest > least), self._scale)
            return numbers * self._scale
        texts = column.astype("string").str.strip()
        first = texts.dropna()
        if len(first) and first.str.match(r"^\d{4}-\d{2}-\d{2}[T ]").iloc[0]:
            self._is_local = not first.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$").iloc[0]
            moments = pandas.to_datetime(texts, format="ISO8601", utc=True)
            epoch = pandas.Timestamp(0, tz="UTC")
            return np.array((moments - epoch) / pandas.Timedelta(seconds=1), dtype=np.float64)
        return self._time_of_day(texts)

    def _time_of_day(self, texts: Any) -> NDArray[np.float64]:
        """Seconds since midnight: what day it is does not matter, and its order in a date is nobody's to guess."""
        self._is_local = True
        parts = texts.str.extract(_TIME_OF_DAY)
        wrong = texts[parts["h"].isna() & texts.notna()]
        if len(wrong):
            raise ValueError(f"'{wrong.iloc[0]}' is not a time (line {wrong.index[0]})")
        hours = parts["h"].astype("float64").to_numpy()
        half = parts["half"].str[0].str.upper()
        hours = np.where(half.notna().to_numpy(), hours % 12, hours) + 12 * half.eq("P").fillna(False).to_numpy(bool)
        minutes, whole = parts["m"].astype("float64").to_numpy(), parts["s"].astype("float64").to_numpy()
        fraction = ("0." + parts["f"].fillna("0")).astype("float64").to_numpy()
        return np.asarray(HOUR_S * hours + 60 * minutes + whole + fraction, dtype=np.float64)

    def _unwrapped(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Clocks that were set and counters that ran over, undone."""
        if not len(times_s):
            return times_s
        last_s = times_s[0] if self._last_s is None else self._last_s
        steps_s = np.diff(times_s, prepend=last_s)
        self._last_s = float(times_s[-1])
        added_s = np.zeros(len(steps_s))
        if self._is_local:
            added_s[steps_s < -DAY_S / 2] = DAY_S
            for moved_s in (-HOUR_S, HOUR_S):
                added_s[np.abs(steps_s - moved_s) < HOUR_TOLERANCE_S] = -moved_s
        elif self._scale in (1e-3, 1e-6):
            range_s = 2.0**32 * self._scale
            added_s[np.abs(steps_s + range_s) < 0.01 * range_s] = range_s
        shifts_s = self._shift_s + np.cumsum(added_s)
        self._shift_s = float(shifts_s[-1])
        return times_s + shifts_s
