"""The sustained run of each network, as figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sis_agent.schema import BoardRest, Record, SustainedRun, SustainedWindow
from sis_edge.results.energy import total
from sis_edge.results.runtimes import shown
from sis_edge.results.sustained.stretches import (
    SustainedChange,
    SustainedStretch,
    edges,
    medians_s,
    stretch,
    times_as_long,
)
from sis_edge.results.sustained.throttle import SustainedThrottle, throttle

NOT_REACHED = "the job ended before"


@dataclass(frozen=True)
class SustainedFigures:
    """What one network's sustained run shows; `network` is its name as reports show it.

    `reason` says why the run is not whole, None where it is; without a window all figures are None. `change` is of the
    median time of a call from the first stretch to the last. Temperatures are of the hottest zone. `energy_reason` says
    why there is no energy.
    """

    network: str
    reason: str | None
    windows: tuple[SustainedWindow, ...] = ()
    rest: BoardRest | None = None
    first: SustainedStretch | None = None
    last: SustainedStretch | None = None
    whole: SustainedStretch | None = None
    change: SustainedChange | None = None
    throttle: SustainedThrottle | None = None
    start_c: float | None = None
    max_c: float | None = None
    end_c: float | None = None
    energy_reason: str | None = None


def of_run(record: Record) -> list[SustainedFigures]:
    """The figures of every network that a job with sustained work measured, in the job's order; none for another job.

    Of a network that was run again, since its run was cut off, it is the last run.
    """
    if record.job.sustained is None or record.facts_before.emulated:
        return []
    runs = {run.network: run for run in record.sustained_runs}
    for window in record.sustained_windows:  # of a run that has no end
        known = runs.get(window.network)
        if known is None or known.run < window.run:
            runs[window.network] = SustainedRun(window.run, window.network, NOT_REACHED)
    power = total(record)
    reason = power if isinstance(power, str) else None
    rails = () if reason is not None else tuple(record.power.total_rails)
    found = []
    for network in record.networks:
        label = shown(record.job, network)
        if network.problem is not None and network.name not in runs:
            found.append(SustainedFigures(label, network.problem.message))
            continue
        run = runs.get(network.name, SustainedRun(-1, network.name, NOT_REACHED))
        found.append(replace(_figures(record, run, rails), network=label, energy_reason=reason))
    return found


def _figures(record: Record, run: SustainedRun, rails: Sequence[str]) -> SustainedFigures:
    windows = tuple(window for window in record.sustained_windows if window.run == run.run)
    rest = next((rest for rest in record.rests if rest.run == run.run), None)
    if not windows:
        return SustainedFigures(run.network, run.reason or NOT_REACHED, rest=rest)
    first, last = edges(windows)
    known_c = [window.temperature_c for window in windows if window.temperature_c is not None]
    return SustainedFigures(
        network=run.network,
        reason=run.reason,
        windows=windows,
        rest=rest,
        first=stretch(first, rails),
        last=stretch(last, rails),
        whole=_with_left_over(stretch(windows, rails)),
        change=times_as_long(medians_s(first), medians_s(last)),
        throttle=throttle(windows),
        start_c=None if rest is None else rest.end_c,
        max_c=max(known_c, default=None),
        end_c=windows[-1].temperature_c,
    )


def _with_left_over(whole: SustainedStretch) -> SustainedStretch:
    """All of a run: what was due and never begun is missed, too."""
    if whole.due is None or whole.missed is None:
        return whole
    return replace(whole, missed=whole.missed + max(whole.due - whole.calls, 0))
