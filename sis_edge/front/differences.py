"""What differs between two runs, as an object that shows itself in a terminal and in a notebook."""

from dataclasses import dataclass, fields

from sis_edge.report import two_runs
from sis_edge.report.plain import plain
from sis_edge.results.two_runs import RunComparison


@dataclass(frozen=True, repr=False)
class Differences(RunComparison):
    """B against A, as `sis-edge compare` shows it: a table for each quantity."""

    @classmethod
    def of(cls, found: RunComparison) -> "Differences":
        """The same comparison, which shows itself."""
        return cls(**{each.name: getattr(found, each.name) for each in fields(found)})

    def __repr__(self) -> str:
        before = (*two_runs.heading(self), *two_runs.remarks(self))
        return plain(before, two_runs.tables(self), two_runs.unknown(self))

    def _repr_markdown_(self) -> str:
        """How a notebook shows it."""
        return two_runs.to_markdown(self)
