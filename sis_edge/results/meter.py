"""An external power meter's recording, brought onto the clock of a stored run.

The meter knows nothing of the job. Its clock is aligned by what both have seen: the board rests in the idle windows
and works in the energy blocks, so the offset is the one at which the meter's power and that pattern correlate best.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import Power, PowerTrace, Record
from sis_edge.errors import UsageError, unknown
from sis_edge.results.energy import IDLE_AFTER, IDLE_BEFORE, of_record
from sis_edge.results.schema import StoredRun
from sis_edge.text.limits import with_limit

RAIL = "meter"
LEAST_CORRELATION = 0.8
REFINEMENTS = 20
UNITS_W = {"W": 1.0, "mW": 1e-3, "uW": 1e-6}


@dataclass(frozen=True)
class Recording:
    """What the meter wrote: times in seconds on its own clock, ascending, and watts."""

    name: str
    times_s: NDArray[np.float64]
    power_w: NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """Meter time = job time + `offset_s`; `correlation` says how well the pattern was found."""

    offset_s: float
    correlation: float


def watts(unit: str) -> float:
    """One of a unit of power, in watts; raises UsageError for an unknown one."""
    if unit not in UNITS_W:
        raise unknown("unit of power", unit, UNITS_W)
    return UNITS_W[unit]


def read_csv(path: Path, *, time: str = "time_s", power: str = "power_w", watts: float = 1.0) -> Recording:
    """A recording from a CSV file with a heading line.

    `time` and `power` are the headings of the two columns; time in seconds from any start, or as ISO 8601; power in
    units of `watts` (0.001 for milliwatts). Raises UsageError with the file, the line and what is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            headings = rows.fieldnames or []
            for heading in (time, power):
                if heading not in headings:
                    raise UsageError(f"{path} has no column '{heading}'; it has: {', '.join(headings) or 'none'}")
            found = [(_seconds(row[time]), float(row[power]) * watts) for row in rows]
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise UsageError(f"{path}, line {rows.line_num}: {error}") from None
    values = np.array(found, dtype=np.float64).reshape(-1, 2)
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < 2 or (np.diff(values[:, 0]) < 0).any():
        raise UsageError(f"{path} is not a recording: it needs at least two samples, in the order of time")
    values = values[np.append(True, np.diff(values[:, 0]) > 0)]  # of samples with one stamp the first
    return Recording(path.name, values[:, 0], values[:, 1])


def align(record: Record, recording: Recording) -> Alignment:
    """The offset between the two clocks; raises UsageError where the recording does not show the job's pattern."""
    windows = [(w.start_s, w.end_s, 0.0) for w in record.windows if w.name in (IDLE_BEFORE, IDLE_AFTER)]
    blocks = [(block.start_s, block.end_s, 1.0) for block in record.energy_blocks]
    if not windows or not blocks:
        raise UsageError(
            "the run has no idle window or no energy block: nothing shows how the clocks lie or has an energy; "
            "measure with --meter while the meter records"
        )
    step_s = max(float(np.median(np.diff(recording.times_s))) / 2, 1e-3)
    times_s, works = _pattern([*windows, *blocks], step_s)
    first_s, last_s = recording.times_s[0] - times_s[0], recording.times_s[-1] - times_s[-1]
    if last_s < first_s:
        lasts, job_lasts = with_limit(float(np.ptp(recording.times_s)), float(np.ptp(times_s)), ".1f")
        raise UsageError(
            f"{recording.name} lasts {lasts} s, the idle windows and energy blocks {job_lasts} s; "
            "record from before the job until after it"
        )
    offsets_s = np.arange(first_s, last_s + step_s, step_s)
    best = max((_alignment(recording, times_s, works, float(each)) for each in offsets_s), key=_by_correlation)
    while step_s > 1e-3:
        nearby_s = np.linspace(best.offset_s - step_s, best.offset_s + step_s, REFINEMENTS + 1)
        inside_s = nearby_s[(nearby_s >= first_s) & (nearby_s <= last_s)]
        candidates = [_alignment(recording, times_s, works, float(each)) for each in inside_s]
        best = max([best, *candidates], key=_by_correlation)
        step_s /= REFINEMENTS / 2
    if not best.correlation >= LEAST_CORRELATION:
        raise UsageError(
            f"{recording.name} does not show the job's rest and work (best correlation {best.correlation:.2f}); "
            "is it of this run and of this board?"
        )
    return best


def attach(run: StoredRun, recording: Recording, scope: str, *, offset_s: float | None = None) -> StoredRun:
    """The run with the meter as its first power source; `scope` says what the meter measures, such as "wall".

    Without `offset_s` the clocks are aligned by `align`. The board's own sensors stay as second sources. The run is
    one of its own, named after the old one. Raises UsageError for a recording that is not of this run, or too slow.
    """
    if not scope.strip():
        raise UsageError("the scope is empty; say what the meter measures, such as wall")
    offset_s = align(run.record, recording).offset_s if offset_s is None else offset_s
    times_s = recording.times_s - offset_s
    during = (times_s >= 0) & (times_s <= run.record.duration_s)
    if not during.any():
        raise UsageError(
            f"{recording.name} has no sample of the time of this run: it lasts from {recording.times_s[0]:g} s to "
            f"{recording.times_s[-1]:g} s, the run from {offset_s:g} s to {offset_s + run.record.duration_s:g} s "
            "of that clock; leave --offset out, or correct it"
        )
    trace = PowerTrace(
        source=f"external meter ({recording.name})",
        rails=[RAIL],
        times_s=[float(each) for each in times_s[during]],
        power_w={RAIL: [float(each) for each in recording.power_w[during]]},
        energy_j={},
        update_interval_s=None,
        sample_interval_s=float(np.median(np.diff(recording.times_s))),
    )
    before = run.record.power
    power = Power("measured", None, [trace, *before.traces], [RAIL], scope)
    record = run.record._replace(run_id=f"{run.record.run_id}-meter", power=power)
    energies = of_record(record).values()
    if not any(energy.gross_j is not None for energy in energies):
        raise UsageError(f"{recording.name} gives no energy: {next(energy.reason for energy in energies)}")
    return run.model_copy(update={"stored_at": datetime.now(UTC), "record": record})


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


def _pattern(
    windows: Sequence[tuple[float, float, float]], step_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times within the windows and whether the board works there; what lies between them is not known."""
    pieces = [(np.arange(start_s, end_s, step_s), works) for start_s, end_s, works in sorted(windows)]
    times_s = np.concatenate([piece for piece, _ in pieces])
    return times_s, np.concatenate([np.full(len(piece), works) for piece, works in pieces])


def _alignment(
    recording: Recording, times_s: NDArray[np.float64], works: NDArray[np.float64], offset_s: float
) -> Alignment:
    power_w = np.interp(times_s + offset_s, recording.times_s, recording.power_w)
    if np.ptp(power_w) == 0:
        return Alignment(offset_s, 0.0)
    return Alignment(offset_s, float(np.corrcoef(power_w, works)[0, 1]))


def _by_correlation(alignment: Alignment) -> float:
    return alignment.correlation
