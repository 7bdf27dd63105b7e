"""A meter's recording as the first power source of a stored run."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import Power, PowerTrace
from sis_edge.errors import UsageError
from sis_edge.results.energy import METER_RAIL, Total, of_record
from sis_edge.results.meter import plausible
from sis_edge.results.meter.align import Alignment, align, stretches
from sis_edge.results.meter.recording import Recording, thinned
from sis_edge.results.schema import StoredRun

# What lies nearer to a block's edge than this share of the shortest may be of the other side: the alignment is not
# better for certain. Power at the edges is taken from further inside.
EDGE_SHARE = 0.02
# A run keeps no more samples than this.
MOST_SAMPLES = 100_000


def attach(run: StoredRun, recording: Recording, scope: str, *, offset_s: float | None = None) -> StoredRun:
    """The run with the meter as its first power source; `scope` says what the meter measures, such as "wall".

    Without `offset_s` the clocks are aligned by `align`. The board's own sensors stay as second sources. The run is
    one of its own, named after the old one. Raises UsageError for a recording that is not of this run, too slow, or
    not the board's power.
    """
    if not scope.strip():
        raise UsageError("the scope is empty; say what the meter measures, such as wall")
    alignment = align(run.record, recording) if offset_s is None else Alignment(offset_s, 1.0)
    times_s = alignment.job_s(recording.times_s)
    during = (times_s >= 0) & (times_s <= run.record.duration_s)
    if not during.any():
        begin_s = alignment.offset_s
        raise UsageError(
            f"{recording.name} has no sample of the time of this run: it lasts from {recording.times_s[0]:g} s to "
            f"{recording.times_s[-1]:g} s, the run from {begin_s:g} s to {begin_s + run.record.duration_s:g} s "
            "of that clock; leave --offset out, or correct it"
        )
    trace = _trace(run, recording.name, times_s[during], recording.power_w[during])
    plausible.check(run.record, Total(trace, [METER_RAIL]), recording.name)
    power = Power("measured", None, [trace, *run.record.power.traces], [METER_RAIL], scope)
    record = run.record._replace(run_id=f"{run.record.run_id}-meter", power=power)
    energies = of_record(record).values()
    if not any(energy.gross_j is not None for energy in energies):
        raise UsageError(f"{recording.name} gives no energy: {next(energy.reason for energy in energies)}")
    return run.model_copy(update={"stored_at": datetime.now(UTC), "record": record})


def _trace(run: StoredRun, name: str, times_s: NDArray[np.float64], power_w: NDArray[np.float64]) -> PowerTrace:
    """The meter's samples of the run, as those of a sensor that averages up to the time of each stamp."""
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    shortest_s = min((each.end_s - each.start_s for each in stretches(run.record)), default=step_s)
    certain_s = max(EDGE_SHARE * shortest_s, float(np.ptp(times_s)) / MOST_SAMPLES * 4)
    times_s, power_w = thinned(times_s, power_w, certain_s / 4)
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else step_s
    update_s = max(step_s, certain_s)
    # The alignment is by the middle of what a sample averages; a sensor's sample is stamped when it is read.
    stamps_s = times_s + (update_s + min(step_s, update_s)) / 2
    return PowerTrace(
        source=f"external meter ({name})",
        rails=[METER_RAIL],
        times_s=[round(float(each), 6) for each in stamps_s],
        power_w={METER_RAIL: [round(float(each), 6) for each in power_w]},
        energy_j={},
        update_interval_s=update_s,
        sample_interval_s=step_s,
    )
