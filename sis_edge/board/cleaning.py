"""Old things on a board: what would go, and their removal once somebody has agreed."""

from collections.abc import Sequence
from typing import NamedTuple

from sis_edge.board.session import BoardSession


class Cleanable(NamedTuple):
    """One thing on the board; `idle_s` is how long ago it changed or, a bundle, was measured."""

    kind: str
    folder: str
    name: str
    size_bytes: int
    idle_s: float


class NotCleaned(NamedTuple):
    """One thing that could not be removed, and why."""

    kind: str
    name: str
    why: str


class Cleaned(NamedTuple):
    """What goes or went; `running` and `waiting` are jobs whose files stay, `as_of_s` is the board's clock."""

    entries: list[Cleanable]
    failed: list[NotCleaned]
    freed_bytes: int
    running: str | None
    waiting: list[str]
    as_of_s: float


def clean(
    at: BoardSession,
    kinds: Sequence[str] = (),
    *,
    older_than_s: float = 0.0,
    larger_than_bytes: int = -1,
    shown: Cleaned | None = None,
) -> Cleaned:
    """What would be removed of these kinds (none: all); with what was `shown` it is, unless it has changed since.

    Nothing goes that a job which runs or waits may need.
    """
    words = [word for kind in kinds for word in ("--kind", kind)]
    words += ["--older-than", f"{older_than_s:g}", "--larger-than", str(larger_than_bytes)]
    words += ["--dry-run"] if shown is None else ["--as-of", repr(shown.as_of_s)]
    return at.persist(lambda: at.agent.ask(Cleaned, "clean", *words, timeout_s=10 * at.patience.answer_s))
