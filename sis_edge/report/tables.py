"""The tables of the report of a run, for every format; `layouts` has their columns."""

from collections.abc import Sequence

from sis_edge.report import rows as show
from sis_edge.report.columns import fill, headings, origins
from sis_edge.report.layouts import NETWORK, SYNAPSES, layouts
from sis_edge.report.runtimes import runtime_tables
from sis_edge.report.table import Table
from sis_edge.results.rows import Row

__all__ = ["NETWORK", "SYNAPSES", "amounts", "energy_scope", "run_tables"]


def run_tables(rows: Sequence[Row], mark: str | None = None) -> tuple[Table, ...]:
    """Every table over the rows of one run; `mark` says "simulated" or "emulated"."""
    scope = energy_scope(rows)
    is_invalid = any(row.verdict.level == "INVALID" for row in rows)
    made = []
    for name, layout in layouts(rows).items():
        shown = [row for row in rows if row.identity.is_given] if name == "networks" else rows
        cells, notes = fill(layout.columns, shown)
        caption = layout.caption.format(scope=scope)
        if name == "result":
            caption += f" {amounts(rows)}"
        caption = " ".join(filter(None, (caption, origins(layout.columns, shown))))
        title = layout.title.format(scope=scope)
        columns, invalid = headings(layout.columns, scope), is_invalid and layout.is_timed
        made.append(Table(title, caption, columns, cells, notes, name, mark, invalid))
    return (*made, *runtime_tables(rows, mark, is_invalid))


def energy_scope(rows: Sequence[Row]) -> str:
    """What the energies of a run cover, and how far the sensor's gain may be off: every label of theirs says it."""
    scopes = sorted({row.energy.scope.value for row in rows if row.energy.scope.value is not None})
    measured = any(row.energy.gross_j.value is not None for row in rows)
    gains = [row.energy.gain_error.value for row in rows if row.energy.gain_error.value is not None]
    if scopes and gains:
        scopes.append(f"sensor gain ±{100 * max(gains):.2g}%")
    return ", ".join(scopes) or ("scope unknown" if measured else "unavailable")


def amounts(rows: Sequence[Row]) -> str:
    """How many samples the numbers are from."""
    measured = [row.latency for row in rows if row.latency.samples]
    if not measured:
        return "No network was measured."
    found = [row.accuracy.device_test_images.value for row in rows]
    images = [count for count in found if count is not None]
    given = all(row.identity.is_given for row in rows)  # whose inputs may be anything
    accuracy = f", {show.span(images) if images else 'no'} {'labels' if given else 'test images'}"
    if given and not images:
        accuracy = ""
    return (
        f"n = {show.span([latency.samples for latency in measured])} inferences of each network in "
        f"{show.span([latency.rounds for latency in measured])} rounds{accuracy}."
    )
