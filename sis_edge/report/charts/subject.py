"""What charts are drawn of: one run, with the rows that its tables have."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from sis_agent.schema import NetworkRecord
from sis_edge.profiles.untried import of_board
from sis_edge.results.rows import Row
from sis_edge.results.schema import StoredRun

UNVERIFIED = "unverified profile"


def unverified(run: StoredRun) -> str | None:
    """The mark of a run on a board whose profile is written from documentation; None where it was tried or unknown."""
    return UNVERIFIED if of_board(run.profile, run.profile_verified) else None


@dataclass(frozen=True)
class Subject:
    """One run and its rows; `mark` is what every chart of it says."""

    run: StoredRun
    rows: Sequence[Row]
    mark: str | None = None

    @cached_property
    def measured(self) -> list[tuple[Row, NetworkRecord]]:
        """The rows that have latencies, with the samples."""
        records = {entry.name: record for entry, record in self.run.networks()}
        found = [(row, records.get(row.identity.label)) for row in self.rows if row.latency.samples]
        return [(row, record) for row, record in found if record is not None]

    @cached_property
    def rounds(self) -> dict[str, list[tuple[float, float]]]:
        """The median latency [s] of each round with its start [s], by the network's label."""
        return {
            row.identity.label: [(turn.start_s, median(turn.latencies_s)) for turn in record.rounds if turn.latencies_s]
            for row, record in self.measured
        }
