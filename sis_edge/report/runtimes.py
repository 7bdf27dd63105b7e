"""Tables of a run that measured with several runtimes: speed-ups within each and across, the same network in each."""

from collections.abc import Sequence

from sis_edge.report import rows as show
from sis_edge.report.columns import RowColumn, fill, value
from sis_edge.report.layouts import NETWORK, RUNTIME
from sis_edge.report.table import Cell, Column, Table
from sis_edge.results.rows import Row
from sis_edge.results.rows import fields as known

Key = tuple[str, str, str]

OVER_OWN = RowColumn(
    "Speed-up",
    (known.OVER_OWN_DENSE.name,),
    lambda row: row.own_dense.speed_up.estimate.map(
        lambda found: show.speed_up(found, row.own_dense.speed_up.interval.value)
    ),
)
OVER_FASTEST = RowColumn(
    "Speed-up over it",
    (known.OVER_FASTEST_DENSE.name,),
    lambda row: row.fastest_dense.speed_up.estimate.map(
        lambda found: show.speed_up(found, row.fastest_dense.speed_up.interval.value)
    ),
)
SPEED_UPS = (
    NETWORK,
    RUNTIME,
    value("p50", known.LATENCY_P50, show.seconds),
    value("Its runtime's {reference}", known.OWN_DENSE, str, is_number=False),
    OVER_OWN,
    RowColumn(
        "95% interval",
        tuple(field.name for field in known.OVER_OWN_DENSE_INTERVAL),
        lambda row: row.own_dense.speed_up.interval.map(show.speed_up_interval),
    ),
    value("Fastest {reference}", known.FASTEST_DENSE, str, is_number=False),
    OVER_FASTEST,
    RowColumn(
        "95% interval",
        tuple(field.name for field in known.OVER_FASTEST_DENSE_INTERVAL),
        lambda row: row.fastest_dense.speed_up.interval.map(show.speed_up_interval),
    ),
)


def runtime_tables(rows: Sequence[Row], mark: str | None = None, is_invalid: bool = False) -> tuple[Table, ...]:
    """Speed-ups within each runtime and over the fastest dense network, and the same network with each; none for one
    runtime.
    """
    runtimes = list(dict.fromkeys(row.identity.runtime for row in rows))
    if len(runtimes) == 1:
        return ()
    cells, notes = fill(SPEED_UPS, rows)
    reference = "reference" if all(row.identity.is_given for row in rows) else "dense network"
    titles = tuple(Column(column.title.format(reference=reference), column.is_number) for column in SPEED_UPS)
    caption = (
        f"Each network over the {reference} with its own runtime, and over the fastest {reference} of the run in any "
        "runtime, form and precision. All ran in the same rounds; what is inside the timed call differs between "
        "runtimes, as the table of it says."
    )
    within = Table("Speed-up by runtime", caption, titles, cells, notes, "speed-up-by-runtime", mark, is_invalid)
    return (within, *_same_network(rows, mark, is_invalid))


def _same_network(rows: Sequence[Row], mark: str | None, is_invalid: bool) -> tuple[Table, ...]:
    """Median latencies by runtime, and by how much each further runtime differs from the first.

    A line is a network in one form and precision that two runtimes or more measured without a problem. The ratio is of
    the two medians: both ran in the same rounds, but it has no interval, and is no speed-up of a network.
    """
    runtimes = list(dict.fromkeys(row.identity.runtime for row in rows))
    found: dict[Key, dict[str, Row]] = {}
    for row in rows:
        if row.problem is None and row.latency.p50_s.value is not None and not row.run.emulated:
            identity = row.identity
            found.setdefault((identity.network, identity.form, identity.precision), {})[identity.runtime] = row
    lines = [(key, by) for key, by in found.items() if len(by) > 1]
    if not lines:
        return ()
    first, *others = runtimes
    columns = (
        Column("Network", is_number=False),
        Column("Precision", is_number=False),
        *(Column(f"p50 with {runtime}") for runtime in runtimes),
        *(Column(f"{runtime} over {first}") for runtime in others),
    )
    title = f"Same network, {'two' if len(runtimes) == 2 else len(runtimes)} runtimes"
    caption = (
        f"Median latency of the same network with each runtime, in the same rounds. The last columns are that of "
        f"{first} over that of the other: above 1 the other runtime is faster."
    )
    cells = tuple(_cells(key, by, runtimes) for key, by in lines)
    return (Table(title, caption, columns, cells, name="runtimes", mark=mark, is_invalid=is_invalid),)


def _cells(key: Key, by: dict[str, Row], runtimes: Sequence[str]) -> tuple[Cell, ...]:
    medians_s = [by[runtime].latency.p50_s.value if runtime in by else None for runtime in runtimes]
    base_s = medians_s[0]
    ratios = [base_s / other_s if base_s and other_s else None for other_s in medians_s[1:]]
    return (
        Cell(key[0]),
        Cell(key[2]),
        *(Cell("–", is_known=False) if each is None else Cell(show.seconds(each)) for each in medians_s),
        *(Cell("–", is_known=False) if each is None else Cell(show.ratio(each)) for each in ratios),
    )
