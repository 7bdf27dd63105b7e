"""An explanation as sentences and tables, for a terminal, Markdown and CSV."""

import csv
import io
from collections.abc import Sequence

from sis_edge.explaining.explain import Explanation
from sis_edge.explaining.factor import Factor
from sis_edge.explaining.ranking import Ranked, together
from sis_edge.report import rows as show
from sis_edge.report import two_runs
from sis_edge.report.markdown import tables_markdown
from sis_edge.report.plain import plain
from sis_edge.report.table import Column, Table, text_cells

COLUMNS = (
    Column("Cause", is_number=False),
    Column("A", is_number=False),
    Column("B", is_number=False),
    Column("Predicted"),
    Column("Fit", is_number=False),
)
NAMES = ("rank", "code", "cause", "a", "b", "state", "predicted", "fit", "score", "note")
BRIEF = 25
"""Characters of a value that is shown beside what is the same."""
ABOUT_RUNS = ("emulated", "invalid", "verdict")
"""Obstacles that say something of a run; all others are differences, which are ranked."""
MODEL = (
    "Predicted: B over A of the networks that it affects, if this were the only difference. Each is weighed alone: "
    "several together may fit where none does."
)


def observed(found: Explanation) -> str:
    """What is to be explained, and what chance would do."""
    if not found.observed.logs:
        reasons = dict.fromkeys(each.latency.change.reason or "" for each in found.comparison.networks)
        return f"There is no ratio of latencies to explain: {'; '.join(reasons)}."
    chance, number = found.observed.chance, len(found.observed.logs)
    of = f" (geometric mean of {show.plural(number, 'network')})" if number > 1 else ""
    return (
        f"Observed: the latency of B is {found.observed.ratio:.3f}× that of A{of}; "
        f"by chance it would be {chance.low:.3f} to {chance.high:.3f}."
    )


def answer(found: Explanation) -> str:
    """The likeliest cause, or why there is none to name."""
    cause = found.cause
    if cause is not None:
        return f"Likeliest cause: {_words(cause)} ({cause.fit}).{_further(found)}"
    if not found.observed.logs:
        return "The differences below are not ranked."
    if found.observed.is_chance:
        nothing = "Nothing that could matter differs, and" if not found.ranked else "No cause is needed:"
        return f"{nothing} latencies differ by no more than chance."
    if not found.ranked:
        return "Nothing that is recorded differs: the cause is not in these runs. Measure both again, in turns."
    return "None of the recorded differences explains it: the cause may not be in these runs."


def remarks(found: Explanation) -> tuple[str, ...]:
    """What the verdicts say of the runs."""
    return tuple(f"Note: {each.sentence}." for each in found.comparison.obstacles if each.code in ABOUT_RUNS)


def tables(found: Explanation) -> tuple[Table, ...]:
    """The latencies, and the differences that can change them."""
    latencies = tuple(table for table in two_runs.tables(found.comparison) if table.name == "latency_p50_s")
    if not found.ranked:
        return latencies
    cells = [(each.factor.title, each.factor.a, each.factor.b, _predicted(each), each.fit) for each in found.ranked]
    ranked = Table("Differences, the likeliest cause first", MODEL, COLUMNS, text_cells(cells), name="causes")
    return (*latencies, ranked)


def folded(found: Explanation) -> tuple[str, ...]:
    """What cannot matter, what is the same, and what is not known, each in one line."""
    inert = [f"{each.title}{f' ({each.note})' if each.note else ''}" for each in found.inert]
    lines = (
        ("Differs and cannot change a latency", inert),
        ("The same in both", [_same(each) for each in found.same if each.effect is not None]),
        ("Not known of both", [each.title for each in found.unknown if each.effect is not None]),
    )
    return tuple(f"{title}: {', '.join(names)}." for title, names in lines if names)


def to_text(found: Explanation) -> str:
    """All of it as plain text."""
    before = (*two_runs.heading(found.comparison), *remarks(found), "", observed(found), answer(found))
    return plain(before, tables(found), folded(found))


def to_markdown(found: Explanation) -> str:
    """All of it as Markdown."""
    notes = [*two_runs.heading(found.comparison), observed(found), answer(found), *remarks(found), *folded(found)]
    return tables_markdown("Why two runs differ", notes, tables(found), ())


def to_csv(found: Explanation) -> str:
    """A line for each factor, all digits: those that can change a latency by rank, then all others."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(NAMES)
    for place, each in enumerate(found.ranked, 1):
        predicted = "" if each.predicted is None else repr(each.predicted)
        writer.writerow([place, *_values(each.factor), predicted, each.fit, repr(each.score), each.factor.note])
    for factor in _others(found):
        writer.writerow(["", *_values(factor), "", "", "", factor.note])
    return out.getvalue()


def _values(factor: Factor) -> list[str]:
    return [factor.code, factor.title, factor.a, factor.b, factor.state]


def _others(found: Explanation) -> Sequence[Factor]:
    return (*found.inert, *found.same, *found.unknown)


def _words(each: Ranked) -> str:
    predicted = f", which predicts {each.predicted:.2f}×" if each.predicted is not None else ""
    return f"{each.factor.title}, {each.factor.a} in A and {each.factor.b} in B{predicted}"


def _further(found: Explanation) -> str:
    """What acts together with the likeliest cause."""
    if found.cause is None or not found.further:
        return ""
    parts = (found.cause, *found.further)
    others = "; ".join(map(_words, found.further))
    known = all(each.predicted is not None for each in parts)
    sum_ = f". Together they predict {together(parts, found.observed):.2f}×" if known else ""
    return f" With it: {others}{sum_}."


def _same(factor: Factor) -> str:
    return factor.title if len(factor.a) > BRIEF else f"{factor.title} {factor.a}"


def _predicted(each: Ranked) -> str:
    return "-" if each.predicted is None else f"{each.predicted:.2f}×"
