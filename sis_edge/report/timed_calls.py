"""The table of what stands inside the timed call: a line for each part of an inference, a column for each runtime."""

from collections.abc import Sequence

from sis_agent.schema import TimedPart
from sis_edge.bundles.identity import label
from sis_edge.report import rows as show
from sis_edge.report.columns import cell, lettered
from sis_edge.report.table import Cell, Column, Table
from sis_edge.results.timed_calls import TimedCallFigures

CLOCKS = {"host": "the host's, around the call", "runtime": "the runtime's own"}
PARTS = {
    "input_copy": "Copy of inputs (host to device)",
    "output_copy": "Copy of outputs (device to host)",
    "preprocessing": "Pre-processing",
    "postprocessing": "Post-processing",
    "synchronisation": "Synchronisation",
    "call_overhead": "Cost of the call itself",
}
OF_NULL_NETWORK = "a call that computes nothing"


def timed_call_tables(calls: Sequence[TimedCallFigures], mark: str | None = None) -> tuple[Table, ...]:
    """The table; none where nothing was measured."""
    if not calls:
        return ()
    notes: list[str] = []
    runtimes = [each.runtime for each in calls]
    lines = [
        ("Timed call", [cell(each.call, notes) for each in calls]),
        ("Clock", [cell(each.clock.map(lambda clock: CLOCKS.get(clock, clock)), notes) for each in calls]),
        *((title, [_part(each, name, notes) for each in calls]) for name, title in PARTS.items()),
    ]
    return (
        Table(
            "What is inside the timed call",
            "Where each part of an inference is: inside the call that latencies are of, outside of it, or nowhere. "
            "Each runtime's runner declares it; times in brackets were measured apart.",
            (Column("Part", is_number=False), *(Column(_title(each, runtimes), is_number=False) for each in calls)),
            tuple((Cell(title), *cells) for title, cells in lines),
            lettered(notes),
            "timed-calls",
            mark,
        ),
    )


def _title(call: TimedCallFigures, runtimes: Sequence[str]) -> str:
    """The runtime, with its forms where it has more than one timed call."""
    if runtimes.count(call.runtime) == 1:
        return call.runtime
    return f"{call.runtime}: {', '.join(label('', form, 'fp32').strip(' ()') or form for form in call.forms)}"


def _part(call: TimedCallFigures, name: str, notes: list[str]) -> Cell:
    part, cost_s = call.parts[name], call.costs_s[name].value
    return cell(part.map(lambda found: _text(found, name, cost_s)), notes)


def _text(part: TimedPart, name: str, cost_s: float | None) -> str:
    what = f"{OF_NULL_NETWORK}: " if name == "call_overhead" else ""
    cost = f" ({what}{show.seconds(cost_s)})" if cost_s is not None and part.where != "none" else ""
    return f"{part.where}: {part.how}{cost}"
