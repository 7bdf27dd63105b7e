"""Two runs against each other: tables for a terminal and for Markdown, one line a quantity for CSV."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from sis_edge.report import rows as show
from sis_edge.report.markdown import tables_markdown
from sis_edge.report.sections.board import board_name
from sis_edge.report.table import Column, Table, text_cells
from sis_edge.results.rows.figure import Figure
from sis_edge.results.schema import StoredRun
from sis_edge.results.two_runs import ComparedNetwork, QuantityChange, RunComparison
from sis_edge.results.two_runs.quantities import RANGE
from sis_edge.results.verdict import Verdict

UNPAIRED = (
    "The latencies are of two runs, so a drift of the board does not cancel: the interval holds the spread within each "
    "run, not what differs from run to run. Networks measured in one run are compared more closely."
)
ACCURACY = "device_accuracy"

# Quantity: title, its values as text, and what lower and higher are called.
QUANTITIES: dict[str, tuple[str, Callable[[float], str], str, str]] = {
    "latency_p50_s": ("Latency p50", show.seconds, "faster", "slower"),
    "energy_net_j": ("Net energy per inference", show.joules, "less", "more"),
    "peak_rss_bytes": ("Peak memory", show.size, "less", "more"),
    ACCURACY: ("Accuracy on the board", show.percent, "lower", "higher"),
}
NAMES = (
    *("run_a", "run_b", "network_a", "network_b", "quantity", "a", "b", "change", "change_low", "change_high"),
    *("is_difference", "method", "finding", "obstacles", "reasons"),
)


def heading(comparison: RunComparison) -> tuple[str, ...]:
    """What is compared with what, each with its verdict."""
    names = ("Run",) if comparison.is_one_run else ("A", "B")
    runs = (comparison.a, comparison.b)
    return tuple(_run(*each) for each in zip(names, runs, comparison.verdicts, strict=False))


def remarks(comparison: RunComparison) -> tuple[str, ...]:
    """What speaks against the comparison, what else to know of it, and what only one run has."""
    lines = [f"{'Not comparable' if each.is_refused else 'Note'}: {each.sentence}." for each in comparison.obstacles]
    for name, networks in (("A", comparison.matching.only_a), ("B", comparison.matching.only_b)):
        if networks:
            lines.append(f"Only in {name}: {', '.join(networks)}.")
    return tuple(lines)


def tables(comparison: RunComparison) -> tuple[Table, ...]:
    """A table for each quantity that some network has on both sides."""
    found = [_table(comparison, name) for name in QUANTITIES]
    return tuple(table for table in found if table is not None)


def unknown(comparison: RunComparison) -> tuple[str, ...]:
    """A sentence for each quantity that no network has on both sides."""
    lines = []
    for name, (title, *_) in QUANTITIES.items():
        changes = [change for _, change in _of(comparison, name)]
        if all(change.change.value is None for change in changes):
            reasons = dict.fromkeys(change.change.reason or "" for change in changes)
            lines.append(f"{title}: unknown ({'; '.join(reasons)}).")
    return tuple(lines)


def to_markdown(comparison: RunComparison) -> str:
    """All of it as Markdown."""
    notes = [*heading(comparison), *remarks(comparison), *unknown(comparison)]
    return tables_markdown("Comparison of runs", notes, tables(comparison), ())


def to_csv(comparison: RunComparison) -> str:
    """A line for each network and quantity, all digits; unknown values are empty and `reasons` (JSON) says why."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(NAMES)
    runs = [comparison.a.record.run_id, comparison.b.record.run_id]
    against = "; ".join(each.sentence for each in comparison.obstacles)
    for network in comparison.networks:
        for each in network.quantities:
            known = {"a": each.a, "b": each.b, "change": each.change, **_ends(each)}
            reasons = {name: figure.reason for name, figure in known.items() if figure.reason}
            values = ["" if figure.value is None else repr(figure.value) for figure in known.values()]
            is_difference = "true" if each.is_difference else "false"
            line = [*runs, network.a, network.b, each.name, *values, is_difference, each.method, each.finding, against]
            writer.writerow([*line, json.dumps(reasons, sort_keys=True, ensure_ascii=False)])
    return out.getvalue()


def _ends(each: QuantityChange) -> dict[str, Figure[float]]:
    return {
        "change_low": each.interval.map(lambda interval: interval.low),
        "change_high": each.interval.map(lambda interval: interval.high),
    }


def _run(name: str, run: StoredRun, verdict: Verdict) -> str:
    is_emulated = run.record.facts_before.emulated
    marks = [mark for mark, holds in (("SIMULATED", run.is_simulated), ("EMULATED", is_emulated)) if holds]
    mark = f" ({', '.join(marks)})" if marks else ""
    level = "no verdict" if verdict.level == "NONE" else verdict.level
    stored = run.stored_at.strftime("%Y-%m-%d %H:%M %Z")
    return f"{name}: {run.title} on {board_name(run)}{mark}, run {run.record.run_id}, {stored}: {level}"


def _of(comparison: RunComparison, name: str) -> list[tuple[ComparedNetwork, QuantityChange]]:
    return [
        (network, change) for network in comparison.networks for change in network.quantities if change.name == name
    ]


def _table(comparison: RunComparison, name: str) -> Table | None:
    title, text, lower, higher = QUANTITIES[name]
    lines = _of(comparison, name)
    if all(change.change.value is None for _, change in lines):
        return None
    words = {"lower": lower, "higher": higher}
    cells = [
        (
            network.title,
            *(_text(figure, text) for figure in (change.a, change.b)),
            _change(change),
            words.get(change.finding, change.finding),
        )
        for network, change in lines
    ]
    heads = ("Network", "A", "B", _head(lines, name), "Finding")
    columns = tuple(Column(head, is_number=head not in ("Network", "Finding")) for head in heads)
    methods = dict.fromkeys(change.method for _, change in lines if change.interval.value is not None)
    caption = UNPAIRED if name == "latency_p50_s" and not comparison.is_one_run else ""
    how = f", {' and '.join(methods)}" if methods else ""
    return Table(f"{title}{how}", caption, columns, text_cells(cells), _notes(lines), name)


def _head(lines: Sequence[tuple[ComparedNetwork, QuantityChange]], name: str) -> str:
    what, unit = ("B-A", ", points") if name == ACCURACY else ("B/A", "")
    methods = {change.method for _, change in lines if change.interval.value is not None}
    ends = " [range]" if methods == {RANGE} else " [95% interval]" if methods else ""
    return f"{what}{ends}{unit}"


def _text(figure: Figure[float], text: Callable[[float], str]) -> str:
    return "-" if figure.value is None else text(figure.value)


def _change(each: QuantityChange) -> str:
    """The change with the digits that its interval supports."""
    value, interval = each.change.value, each.interval.value
    if value is None:
        return "-"
    numbers = [value] if interval is None else [value, interval.low, interval.high]
    if each.is_difference:
        shown = [show.points(number) for number in numbers]
    else:
        decimals = 2 if interval is None or interval.high - interval.low >= 0.05 else 3
        shown = [f"{number:.{decimals}f}" for number in numbers]
        shown[0] += "×"
    return shown[0] if len(shown) == 1 else f"{shown[0]} [{shown[1]}, {shown[2]}]"


def _notes(lines: Sequence[tuple[ComparedNetwork, QuantityChange]]) -> tuple[str, ...]:
    """Why a change or its interval is unknown, each reason once where it is all networks'."""
    reasons: dict[str, list[str]] = {}
    for network, change in lines:
        reason: Any = change.change.reason or change.interval.reason
        if reason:
            reasons.setdefault(reason, []).append(network.title)
    return tuple(
        f"No interval: {reason}." if len(networks) == len(lines) else f"{', '.join(networks)}: {reason}."
        for reason, networks in reasons.items()
    )
