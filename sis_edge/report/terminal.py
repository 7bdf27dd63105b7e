"""The result of one run as a table that fits a terminal of 80 columns."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from sis_edge.report import rows as show
from sis_edge.report.document import board_name, headline, mark, of_engines, verdict_lines
from sis_edge.report.grid import grid
from sis_edge.report.layers import short
from sis_edge.report.tables import NETWORK, SYNAPSES, Column, amounts, energy_scope, fill, value
from sis_edge.results.comparison import Row, compare
from sis_edge.results.kernel_choice import advice, choices
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import Level, judge


def _speed_up(row: Row) -> str:
    interval = "no interval" if _lacks_interval(row) else show.speed_up_interval(row)
    return f"{show.speed_up(row)} [{interval}]"


def _lacks_interval(row: Row) -> bool:
    return row.speed_up is not None and row.speed_up_low is None


COLUMNS = (
    NETWORK,
    SYNAPSES,
    value("Accuracy", "device_accuracy", show.percent),
    value("p50", "latency_p50_s", show.seconds),
    Column("Speed-up [95% interval]", ("speed_up", "speed_up_low", "speed_up_high"), _speed_up),
    value("Ceiling", "ceiling", show.ratio),
)


def _net(row: Row) -> str:
    return f"{show.joules(row.energy_net_j or 0.0)} [{_bounds(row.energy_net_low_j, row.energy_net_high_j)}]"


def _gross(row: Row) -> str:
    return f"{show.joules(row.energy_gross_j or 0.0)} [{_bounds(row.energy_gross_low_j, row.energy_gross_high_j)}]"


def _bounds(low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"{show.joules(low)} to {show.joules(high)}"


ENERGY = (
    NETWORK,
    Column("Gross [95% interval]", ("energy_gross_j", "energy_gross_low_j", "energy_gross_high_j"), _gross),
    Column("Net of idle [95% interval]", ("energy_net_j", "energy_net_low_j", "energy_net_high_j"), _net),
)
STYLES: dict[Level, str] = {"VALID": "bold green", "SUSPECT": "bold yellow", "INVALID": "bold red", "NONE": "bold"}


def table(run: StoredRun, seed: int = 0) -> RenderableType:
    """What rich prints after a run: the comparison, its marks and what went wrong."""
    rows = compare(run, seed)
    marked = mark(rows)
    suffix = f" ({marked.upper()})" if marked else ""
    main, notes = _grid(COLUMNS, rows, f"{run.manifest.dataset} on {board_name(run)}{suffix}")
    job, power = run.record.job, run.record.power
    lines = [
        amounts(rows),
        f"{show.plural(job.threads, 'thread')}, batch {job.batch_size}, {job.runner}",
        *notes,
        *sorted({f"no interval: {row.reasons['speed_up_low']}" for row in rows if _lacks_interval(row)}),
        *(f"{row.network}: {row.problem}" for row in rows if row.problem and row.problem not in " ".join(notes)),
    ]
    parts: list[RenderableType] = [main, *map(Text, lines)]
    if any(row.energy_gross_j is not None for row in rows):
        scope = energy_scope(rows)
        energy, more = _grid(ENERGY, rows, f"Energy of one inference, scope: {scope}{suffix}")
        parts += [Text(), energy, *map(Text, more)]
    else:
        parts.append(Text(f"Energy: {_no_energy(rows, power.reason)}"))
    parts += map(Text, _sparse(run, seed))
    verdict = judge(run.record)
    parts += [Text(), Text(headline(verdict) + suffix, style=STYLES[verdict.level])]
    parts += [Padding(Text(f"- {line}"), (0, 0, 0, 2)) for line in verdict_lines(verdict)]
    return Group(*parts)


def _sparse(run: StoredRun, seed: int) -> list[str]:
    """What native kernels compute, a line a network that was measured, and what the choice stands on; the engines."""
    found = [] if run.record.facts_before.emulated else choices(run.record.networks, seed)
    chosen = {choice.network: choice for choice in found}
    measured = {network.name for network in run.record.networks if network.rounds}
    entries = [entry for entry in run.manifest.networks if entry.name in measured and entry.sparse is not None]
    bases = dict.fromkeys(entry.sparse.basis for entry in entries if entry.sparse is not None)
    lines = [line for entry in entries if (line := short(entry, chosen.get(entry.name)))] + list(bases)
    return lines + [f"{choice.network}: {advice(choice)}" for choice in of_engines(run, found)]


def _grid(columns: Sequence[Column], rows: Sequence[Row], title: str) -> tuple[Group, tuple[str, ...]]:
    cells, notes = fill(columns, rows)
    words = [column.title for column in columns if not column.is_number]
    lines = [[cell.text for cell in line] for line in cells]
    return grid([column.title for column in columns], lines, title=title, words=words), notes


def _no_energy(rows: Sequence[Row], reason: str | None) -> str:
    found = {row.reasons["energy_gross_j"] for row in rows if row.problem is None}
    return "; ".join(sorted(found)) or f"unavailable ({reason or 'the agent does not say why'})"
