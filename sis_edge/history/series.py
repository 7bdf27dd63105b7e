"""Series of stored runs: one board, one network, one way of measuring; never two boards or profiles in one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from sis_edge.history.change_points import Found, find
from sis_edge.report.summary import RunSummary
from sis_edge.results import store
from sis_edge.text.foreign import one_line

INVALID = "INVALID"
GAP_TIMES, GAP_LEAST = 5, timedelta(days=1)
"""A gap is so many times the usual time between two runs, and at least so long."""

FEWEST_BETWEEN = 3
"""Times between runs that "usual" needs."""


@dataclass(frozen=True)
class SeriesName:
    """What runs must share to be compared over time.

    `machine` is how the board was reached and its host name; `mark` says "simulated" or "emulated". `network` is the
    name with form and precision.
    """

    machine: str
    model: str
    profile: str
    mark: str | None
    data: str
    network: str
    runtime: str
    threads: int
    batch_size: int

    @property
    def title(self) -> str:
        """The series for people."""
        mark = f" ({self.mark.upper()})" if self.mark else ""
        size = f", batch {self.batch_size}" if self.batch_size != 1 else ""
        threads = f"{self.threads} thread{'s' if self.threads != 1 else ''}"
        return (
            f"{self.network} on {self.model}{mark} ({self.machine}), {self.data}: profile {self.profile}, "
            f"{self.runtime}, {threads}{size}"
        )


@dataclass(frozen=True)
class SeriesPoint:
    """One run of a series; what is unknown is None, and `reasons` has why.

    `changed` names versions and settings that are others than in the run before, `gap` is the time since it where that
    is unusually long. `shift` is the share by which the median latency differs on both sides of a change point, which
    lies just before this run; negative is faster.
    """

    run_id: str
    stored_at: datetime
    path: Path
    latency_s: float | None
    interval_s: tuple[float, float] | None
    accuracy: float | None
    energy_j: float | None
    verdict: str
    versions: Mapping[str, str | None]
    reasons: Mapping[str, str]
    changed: tuple[str, ...] = ()
    gap: timedelta | None = None
    shift: float | None = None


@dataclass(frozen=True)
class Series:
    """The runs of one name, oldest first; `no_changes` says why change points were not looked for."""

    name: SeriesName
    points: tuple[SeriesPoint, ...]
    no_changes: str | None = None


def series(
    runs: Iterable[tuple[Path, RunSummary]], board: str | None = None, network: str | None = None
) -> list[Series]:
    """Every series of these runs, by name.

    `board` takes those whose machine, model or profile holds the text, `network` those of a network, in all of its
    forms or in one. Of a run and its copies with an external meter's energy, that which was stored last counts.
    """
    made = ((run.measured_once, run.stored_at, _points(path, run, board, network)) for path, run in runs)
    found: dict[SeriesName, list[SeriesPoint]] = {}
    for points in store.each_once(made):
        for name, point in points:
            found.setdefault(name, []).append(point)
    return [_marked(name, found[name]) for name in sorted(found, key=lambda name: (name.machine, name.title))]


def _points(
    path: Path, run: RunSummary, board: str | None, network: str | None
) -> list[tuple[SeriesName, SeriesPoint]]:
    if board is not None and not any(board.lower() in name.lower() for name in (run.machine, run.model, run.profile)):
        return []
    return [
        (_name(run, columns), _point(path, run, columns))
        for columns in run.networks
        if network in (None, columns["network"], columns["base_network"])
    ]


def _name(run: RunSummary, columns: Mapping[str, Any]) -> SeriesName:
    return SeriesName(
        machine=one_line(run.machine),
        model=run.model,
        profile=run.profile,
        mark=run.mark,
        data=run.dataset or run.bundle,
        network=columns["network"],
        runtime=columns["runner"],
        threads=run.threads,
        batch_size=run.batch_size,
    )


def _point(path: Path, run: RunSummary, columns: Mapping[str, Any]) -> SeriesPoint:
    reasons = columns["reasons"]
    interval = run.median_intervals.get(columns["network"])
    why = {
        "latency_s": reasons.get("latency_p50_s"),
        "interval_s": None if interval else reasons.get("latency_p50_s", "too few rounds for an interval"),
        "accuracy": reasons.get("device_accuracy"),
        "energy_j": reasons.get("energy_net_j"),
    }
    return SeriesPoint(
        run_id=run.run_id,
        stored_at=run.stored_at,
        path=path,
        latency_s=columns["latency_p50_s"],
        interval_s=interval,
        accuracy=columns["device_accuracy"],
        energy_j=columns["energy_net_j"],
        verdict=run.verdict,
        versions=run.versions,
        reasons={name: reason for name, reason in why.items() if reason is not None},
    )


def _marked(name: SeriesName, points: Sequence[SeriesPoint]) -> Series:
    """The series with its gaps, its version changes and its change points; INVALID runs take no part in these."""
    between = [later.stored_at - earlier.stored_at for earlier, later in pairwise(points)]
    least = None
    if len(between) >= FEWEST_BETWEEN:
        least = max(GAP_TIMES * timedelta(seconds=median(time.total_seconds() for time in between)), GAP_LEAST)
    marked = list(points[:1])
    for (earlier, later), time in zip(pairwise(points), between, strict=True):
        gap = time if least is not None and time > least else None
        marked.append(replace(later, changed=_changed(earlier.versions, later.versions), gap=gap))
    known = [at for at, point in enumerate(marked) if point.latency_s and point.verdict != INVALID]
    found: Found = find([marked[at].latency_s or 0.0 for at in known])
    for at, shift in found.shifts.items():
        marked[known[at]] = replace(marked[known[at]], shift=shift)
    return Series(name, tuple(marked), found.reason)


def _changed(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> tuple[str, ...]:
    """What is another version, or another setting; one that appeared or went is named, too."""
    names = [*before, *(name for name in after if name not in before)]
    pairs = [(name, before.get(name), after.get(name)) for name in names]
    return tuple(f"{name} {one or 'none'} → {other or 'none'}" for name, one, other in pairs if one != other)
