"""What `doctor` says."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.doctor import Finding


class DoctorFinding(Part):
    """One check: what it looked at, its level, what was seen, and what to type or do."""

    name: str
    level: Literal["ok", "warning", "error", "not checked"]
    said: str
    fix: str | None


class DoctorBoard(Part):
    """The checks of one board, named as on the command line."""

    board: str
    findings: tuple[DoctorFinding, ...]


class DoctorDocument(Document):
    """`sis-edge doctor`: every check of this machine and of each board; `exit_code` is the command's."""

    document: Literal["doctor"] = "doctor"
    errors: int
    warnings: int
    exit_code: int
    host: tuple[DoctorFinding, ...]
    boards: tuple[DoctorBoard, ...]


def examined(host: "Sequence[Finding]", boards: "Mapping[str, Sequence[Finding]]") -> DoctorDocument:
    """The document of all findings."""
    from sis_edge.doctor import exit_code

    every = [*host, *(each for findings in boards.values() for each in findings)]
    levels = [each.answer.level for each in every]
    return DoctorDocument(
        errors=levels.count("error"),
        warnings=levels.count("warning"),
        exit_code=exit_code(every),
        host=tuple(map(_finding, host)),
        boards=tuple(
            DoctorBoard(board=name, findings=tuple(map(_finding, findings))) for name, findings in boards.items()
        ),
    )


def _finding(found: "Finding") -> DoctorFinding:
    answer = found.answer
    no_fix = "`said` has the next step" if answer.level == "error" else "nothing to fix"
    return DoctorFinding(
        name=found.name,
        level=answer.level,
        said=answer.said,
        **known(fix=(answer.fix, no_fix)),
    )
