"""Stored runs as objects: what was measured, how it compares with the dense network, and whether to trust it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from sis_edge.errors import RecordError, UsageError
from sis_edge.files.paths import AnyPath
from sis_edge.report import rows as show
from sis_edge.report.sections.board import board_name
from sis_edge.report.sections.verdict import headline, verdict_lines
from sis_edge.results import store
from sis_edge.results.comparison import Row
from sis_edge.results.comparison import compare as compare_run
from sis_edge.results.named import NamedRun
from sis_edge.results.schema import StoredRun
from sis_edge.results.two_runs import compare_two
from sis_edge.results.verdict import Verdict, judge_run
from sis_edge.text.tables import as_html, as_text, wrapped

if TYPE_CHECKING:
    import pandas

    from sis_edge.explaining import Explanation
    from sis_edge.front.charts import RunChart
    from sis_edge.front.differences import Differences
    from sis_edge.front.frames import FrameOf

HEADINGS = ("network", "synapses", "accuracy", "p50", "speed-up", "95% interval", "net energy")


class NetworkSpeedUp(NamedTuple):
    """How much faster a network is than the reference, with the ends of the 95% interval where there is one."""

    estimate: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return show.ratio(self.estimate)
        return f"{show.ratio(self.estimate)} (95% interval {show.ratio(self.low)} to {show.ratio(self.high)})"


class Run:
    """One run of one bundle on one board: immutable, with its raw samples in `stored`."""

    def __init__(self, stored: StoredRun, path: Path | None = None) -> None:
        self.stored = stored
        self.path = path

    @property
    def run_id(self) -> str:
        """The run's own id."""
        return self.stored.record.run_id

    @property
    def board(self) -> str:
        """The board by its model, else its processor, else how it was reached."""
        return board_name(self.stored)

    @property
    def simulated(self) -> bool:
        """Whether a simulated or emulated board took part: then no number is a real board's."""
        return self.stored.board_kind != "real"

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the numbers can be defended: a level with reasons; it prints as sentences."""
        return judge_run(self.stored)

    def rows(self, seed: int = 0) -> list[Row]:
        """A row for each form of a network that was measured, by topic; `seed` is the bootstrap's."""
        return compare_run(self.stored, seed)

    def speed_ups(self, seed: int = 0) -> dict[str, NetworkSpeedUp]:
        """The speed-up of each network over the reference, without those that have none."""
        speed_ups = {}
        for row in self.rows(seed):
            estimate, interval = row.speed_up.estimate.value, row.speed_up.interval.value
            if estimate is not None:
                ends = (interval.low, interval.high) if interval else (None, None)
                speed_ups[row.identity.label] = NetworkSpeedUp(estimate, *ends)
        return speed_ups

    def report(self, folder: AnyPath, *, for_paper: bool = False) -> Path:
        """Write the report, `for_paper` with LaTeX and PDF in `paper/`, and return its page; raises DiskError."""
        from sis_edge import report

        return report.write([self.stored], Path(folder), for_paper=for_paper)[0]

    def charts(self) -> "dict[str, RunChart]":
        """The charts of the report by name: a notebook shows one, `save` writes it as SVG or PDF."""
        from sis_edge.front.charts import run_charts

        return run_charts(self.stored)

    def to_pandas(self, of: "FrameOf" = "networks") -> "pandas.DataFrame":
        """A data frame, as that of several runs; raises UsageError where pandas is not installed."""
        return Runs((self,)).to_pandas(of)

    def __repr__(self) -> str:
        return "\n".join([self._title, repr(self.verdict), _table(self.rows()), *wrapped(self._problems)])

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return as_html(HEADINGS, _cells(self.rows()), title=self._title, notes=self._notes)

    @property
    def _title(self) -> str:
        mark = " (SIMULATED)" if self.simulated else ""
        return f"{self.stored.title} on {self.board}{mark}, run {self.run_id}"

    @property
    def _notes(self) -> list[str]:
        """The verdict, and what went wrong with a network."""
        return [" ".join((f"{headline(self.verdict)}.", *verdict_lines(self.verdict))), *self._problems]

    @property
    def _problems(self) -> list[str]:
        return [f"{row.identity.label}: {row.problem}" for row in self.rows() if row.problem]


class Runs(Sequence[Run]):
    """Several runs, oldest first; `warnings` has a sentence for each file that could not be read."""

    def __init__(self, runs: Iterable[Run], warnings: Sequence[str] = ()) -> None:
        self._runs = tuple(runs)
        self.warnings = tuple(warnings)

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> "Runs": ...

    def __getitem__(self, index: int | slice) -> "Run | Runs":
        return Runs(self._runs[index], self.warnings) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def to_pandas(self, of: "FrameOf" = "networks") -> "pandas.DataFrame":
        """A data frame of all runs: a row for each network, for each turn of one in a round, or for each sample.

        What is unknown is NaN or <NA>; `reasons` of networks say why. Raises UsageError for another frame, and where
        pandas is not installed.
        """
        from sis_edge.front.frames import frame

        return frame(of, [(run.stored, run.path) for run in self._runs])

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self._runs)) or "no runs"

    def _repr_html_(self) -> str:
        """How a notebook shows them."""
        return "".join(run._repr_html_() for run in self._runs) or "<p>no runs</p>"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Networks of one or more runs, each compared with the reference of its own run.

    Speed-ups of different runs may be compared; latencies of different boards say nothing about the networks.
    """

    runs: Runs

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of all runs, run after run."""
        return [row for run in self.runs for row in run.rows()]

    def differences(self, *, force: bool = False, seed: int = 0) -> "Differences":
        """The second run against the first, network by network, with intervals; of one run its networks.

        As `sis-edge compare`, and prints as that does; raises RecordError where they cannot be compared, unless
        `force`, and UsageError where there are more than two runs.
        """
        from sis_edge.front.differences import Differences

        return Differences.of(compare_two(*self._two(), force=force, seed=seed))

    def explain(self, seed: int = 0) -> "Explanation":
        """Why the second run's latencies differ from the first's, as `sis-edge explain`; raises as `differences`."""
        from sis_edge.explaining import explain

        return explain(*self._two(), seed=seed)

    def _two(self) -> tuple[NamedRun, NamedRun]:
        if len(self.runs) > 2:
            raise UsageError(f"two runs can be set against each other, not {len(self.runs)}; choose two")
        return NamedRun(self.runs[0].stored), NamedRun(self.runs[-1].stored)

    def to_pandas(self, of: "FrameOf" = "networks") -> "pandas.DataFrame":
        """A data frame of the runs, as `Runs.to_pandas`."""
        return self.runs.to_pandas(of)

    def report(self, folder: AnyPath, *, for_paper: bool = False) -> Path:
        """Write one report of all runs, `for_paper` with LaTeX and PDF in `paper/`, and return its page."""
        from sis_edge import report

        return report.write([run.stored for run in self.runs], Path(folder), for_paper=for_paper)[0]

    def __repr__(self) -> str:
        return "\n\n".join(_table(run.rows(), title=f"{run._title}: {run.verdict.level}") for run in self.runs)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return as_html(("run", "board", *HEADINGS, "verdict"), self._lines())

    def _lines(self) -> list[list[str]]:
        lines = []
        for run in self.runs:
            board = f"{run.board}{' (SIMULATED)' if run.simulated else ''}"
            lines += [[run.run_id, board, *cells, run.verdict.level] for cells in _cells(run.rows())]
        return lines


def load_runs(folder: AnyPath = "runs") -> Runs:
    """The stored runs of a folder, or of one file, oldest first; those of older versions are upgraded while read.

    An unreadable file is a warning (`Runs.warnings`); raises RecordError where no run is left.

    >>> import sis_edge, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     try:
    ...         sis_edge.load_runs(folder)
    ...     except sis_edge.errors.RecordError as error:
    ...         print("no stored run" in str(error))
    True
    """
    path = Path(folder)
    if path.is_file():
        return Runs((Run(store.load(path), path),))
    loaded = store.load_all(path)
    return Runs((Run(run, file) for run, file in zip(loaded.runs, loaded.files, strict=True)), loaded.warnings)


def compare(*runs: Run | Runs) -> Comparison:
    """The networks of these runs next to each other; raises RecordError where there is none.

    >>> import sis_edge
    >>> sis_edge.compare()
    Traceback (most recent call last):
    sis_edge.errors.RecordError: there is no run to compare; `measure` makes one, `load_runs` reads stored ones
    """
    wrong = next((type(given).__name__ for given in runs if not isinstance(given, Run | Runs | list | tuple)), None)
    if wrong is not None:
        raise UsageError(f"compare takes runs, not a {wrong}; load_runs reads stored ones: compare(load_runs('runs'))")
    every = [run for given in runs for run in ((given,) if isinstance(given, Run) else given)]
    if not every:
        raise RecordError("there is no run to compare; `measure` makes one, `load_runs` reads stored ones")
    return Comparison(Runs(every))


def _table(rows: Sequence[Row], title: str = "") -> str:
    """The rows for a terminal, which has no room for columns of which nothing is known."""
    columns = list(zip(HEADINGS, *_cells(rows), strict=True))
    known = [column for column in columns if column[0] in HEADINGS[:4] or set(column[1:]) - {"-"}]
    headings, *lines = zip(*known, strict=True)
    return as_text(headings, lines, title=title)


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    return [
        [
            row.identity.label,
            _text(row.structure.synapses.value, show.count),
            _text(row.accuracy.device.value, show.percent),
            _text(row.latency.p50_s.value, show.seconds),
            "reference" if row.identity.is_reference else _text(row.speed_up.estimate.value, show.ratio),
            _text(
                row.speed_up.interval.value,
                lambda interval: f"{show.ratio(interval.low)} to {show.ratio(interval.high)}",
            ),
            _text(row.energy.net_j.value, show.joules),
        ]
        for row in rows
    ]


def _text(value: Any, words: Any) -> str:
    return "-" if value is None else str(words(value))
