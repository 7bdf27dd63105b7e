"""The result of one run as tables that fit a terminal of 80 columns."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.styled import Styled
from rich.text import Text

from sis_edge.bundles.identity import NATIVE
from sis_edge.report import rows as show
from sis_edge.report.columns import RowColumn, fill, headings, value
from sis_edge.report.document import form_advice, kernel_choices, of_engines
from sis_edge.report.grid import of_table
from sis_edge.report.layers import short
from sis_edge.report.sections.board import board_name
from sis_edge.report.sections.findings import across, mark
from sis_edge.report.sections.method import NO_REASON
from sis_edge.report.sections.verdict import headline, verdict_lines
from sis_edge.report.table import Table
from sis_edge.report.tables import NETWORK, SYNAPSES, amounts, energy_scope
from sis_edge.results.comparison import compare
from sis_edge.results.kernel_choice import advice
from sis_edge.results.rows import Figure, Row
from sis_edge.results.rows import fields as known
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import Interval
from sis_edge.results.verdict import Level, Verdict, judge_run


def _speed_up(row: Row) -> Figure[str]:
    interval = row.speed_up.interval.value
    ends = "no interval" if interval is None else ", ".join(show.speed_up_ends(interval))
    return row.speed_up.estimate.map(lambda found: f"{show.speed_up(found, interval)} [{ends}]")


def _lacks_interval(row: Row) -> bool:
    return row.speed_up.estimate.value is not None and row.speed_up.interval.value is None


def _joules(value: Figure[float], interval: Figure[Interval]) -> Figure[str]:
    ends = interval.map(lambda found: f"{show.joules(found.low)}, {show.joules(found.high)}").value or "no interval"
    return value.map(lambda joules: f"{show.joules(joules)} [{ends}]")


SPEED_UP = RowColumn("Speed-up [95% interval]", (), _speed_up)
RESULT = (
    NETWORK,
    SYNAPSES,
    value("Accuracy", known.DEVICE_ACCURACY, show.percent),
    value("p50", known.LATENCY_P50, show.seconds),
    SPEED_UP,
    value("Ceiling", known.CEILING, show.ratio),
)


def _given(rows: Sequence[Row]) -> tuple[RowColumn, ...]:
    """The columns of a run of networks that sis-edge did not form: accuracy where labels were given."""
    accuracies = (value("Top-1", known.DEVICE_ACCURACY, show.percent),)
    return (
        NETWORK,
        *(accuracies if any(row.accuracy.device.value is not None for row in rows) else ()),
        value("p50", known.LATENCY_P50, show.seconds),
        SPEED_UP,
        value("Peak memory", known.PEAK_RSS, show.size),
    )


ENERGY = (
    NETWORK,
    RowColumn("Gross [95% interval]", (), lambda row: _joules(row.energy.gross_j, row.energy.gross_interval_j)),
    RowColumn("Net of idle [95% interval]", (), lambda row: _joules(row.energy.net_j, row.energy.net_interval_j)),
)
WHOLE = (SPEED_UP.title, *(column.title for column in ENERGY[1:]))  # an interval is not broken; a name may be
STYLES: dict[Level, str] = {
    "VALID": "bold green",
    "VALID as far as seen": "bold green",
    "QUICK": "bold cyan",
    "SUSPECT": "bold yellow",
    "INVALID": "bold red",
    "NONE": "bold",
}


def table(run: StoredRun, seed: int = 0) -> RenderableType:
    """What rich prints after a run: the verdict with its reasons, then the comparison, energy and kernels.

    The numbers of an INVALID run are dim, and their titles say so where there is no colour.
    """
    rows, verdict = compare(run, seed), judge_run(run)
    marked = mark(rows)
    is_invalid = verdict.level == "INVALID"
    suffix = _suffix(marked, "invalid" if is_invalid else None)
    numbers = Group(
        *_result(run, rows, suffix),
        *_energies(run, rows, suffix),
        *map(Text, _kernels(run, rows, seed)),
        *_sustained(verdict),
    )
    return Group(*_verdict(verdict, _suffix(marked)), Text(), Styled(numbers, "dim") if is_invalid else numbers)


def _suffix(*marks: str | None) -> str:
    """The marks behind a title.

    >>> _suffix("simulated", "invalid"), _suffix(None)
    (' (SIMULATED, INVALID)', '')
    """
    found = ", ".join(each.upper() for each in marks if each)
    return f" ({found})" if found else ""


def _result(run: StoredRun, rows: Sequence[Row], suffix: str) -> list[RenderableType]:
    is_given = all(row.identity.is_given for row in rows)
    result = _table(_given(rows) if is_given else RESULT, rows, f"{run.title} on {board_name(run)}{suffix}")
    job, said = run.record.job, " ".join((*result.notes, *(reason.sentence for reason in judge_run(run).reasons)))
    lines = [
        amounts(rows),
        f"{show.plural(job.threads, 'thread')}, {'' if is_given else f'batch {job.batch_size}, '}"
        f"{' and '.join(run.runtimes)}",
        *result.notes,
        *(
            f"{row.identity.label} was {row.accuracy.training_difference}"
            for row in rows
            if row.accuracy.training_difference and row.identity.precision == "fp32"
        ),
        *(
            f"{row.identity.label}: {text}"
            for row in rows
            for text in across(row, next((each.identity.label for each in rows if each.identity.is_reference), None))
        ),
        *sorted({f"no interval: {row.speed_up.interval.reason}" for row in rows if _lacks_interval(row)}),
        *(f"{row.identity.label}: {row.problem}" for row in rows if row.problem and row.problem not in said),
    ]
    return [of_table(result, WHOLE), *map(Text, lines)]


def _energies(run: StoredRun, rows: Sequence[Row], suffix: str) -> list[RenderableType]:
    if any(row.energy.gross_j.value is not None for row in rows):
        energy = _table(ENERGY, rows, f"Energy per inference, scope: {energy_scope(rows)}{suffix}")
        return [Text(), of_table(energy, WHOLE), *map(Text, energy.notes)]
    reasons = {row.energy.gross_j.reason for row in rows if row.problem is None and row.energy.gross_j.reason}
    unavailable = f"unavailable ({run.record.power.reason or NO_REASON})"
    return [Text(f"Energy: {'; '.join(sorted(reasons)) or unavailable}")]


def _sustained(verdict: Verdict) -> list[RenderableType]:
    """A line for each network that worked for long."""
    return [Text(f"Sustained work of {remark}") for remark in verdict.remarks]


def _kernels(run: StoredRun, rows: Sequence[Row], seed: int) -> list[str]:
    """A line for each measured network on its native kernels, the basis of their choice, and which form to use."""
    found = kernel_choices(run, seed)
    chosen = {choice.network: choice for choice in found if (choice.form, choice.precision) == (NATIVE, "fp32")}
    measured = {network.network for network in run.record.networks if network.rounds}
    entries = [entry for entry in run.manifest.networks if entry.name in measured and entry.sparse is not None]
    bases = dict.fromkeys(entry.sparse.basis for entry in entries if entry.sparse is not None)
    lines = [line for entry in entries if (line := short(entry, chosen.get(entry.name)))] + list(bases)
    lines += [f"{choice.label}: {advice(choice)}" for choice in of_engines(found)]
    return lines + [f"{each.network}: {each.sentence}" for each in form_advice(run, rows, found, seed)]


def _verdict(verdict: Verdict, suffix: str) -> list[RenderableType]:
    lines = [Padding(Text(f"- {line}"), (0, 0, 0, 2)) for line in verdict_lines(verdict)]
    return [Text(headline(verdict) + suffix, style=STYLES[verdict.level]), *lines]


def _table(columns: Sequence[RowColumn], rows: Sequence[Row], title: str) -> Table:
    cells, notes = fill(columns, rows)
    return Table(title, "", headings(columns, energy_scope(rows)), cells, notes)
