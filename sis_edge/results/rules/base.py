"""What a rule is: it looks at the evidence of one record and yields the reasons it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from sis_edge.results.evidence import Evidence

Level = Literal["VALID", "VALID as far as seen", "QUICK", "SUSPECT", "INVALID", "NONE"]


@dataclass(frozen=True)
class Reason:
    """Why a run is not simply VALID: a stable code for programs, a sentence with the next step for people."""

    code: str
    level: Level
    sentence: str


Rule = Callable[[Evidence], Iterator[Reason]]
