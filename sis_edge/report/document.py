"""A report before any format: the sections of its runs, with sentences, facts and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.bundles.identity import SPARSE_24
from sis_edge.errors import RecordError
from sis_edge.report.layers import layer_tables
from sis_edge.report.sections.answer import RunAnswer, answer
from sis_edge.report.sections.board import board, board_name, environment
from sis_edge.report.sections.findings import finding, mark, marks, notes
from sis_edge.report.sections.method import method
from sis_edge.report.sections.provenance import provenance
from sis_edge.report.sections.reading import OF_GIVEN, READING
from sis_edge.report.sections.reproduce import reproduce
from sis_edge.report.side_by_side import BoardRun, board_run, sentence, side_by_side
from sis_edge.report.sustained import sustained_tables
from sis_edge.report.table import Table
from sis_edge.report.tables import run_tables
from sis_edge.report.timed_calls import timed_call_tables
from sis_edge.results.comparison import compare
from sis_edge.results.form_advice import FormAdvice, advise
from sis_edge.results.function import entries, wrong_functions
from sis_edge.results.kernel_choice import SparseChoice, advice, choices
from sis_edge.results.rows import Row
from sis_edge.results.schema import StoredRun
from sis_edge.results.timed_calls import TimedCallFigures, timed_calls
from sis_edge.results.verdict import Verdict, judge_run


@dataclass(frozen=True)
class Section:
    """One run: everything that a format lays out; `marks` are on each of its lines, `mark` on tables and charts."""

    title: str
    answer: RunAnswer
    mark: str | None
    marks: tuple[str, ...]
    findings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    board: tuple[tuple[str, str], ...]
    method: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    reproduce: tuple[str, ...]
    verdict: Verdict
    choices: tuple[SparseChoice, ...]
    advised: tuple[FormAdvice, ...]
    timed_calls: tuple[TimedCallFigures, ...]
    run: StoredRun
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Report:
    """A report over one or more runs; `overview` has several side by side, before the section of each.

    `answer` is the sentence at its top, `marks` are those that all of its runs carry.
    """

    title: str
    sections: tuple[Section, ...]
    reading: tuple[str, ...] = READING
    overview: tuple[Table, ...] = ()

    @property
    def answer(self) -> str:
        """The report in one sentence."""
        return self.sections[0].answer.sentence if len(self.sections) == 1 else sentence(_lines(self.sections))

    @property
    def marks(self) -> tuple[str, ...]:
        """What all of its runs are marked with."""
        return tuple(mark for mark in self.sections[0].marks if all(mark in each.marks for each in self.sections))


def document(runs: Sequence[StoredRun], seed: int = 0) -> Report:
    """The report of these runs; raises RecordError where there is none. `seed` is the bootstrap's."""
    if not runs:
        raise RecordError("there is no run to report; `sis-edge deploy` measures one")
    return document_of([section(run, seed) for run in runs])


def document_of(sections: Sequence[Section]) -> Report:
    """The report of sections that are made already, one or more."""
    title = sections[0].title if len(sections) == 1 else f"SiS against the dense NiN: {len(sections)} runs"
    formed = [section for section in sections if section.run.manifest.networks]
    if not formed and len(sections) > 1:
        title = f"Networks compared: {len(sections)} runs"
    return Report(title, tuple(sections), READING if formed else OF_GIVEN, _overview(sections))


def _overview(sections: Sequence[Section]) -> tuple[Table, ...]:
    """Several runs side by side, each under the name of the board as it was reached."""
    return () if len(sections) == 1 else side_by_side(_lines(sections))


def _lines(sections: Sequence[Section]) -> list[BoardRun]:
    return [
        board_run(each.run, each.run.board, board_name(each.run), each.mark, each.rows, link=f"#run-{number}")
        for number, each in enumerate(sections, 1)
    ]


def section(run: StoredRun, seed: int = 0) -> Section:
    """What there is to say about one run."""
    rows = tuple(compare(run, seed))
    marked, marked_lines = mark(rows), marks(run, rows)
    chosen = kernel_choices(run, seed)
    calls = tuple(timed_calls(run))
    advised = tuple(form_advice(run, rows, chosen, seed))
    reference = next((row.identity.label for row in rows if row.identity.is_reference), run.manifest.reference)
    return Section(
        title=_title(run),
        answer=answer(rows, board_name(run)),
        mark=marked,
        marks=marked_lines,
        findings=(
            *((row.identity.label, finding(row, reference)) for row in rows if not row.identity.is_reference),
            *((choice.label, advice(choice)) for choice in of_engines(chosen)),
            *((each.network, each.sentence) for each in advised),
        ),
        notes=notes(run, rows),
        tables=(
            *(
                table.marked(marked_lines)
                for table in (
                    *run_tables(rows, marked),
                    *sustained_tables(run, marked),
                    *timed_call_tables(calls, marked),
                )
            ),
            *layer_tables(run, rows, chosen, marked),
        ),
        board=board(run),
        method=method(run, rows),
        environment=environment(run.record.facts_before, run.record.facts_after),
        provenance=provenance(run),
        reproduce=reproduce(run),
        verdict=judge_run(run),
        choices=chosen,
        advised=advised,
        timed_calls=calls,
        run=run,
        rows=rows,
    )


def kernel_choices(run: StoredRun, seed: int) -> tuple[SparseChoice, ...]:
    """Which form to use of each network measured with sparse kernels and without; none for an emulated board."""
    if run.record.facts_before.emulated:
        return ()
    return tuple(choices(run.record.networks, seed, wrong_functions(run.record, entries(run))))


def form_advice(run: StoredRun, rows: Sequence[Row], chosen: Sequence[SparseChoice], seed: int) -> list[FormAdvice]:
    """Which form to use of each network measured in several precisions; none for an emulated board."""
    if run.record.facts_before.emulated:
        return []
    records = {entry.name: record for entry, record in run.networks() if record is not None}
    return advise(rows, records, chosen, seed)


def of_engines(chosen: Sequence[SparseChoice]) -> list[SparseChoice]:
    """The choices to advise of: those of native kernels in float32 are shown with their layers."""
    return [choice for choice in chosen if choice.form == SPARSE_24 or choice.precision != "fp32"]


def _title(run: StoredRun) -> str:
    reference = run.manifest.reference
    if not run.manifest.networks:
        others = [name for name in run.manifest.names if name != reference]
        compared = f"{', '.join(others)} against {reference}" if reference and others else run.title
        return f"{compared} on {board_name(run)}"
    dense = any(entry.name == reference and entry.is_dense for entry in run.manifest.networks)
    what = f"SiS against {'the dense ' * dense}{reference}" if reference else "SiS networks"
    return f"{what}: {run.manifest.dataset} on {board_name(run)}"
