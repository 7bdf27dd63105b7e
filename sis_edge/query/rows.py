"""What the views hold: rows from the summaries of runs, and from whole runs where samples are asked for."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from sis_edge.report.summary import RunSummary
from sis_edge.results import store
from sis_edge.results.schema import StoredRun

Row = dict[str, Any]


@dataclass(frozen=True)
class SummaryRows:
    """Rows by their view, and the files of the runs that they are from."""

    rows: Mapping[str, list[Row]]
    paths: tuple[Path, ...]


def of_summaries(runs: Iterable[tuple[Path, RunSummary]]) -> SummaryRows:
    """The rows of `runs`, `networks` and `versions`, oldest run first."""
    found = store.each_once((run.measured_once, run.stored_at, (path, _of_summary(path, run))) for path, run in runs)
    names = ("runs", "networks", "versions")
    return SummaryRows(
        {name: [row for _, rows in found for row in rows[name]] for name in names},
        tuple(path for path, _ in found),
    )


def _of_summary(path: Path, run: RunSummary) -> dict[str, list[Row]]:
    place = str(path)
    same = ("run_id", "started_at", "duration_s", "bundle_id", "bundle", "dataset", "profile", "board", "machine")
    more = ("model", "threads", "batch_size", "simulated", "emulated", "verdict")
    of_run = {name: getattr(run, name) for name in (*same, *more)}
    of_run |= {"path": place, "runtime": ",".join(run.runtimes), "stored_at": _utc(run.stored_at)}
    networks = []
    for columns in run.networks:
        low, high = run.median_intervals.get(columns["network"]) or (None, None)
        own = {"path": place, "latency_median_low_s": low, "latency_median_high_s": high}
        networks.append({**columns, **own, "reasons": json.dumps(columns["reasons"], sort_keys=True)})
    versions = [
        {"run_id": run.run_id, "path": place, "name": name, "version": version}
        for name, version in run.versions.items()
    ]
    return {"runs": [of_run], "networks": networks, "versions": versions}


def rounds(path: Path, run: StoredRun) -> Iterator[Row]:
    """The rows of `rounds` of one run."""
    for label, turn in _turns(run):
        yield {
            "run_id": run.record.run_id,
            "path": str(path),
            "network": label,
            "round": turn.round,
            "position": turn.position,
            "process": turn.process,
            "start_s": turn.start_s,
            "inferences": len(turn.latencies_s),
            "median_s": median(turn.latencies_s) if turn.latencies_s else None,
            "wall_s": turn.wall_s,
            "cpu_s": turn.cpu_s,
            "preempted": turn.preempted,
        }


def samples(path: Path, run: StoredRun) -> Iterator[Row]:
    """The rows of `samples` of one run."""
    for label, turn in _turns(run):
        for number, latency_s in enumerate(turn.latencies_s):
            yield {
                "run_id": run.record.run_id,
                "path": str(path),
                "network": label,
                "round": turn.round,
                "number": number,
                "latency_s": latency_s,
            }


OF_SAMPLES = {"rounds": rounds, "samples": samples}
"""What fills a view of a whole run."""


def _turns(run: StoredRun) -> Iterator[tuple[str, Any]]:
    for entry, record in run.networks():
        for turn in record.rounds if record else ():
            yield entry.name, turn


def _utc(moment: datetime) -> datetime:
    """Without its zone, which is UTC: SQL's TIMESTAMP."""
    return moment.astimezone(UTC).replace(tzinfo=None)
