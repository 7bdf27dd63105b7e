"""A fleet as a table that is looked at while it works: a line for each board, those that need a look first."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from sis_edge.board.events import Event
from sis_edge.fleet.state import ENDED, BoardState, Progress

HEADINGS = ("board", "state", "now", "time")
WORDS = {
    "agent": "connect",
    "facts": "connect",
    "push": "push the bundle",
    "link": "connection lost, trying again",
    "record": "fetch the record",
    "rounds": "measure",
}
"""What a board does, where its stage or phase is not called so already."""

ORDER: tuple[Progress, ...] = ("failed", "cancelled", "running", "waiting", "done")
"""Of more boards than a screen has lines, the last ones are counted only."""

LONGEST = 60


@dataclass(frozen=True)
class BoardLine:
    """What is known of one board now; seconds are the clock's."""

    state: BoardState
    doing: str = ""
    begin_s: float | None = None
    end_s: float | None = None


class FleetTable:
    """Every board's line. Threads may call it."""

    def __init__(
        self,
        boards: Iterable[tuple[str, BoardState]],
        clock: Callable[[], float] = time.monotonic,
        simulated: Collection[str] = (),
    ) -> None:
        self._simulated = simulated
        self._lines = {name: BoardLine(state) for name, state in boards}
        self._clock = clock
        self._lock = threading.Lock()

    def event(self, name: str, event: Event) -> None:
        """Something happened on a board."""
        doing = str(event.detail.get("phase") or event.stage)
        doing = WORDS.get(doing, doing.replace("_", " "))
        if event.done is not None and event.total:
            doing += f" {event.done / event.total:.0%}"
        with self._lock:
            self._lines[name] = replace(self._lines[name], doing=doing)

    def state(self, name: str, state: BoardState) -> None:
        """A board's state changed."""
        now_s = self._clock()
        with self._lock:
            before = self._lines[name]
            begin_s = now_s if before.begin_s is None else before.begin_s
            self._lines[name] = replace(
                before, state=state, begin_s=begin_s, end_s=now_s if state.progress in ENDED else None
            )

    def counts(self) -> "Counter[Progress]":
        """How many boards are in each state."""
        with self._lock:
            return Counter(line.state.progress for line in self._lines.values())

    def summary(self) -> str:
        """The counts in words.

        >>> FleetTable([("a", BoardState(progress="done")), ("b", BoardState())]).summary()
        '1 of 2 done, 1 waiting'
        """
        counts = self.counts()
        parts = [f"{counts['done']} of {counts.total()} done"]
        parts += [f"{counts[each]} {each}" for each in ("failed", "cancelled", "running", "waiting") if counts[each]]
        return ", ".join(parts)

    def running(self, most: int = 3) -> str:
        """What boards do now, of at most so many.

        >>> table = FleetTable([("a", BoardState()), ("b", BoardState())])
        >>> table.state("b", BoardState(progress="running"))
        >>> table.running(), table.running(0)
        ('b connect', '1 at work')
        """
        with self._lock:
            found = [f"{name} {_now(line)}" for name, line in self._lines.items() if line.state.progress == "running"]
        more = len(found) - most
        return ", ".join([*found[:most], *([f"{more} {'more' if most else 'at work'}"] if more > 0 else [])])

    def lines(self, most: int | None = None) -> list[tuple[str, str, str, str]]:
        """Name, state, what it does or what came of it, and for how long, of at most so many boards."""
        with self._lock:
            held = sorted(self._lines.items(), key=lambda item: ORDER.index(item[1].state.progress))
        now_s = self._clock()
        return [
            (shown_name(name, self._simulated), line.state.progress, _now(line), _time(line, now_s))
            for name, line in held[:most]
        ]


def shown_name(name: str, simulated: Collection[str]) -> str:
    """A board's name as it is shown, so that nobody takes a simulated one for a real one.

    >>> shown_name("attic", ["shelf"]), shown_name("shelf", ["shelf"])
    ('attic', 'shelf (simulated)')
    """
    return f"{name} (simulated)" if name in simulated else name


def ended(name: str, state: BoardState) -> str:
    """How a board ended, in one line.

    >>> ended("attic", BoardState(progress="done", verdicts=("VALID",), duration_s=61.2))
    'attic: done in 61 s, VALID'
    """
    took = "" if state.duration_s is None else f" in {state.duration_s:.0f} s"
    said = ", ".join(filter(None, (*state.verdicts, state.problem and first_line(state.problem), state.job)))
    return f"{name}: {state.progress}{took}{f', {said}' if said else ''}"


def first_line(text: str) -> str:
    """A problem's first line: of a bug of ours the traceback follows."""
    return text.partition("\n")[0]


def _now(line: BoardLine) -> str:
    state = line.state
    if state.progress == "running":
        return line.doing or "connect"
    said = ", ".join(filter(None, (*state.verdicts, state.problem and first_line(state.problem))))
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def _time(line: BoardLine, now_s: float) -> str:
    if line.begin_s is None:
        return ""
    whole = int((now_s if line.end_s is None else line.end_s) - line.begin_s)
    return f"{whole // 60}:{whole % 60:02d}"
