"""The views that SQL sees, with their columns: this list is what is created, filled and documented."""

from dataclasses import dataclass
from typing import Any

from sis_edge.results.rows.fields import FIELDS

_TYPES: dict[type[Any], str] = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}


@dataclass(frozen=True)
class ViewColumn:
    """A column with its SQL type; unknown values are NULL."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class View:
    """A view; `reads_samples` where filling it reads every run whole, and not only its summary."""

    name: str
    meaning: str
    columns: tuple[ViewColumn, ...]
    reads_samples: bool = False

    def create(self) -> str:
        """The SQL that makes it, empty."""
        columns = ", ".join(f'"{column.name}" {column.type}' for column in self.columns)
        return f'CREATE TABLE "{self.name}" ({columns})'

    def insert(self, source: str) -> str:
        """The SQL that adds the rows of another table with these columns."""
        columns = ", ".join(f'"{column.name}"' for column in self.columns)
        return f'INSERT INTO "{self.name}" SELECT {columns} FROM "{source}"'


_RUN_ID = ViewColumn("run_id", "VARCHAR", "the run")
_PATH = ViewColumn("path", "VARCHAR", "its file")
_NETWORK = ViewColumn("network", "VARCHAR", "the network, with its form and precision")

RUNS = View(
    "runs",
    "a row for each run; of one and its copies with an external meter's energy, that which was stored last",
    (
        _RUN_ID,
        _PATH,
        ViewColumn("stored_at", "TIMESTAMP", "when it was stored, UTC, by this machine's clock"),
        ViewColumn("started_at", "VARCHAR", "when it began, by the board's clock"),
        ViewColumn("duration_s", "DOUBLE", "how long the job ran"),
        ViewColumn("bundle_id", "VARCHAR", "hash of the bundle"),
        ViewColumn("bundle", "VARCHAR", "name of the bundle"),
        ViewColumn("dataset", "VARCHAR", "data set; NULL for networks of one's own"),
        ViewColumn("profile", "VARCHAR", "the board's profile"),
        ViewColumn("board", "VARCHAR", "how it was reached"),
        ViewColumn("machine", "VARCHAR", "how it was reached, and its host name"),
        ViewColumn("model", "VARCHAR", "what it is"),
        ViewColumn("runtime", "VARCHAR", "all runtimes, comma-separated, the first first"),
        ViewColumn("threads", "BIGINT", "threads of the runtime"),
        ViewColumn("batch_size", "BIGINT", "images in a call"),
        ViewColumn("simulated", "BOOLEAN", "a simulated board took part"),
        ViewColumn("emulated", "BOOLEAN", "the board is emulated: its times are the emulator's"),
        ViewColumn("verdict", "VARCHAR", "VALID, VALID as far as seen, QUICK, SUSPECT, INVALID or NONE"),
    ),
)

NETWORKS = View(
    "networks",
    "a row for each network of each run: the columns of a report's results.csv, and these first",
    (
        _PATH,
        ViewColumn("latency_median_low_s", "DOUBLE", "95% interval of the median over rounds"),
        ViewColumn("latency_median_high_s", "DOUBLE", "95% interval of the median over rounds"),
        ViewColumn("reasons", "VARCHAR", "why each NULL is unknown, as JSON"),
        *(ViewColumn(field.name, _TYPES[field.type], "as in results.csv") for field in FIELDS),
    ),
)

VERSIONS = View(
    "versions",
    "a row for each version and setting of each run's board",
    (
        _RUN_ID,
        _PATH,
        ViewColumn("name", "VARCHAR", "of software, or of a setting such as the power mode"),
        ViewColumn("version", "VARCHAR", "NULL where the board does not report it"),
    ),
)

ROUNDS = View(
    "rounds",
    "a row for each turn of a network in a round",
    (
        _RUN_ID,
        _PATH,
        _NETWORK,
        ViewColumn("round", "BIGINT", "number of the round, from 0"),
        ViewColumn("position", "BIGINT", "the network's place in the round's random order"),
        ViewColumn("process", "BIGINT", "number of the worker process"),
        ViewColumn("start_s", "DOUBLE", "on the job's clock"),
        ViewColumn("inferences", "BIGINT", "how many were timed"),
        ViewColumn("median_s", "DOUBLE", "their median latency"),
        ViewColumn("wall_s", "DOUBLE", "from the first's start to the last's end"),
        ViewColumn("cpu_s", "DOUBLE", "processor time of the measuring thread"),
        ViewColumn("preempted", "BIGINT", "attempts that were thrown away, since another program took the core"),
    ),
    reads_samples=True,
)

SAMPLES = View(
    "samples",
    "a row for each timed inference",
    (
        _RUN_ID,
        _PATH,
        _NETWORK,
        ViewColumn("round", "BIGINT", "number of the round, from 0"),
        ViewColumn("number", "BIGINT", "place within its turn, from 0"),
        ViewColumn("latency_s", "DOUBLE", "latency"),
    ),
    reads_samples=True,
)

VIEWS = {view.name: view for view in (RUNS, NETWORKS, VERSIONS, ROUNDS, SAMPLES)}
