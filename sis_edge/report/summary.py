"""A stored run without its samples: all that tables over many runs need, small enough to keep thousands of."""

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import AwareDatetime, Field, model_validator

from sis_edge.files.model import FrozenModel
from sis_edge.report.document import section
from sis_edge.report.json import run_entry
from sis_edge.report.sections.answers import RunLine, line
from sis_edge.report.sections.board import board_name
from sis_edge.results.evidence import round_medians
from sis_edge.results.rows.fields import NAMES
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import median_interval
from sis_edge.results.store import MeasuredOnce

REASONS = "reasons"


class RunSummary(FrozenModel):
    """A run's identity, what it was measured with, and its figures.

    `key` is the hash of the stored file and of the code that made the summary. `started_at` is the board's clock,
    `stored_at` the host's. `machine` is what a board is told from another one by, `model` its name for people.
    `versions` are those of software and settings that a figure may depend on, None where the board does not report one.
    `median_intervals` [s] are of each network's median latency over the rounds, None below MIN_ROUNDS of them. `entry`
    is the run in `results.json`; its "networks" have the columns of `results.csv`. `line` is its best network.
    """

    key: str
    run_id: str
    stored_at: AwareDatetime
    started_at: str
    duration_s: float
    bundle_id: str
    bundle: str
    title: str
    dataset: str | None
    profile: str
    board: str
    model: str
    machine: str
    runtimes: tuple[str, ...] = Field(min_length=1)
    threads: int
    batch_size: int
    simulated: bool
    emulated: bool
    mark: str | None
    verdict: str
    line: RunLine
    versions: dict[str, str | None]
    median_intervals: dict[str, tuple[float, float] | None]
    entry: dict[str, Any]

    @property
    def networks(self) -> list[dict[str, Any]]:
        """The networks' columns, with the reasons of those that are unknown."""
        found: list[dict[str, Any]] = self.entry["networks"]
        return found

    @property
    def measured_once(self) -> MeasuredOnce:
        """What tells the measurement: see `store.each_once`."""
        return self.bundle_id, self.started_at, self.duration_s

    @model_validator(mode="after")
    def _has_every_column(self) -> Self:
        networks = self.entry.get("networks")
        if not isinstance(networks, list) or not all(map(_is_whole, networks)):
            raise ValueError("a network lacks a column, or the reason of an unknown one")
        return self


def summarize(run: StoredRun, key: str, seed: int = 0) -> RunSummary:
    """The summary of a run; `seed` is the bootstrap's."""
    found, record = section(run, seed), run.record
    facts = record.facts_before
    return RunSummary(
        key=key,
        run_id=record.run_id,
        stored_at=run.stored_at,
        started_at=record.started_at,
        duration_s=record.duration_s,
        bundle_id=run.bundle_id,
        bundle=run.manifest.name,
        title=found.title,
        dataset=run.manifest.dataset,
        profile=run.profile,
        board=run.board,
        model=board_name(run),
        machine=f"{run.board} {facts.hostname or ''}".strip(),
        runtimes=run.runtimes,
        threads=record.job.threads,
        batch_size=record.job.batch_size,
        simulated=run.is_simulated,
        emulated=facts.emulated,
        mark=found.mark,
        verdict=found.verdict.level,
        line=line(found.answer, board_name(run), found.marks),
        versions=_versions(run),
        median_intervals=_median_intervals(run),
        entry=json.loads(json.dumps(run_entry(found))),
    )


def _versions(run: StoredRun) -> dict[str, str | None]:
    """What may change between two runs on one board, and the figures with it."""
    facts = run.record.facts_before
    packages = {name: facts.packages[name] for name in sorted(facts.packages)}
    return {
        "sis-edge": run.manifest.provenance.sis_edge,
        "agent": run.record.agent_id,
        "bundle": run.bundle_id,
        "system": facts.os_name,
        "kernel": facts.kernel,
        "L4T": facts.l4t,
        "Python": facts.python,
        **packages,
        "power mode": facts.power_mode,
        "governor": facts.governor,
    }


def _median_intervals(run: StoredRun) -> dict[str, tuple[float, float] | None]:
    found: dict[str, tuple[float, float] | None] = {}
    for entry, record in run.networks():
        medians = list(round_medians(record).values()) if record else []
        interval = median_interval(medians)
        found[entry.name] = (interval.low, interval.high) if interval is not None else None
    return found


def _is_whole(network: object) -> bool:
    if not isinstance(network, Mapping) or not isinstance(reasons := network.get(REASONS), Mapping):
        return False
    unknown = {name for name in NAMES if network.get(name) is None}
    return network.keys() - {REASONS} == set(NAMES) and unknown == reasons.keys()
