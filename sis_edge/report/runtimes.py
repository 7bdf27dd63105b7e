"""A table of networks that one run measured with several runtimes: the same network, the same rounds."""

from collections.abc import Sequence

from sis_edge.report import rows as show
from sis_edge.report.table import Cell, Column, Table
from sis_edge.results.rows import Row

Key = tuple[str, str, str]


def runtime_tables(rows: Sequence[Row], mark: str | None = None, is_invalid: bool = False) -> tuple[Table, ...]:
    """Median latencies by runtime, and by how much each further runtime differs from the first; none for one runtime.

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
