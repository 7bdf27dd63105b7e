"""What a caption says, so that a table or a figure is understood, and not mistaken, without the report around it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.report.document import Section
from sis_edge.report.rows import plural
from sis_edge.results.schema import StoredRun


@dataclass(frozen=True)
class Caption:
    """A caption in parts: what must not be overlooked in capitals, what is shown, and the rest."""

    marks: tuple[str, ...]
    title: str
    text: str

    @property
    def words(self) -> str:
        """The whole as plain text."""
        return " ".join((*(f"{mark}." for mark in self.marks), f"{self.title}.", self.text))


def of_run(section: Section, title: str, text: str) -> Caption:
    """The caption of a table or chart of one run: with its board, how it was measured, and its verdict."""
    run, level = section.run, section.verdict.level
    marks = (*section.marks, *(("INVALID",) if level == "INVALID" else ()))
    end = f"{section.title}; {conditions(run)}. Run {run.record.run_id}, verdict {level}."
    return Caption(tuple(mark.upper() for mark in marks), title, f"{_ended(text)}{end}")


def of_all(sections: Sequence[Section], title: str, text: str) -> Caption:
    """The caption of a table over several runs: marked as soon as one of them is."""
    found = dict.fromkeys(mark for section in sections for mark in section.marks)
    marks = tuple(
        mark.upper() if all(mark in section.marks for section in sections) else f"PARTLY {mark.upper()}"
        for mark in found
    )
    runs = ", ".join(section.run.record.run_id for section in sections)
    return Caption(marks, title, f"{_ended(text)}Runs {runs}.")


def conditions(run: StoredRun) -> str:
    """Runtime, threads and batch size."""
    job = run.record.job
    return f"{' and '.join(run.runtimes)}, {plural(job.threads, 'thread')}, batch size {job.batch_size}"


def _ended(text: str) -> str:
    return f"{text} " if text.endswith((".", "?", "!")) or not text else f"{text}. "
