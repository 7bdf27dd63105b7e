"""Two runs, read as the causes need them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TypeVar

from sis_agent.schema import Facts, Job, NetworkRecord, StateSample
from sis_edge.results.evidence import Evidence
from sis_edge.results.function import entries
from sis_edge.results.schema import KnownNetwork, StoredRun
from sis_edge.results.two_runs import RunComparison
from sis_edge.results.two_runs.matching import Match

T = TypeVar("T")


@dataclass(frozen=True)
class RunPair:
    """A and B, with the networks that are compared by their titles."""

    comparison: RunComparison

    @property
    def runs(self) -> tuple[StoredRun, StoredRun]:
        """A and B."""
        return self.comparison.a, self.comparison.b

    @cached_property
    def evidence(self) -> tuple[Evidence, Evidence]:
        """What was seen while measuring, of A and of B."""
        a, b = self.runs
        return Evidence(a.record, entries(a)), Evidence(b.record, entries(b))

    @cached_property
    def networks(self) -> Mapping[str, Match]:
        """The compared networks by their titles."""
        return {each.title: each for each in self.comparison.matching.matches}

    @cached_property
    def on_gpu(self) -> bool:
        """Whether networks run on a GPU in both."""
        return all(run.record.job.on_gpu for run in self.runs)

    def of_runs(self, read: Callable[[StoredRun], T]) -> tuple[T, T]:
        """Something of A and of B."""
        a, b = self.runs
        return read(a), read(b)

    def of_facts(self, read: Callable[[Facts], T]) -> tuple[T, T]:
        """Something of the board before A and before B."""
        return self.of_runs(lambda run: read(run.record.facts_before))

    def of_jobs(self, read: Callable[[Job], T]) -> tuple[T, T]:
        """Something of what was asked for."""
        return self.of_runs(lambda run: read(run.record.job))

    def of_evidence(self, read: Callable[[Evidence], T]) -> tuple[T, T]:
        """Something that was seen while measuring."""
        a, b = self.evidence
        return read(a), read(b)

    def where(self, differ: Callable[[Match], bool]) -> dict[str, Match]:
        """The networks for which this holds."""
        return {title: each for title, each in self.networks.items() if differ(each)}

    def of_networks(self, read: Callable[[StoredRun, KnownNetwork, NetworkRecord], T | None]) -> "Sides[T]":
        """Something of each compared network, for A and for B; without those for which one is unknown."""
        a, b = self.runs
        found: dict[str, tuple[T, T]] = {}
        for title, each in self.networks.items():
            (entry, record), (other, other_record) = each.a, each.b
            if record is None or other_record is None:
                continue
            one, two = read(a, entry, record), read(b, other, other_record)
            if one is not None and two is not None:
                found[title] = (one, two)
        return found


Sides = dict[str, tuple[T, T]]
"""Of each network, by its title, the values of A and of B."""


def during(evidence: Evidence, read: Callable[[StateSample], float | None]) -> float | None:
    """The median over the states while measuring; None where it was never read."""
    found = [value for state in evidence.during if (value := read(state)) is not None]
    return median(found) if found else None
