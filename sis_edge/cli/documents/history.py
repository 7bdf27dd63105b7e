"""What `history` says of stored runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part

if TYPE_CHECKING:
    from sis_edge.history.series import Series, SeriesPoint

NOT_UNUSUAL = "the time since the run before is usual, or too few runs tell what is"
NO_CHANGE = "no change point lies before this run"
SEARCHED = "change points were looked for"


class HistoryPoint(Part):
    """One run: its median latency with a 95% interval, and what is other than in the run before.

    `shift` is the share by which the level of the latencies changes just before this run; negative is faster.
    """

    run_id: str
    stored_at: str
    path: str
    latency_s: float | None
    interval_s: tuple[float, float] | None
    accuracy: float | None
    energy_j: float | None
    verdict: str
    versions: dict[str, str]
    changed: tuple[str, ...]
    gap_s: float | None
    shift: float | None


class HistorySeries(Part):
    """The runs of one network on one board, measured in one way, oldest first."""

    machine: str
    model: str
    profile: str
    mark: str | None
    data: str
    network: str
    runtime: str
    threads: int
    batch_size: int
    no_change_points: str | None
    points: tuple[HistoryPoint, ...]


class HistoryDocument(Document):
    """`sis-edge history`: a series for each board, network and way of measuring."""

    document: Literal["history"] = "history"
    series: tuple[HistorySeries, ...]


def history(found: "Sequence[Series]") -> HistoryDocument:
    """The document of a history."""
    return HistoryDocument(series=tuple(map(_series, found)))


def _series(found: "Series") -> HistorySeries:
    name = found.name
    why = {"mark": (name.mark, "a real board"), "no_change_points": (found.no_changes, SEARCHED)}
    return HistorySeries(
        machine=name.machine,
        model=name.model,
        profile=name.profile,
        mark=name.mark,
        data=name.data,
        network=name.network,
        runtime=name.runtime,
        threads=name.threads,
        batch_size=name.batch_size,
        no_change_points=found.no_changes,
        points=tuple(map(_point, found.points)),
        reasons={key: reason for key, (value, reason) in why.items() if value is None},
    )


def _point(point: "SeriesPoint") -> HistoryPoint:
    reasons = dict(point.reasons)
    if point.gap is None:
        reasons["gap_s"] = NOT_UNUSUAL
    if point.shift is None:
        reasons["shift"] = NO_CHANGE
    return HistoryPoint(
        run_id=point.run_id,
        stored_at=point.stored_at.isoformat(),
        path=str(point.path),
        latency_s=point.latency_s,
        interval_s=point.interval_s,
        accuracy=point.accuracy,
        energy_j=point.energy_j,
        verdict=point.verdict,
        versions={name: version for name, version in point.versions.items() if version is not None},
        changed=point.changed,
        gap_s=None if point.gap is None else point.gap.total_seconds(),
        shift=point.shift,
        reasons=reasons,
    )
