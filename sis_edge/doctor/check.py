"""What a check is: it looks at one thing and says ok, warning or error, with the fix; or why it could not look."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from sis_edge.errors import SisEdgeError

Level = Literal["ok", "warning", "error", "not checked"]
Place = Literal["host", "board"]

S = TypeVar("S")


@dataclass(frozen=True)
class Answer:
    """What one check says. `fix` is what to type or do; None where there is nothing, or `said` has it.

    `exit_code` is that of an error.
    """

    level: Level
    said: str
    fix: str | None = None
    exit_code: int = 0


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: where it looked, at what, and the answer."""

    place: Place
    name: str
    answer: Answer


@dataclass(frozen=True)
class DoctorCheck(Generic[S]):
    """One check by its name: a function of what is examined, and what it needs of that (see `lacking`)."""

    name: str
    look: Callable[[S], Answer]
    needs: str = ""


def ok(said: str) -> Answer:
    """Nothing to do."""
    return Answer("ok", said)


def warning(said: str, fix: str) -> Answer:
    """Something that may bias a measurement, or will be missed later."""
    return Answer("warning", said, fix)


def error(said: str, fix: str, exit_code: int = 8) -> Answer:
    """Something without which nothing can be measured."""
    return Answer("error", said, fix, exit_code)


def unknown(reason: str) -> Answer:
    """Not checked, and why."""
    return Answer("not checked", reason)


def refused(found: SisEdgeError) -> Answer:
    """An error of ours, whose sentence ends with the step that fixes it."""
    said, _, fix = str(found).partition("; ")
    return Answer("error", said, fix or None, found.exit_code)


def examine(
    place: Place, subject: S, checks: Iterable[DoctorCheck[S]], lacking: Callable[[str], str | None]
) -> Iterator[Finding]:
    """Each check's finding; `lacking` gives the reason why something that a check needs is not there."""
    for check in checks:
        reason = lacking(check.needs) if check.needs else None
        if reason is not None:
            yield Finding(place, check.name, unknown(reason))
            continue
        try:
            yield Finding(place, check.name, check.look(subject))
        except SisEdgeError as found:
            yield Finding(place, check.name, refused(found))


def exit_code(findings: Iterable[Finding]) -> int:
    """That of the first error; 0 without any."""
    return next((each.answer.exit_code for each in findings if each.answer.level == "error"), 0)
