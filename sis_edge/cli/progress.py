"""What a command shows while it works: bars on a terminal; elsewhere plain lines, and never silence for long."""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sis_edge.cli import verbosity
from sis_edge.cli.console import detail, log, moving, say
from sis_edge.text.limits import with_limit

if TYPE_CHECKING:
    from sis_edge.board.events import Event
    from sis_edge.build.plan import Step

SILENCE_S = 8.0
"""After so long without a line another says what is running: a watchdog that waits for 10 s sees one."""

RATE_OVER_S, FEWEST_S = 10.0, 0.5
"""Over how long a rate is taken, and after how long it is shown first."""

_STAGES = {"data": "load", "kernels": "compile kernels for", "native": "native kernels for", "variants": "quantise"}
"""Stages of a build in words; the others are words already."""

_PHASES = {
    "push": ("push the bundle", "bytes"),
    "record": ("fetch the record", "bytes"),
    "load": ("load networks", "networks"),
    "warm_up": ("warm up networks", "networks"),
    "alone": ("each network alone", "networks"),
    "rounds": ("measure", "rounds"),
    "sampler": ("sampling overhead", "pairs of turns"),
    "energy": ("measure energy", "blocks"),
    "rest": ("rest", "s"),
    "cool": ("cool down, at most", "s"),
    "idle_before": ("idle before", "s"),
    "idle_between": ("idle between", "s"),
    "idle_after": ("idle after", "s"),
}
"""Phases of a job that all networks share: their words, and what is counted."""

_OF_A_NETWORK = {
    "accuracy": ("accuracy of", "images"),
    "memory": ("memory of", "processes"),
    "build": ("build", "s"),
    "sustained": ("sustained work of", "s"),
    "waiting": ("wait for the end of", "s"),
}
"""Phases that every network has for itself; another job that has the board is waited for in the same way."""


class Bars(ABC):
    """What is running: one bar, or one line when it is done, for each label. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = Rate(clock)
        self._shared: tuple[str, float] | None = None
        """The phase of a job that all networks share and that was heard of last, and its total."""

    @abstractmethod
    def show(self, label: str, done: float, total: float, note: str = "", unit: str = "") -> None:
        """That so much of a label's work is done; `unit` is what is counted, where that is worth saying."""

    def drop(self, label: str) -> None:  # noqa: B027  (only bars can be in the way)
        """Take a label's bar away; with dozens, those that still move would be out of sight."""

    def note(self, message: str) -> None:
        """A message between the bars."""
        say(message)

    def step(self, step: "Step") -> None:
        """A step of a build."""
        label = f"{_STAGES.get(step.stage, step.stage)} {step.network or step.note}"
        self.show(label, step.done, step.total, step.note if step.network else "", "steps" * (step.stage == "train"))

    def event(self, event: "Event") -> None:
        """An event of a deployment."""
        if event.done is None or not event.total:
            self.note(event.message)
            return
        phase = str(event.detail.get("phase") or event.stage)
        if phase in _OF_A_NETWORK:
            words, unit = _OF_A_NETWORK[phase]
            self.show(f"{words} {event.detail.get('network') or ''}".strip(), event.done, event.total, unit=unit)
            return
        label, unit = _PHASES.get(phase, (phase, ""))
        if self._shared is not None and self._shared[0] != label:
            before, total = self._shared
            self.show(before, total, total)  # it counts networks that it begins with, and never says that it ended
        self._shared = (label, event.total)
        note = self._rate.note(event.done, event.total) if unit == "bytes" else ""
        self.show(label, event.done, event.total, note, unit)


class Silent(Bars):
    """Draws nothing; a note is still said, unless -q forbids it."""

    def show(self, label: str, done: float, total: float, note: str = "", unit: str = "") -> None:
        """Nothing."""


class Drawn(Bars):
    """Bars on a terminal; they stay on the screen when the work ends."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, label: str, done: float, total: float, note: str = "", unit: str = "") -> None:
        """Move the bar of that label, made at the first call."""
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=total, note=note)
        self._progress.update(self._tasks[label], completed=done, total=total, note=note)

    def drop(self, label: str) -> None:
        """Take it away."""
        if label in self._tasks:
            self._progress.remove_task(self._tasks.pop(label))


@dataclass
class _Work:
    """What was heard of last: since when it runs, how far it is."""

    label: str
    begin_s: float
    done: float = 0.0
    total: float = 1.0
    unit: str = ""
    is_done: bool = False
    note: str = ""


class Lines(Bars):
    """A line for everything that is done, and one now and then for what is running. `what` names the command.

    `beat` is called by a thread, for a library call may not come back for minutes; `clock` is in seconds.
    """

    def __init__(
        self, what: str, say: Callable[[str], None] = say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock)
        self._what = what
        self._say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._last_line_s = clock()
        self._begins: dict[str, float] = {}
        self._ended: set[str] = set()
        self._work = _Work(what, self._last_line_s)

    def show(self, label: str, done: float, total: float, note: str = "", unit: str = "") -> None:
        """Remember it, for the next line; a line of its own where it is done."""
        with self._lock:
            now_s = self._clock()
            begin_s = self._begins.setdefault(label, now_s)
            is_done = done >= total
            self._work = _Work(label, now_s if is_done else begin_s, done, total, unit, is_done, note)
            if is_done and label not in self._ended:
                self._ended.add(label)
                took = f" ({elapsed(now_s - begin_s)})" if now_s - begin_s >= 1 else ""
                self._print(f"{label}{f': {note}' if note else ''}{took}")

    def note(self, message: str) -> None:
        """A message; it counts as a sign of life."""
        with self._lock:
            self._print(message)

    def beat(self, silence_s: float = SILENCE_S) -> float:
        """Print what is running if nothing was printed for so long; returns the seconds to wait until the next look."""
        with self._lock:
            now_s = self._clock()
            if now_s - self._last_line_s >= silence_s:
                self._print(self._running(now_s))
            return max(self._last_line_s + silence_s - now_s, 0.0)

    def _running(self, now_s: float) -> str:
        work, took = self._work, elapsed(now_s - self._work.begin_s)
        if work.is_done:
            return f"{self._what}: still working, {took} after: {work.label}"
        if work.unit == "bytes":
            done, total = with_limit(work.done / 1e6, work.total / 1e6, ",.1f")
            return f"{work.label}: {done} of {total} MB, {work.note or took}"
        if work.unit:
            return f"{work.label}: {work.done:,.0f} of {work.total:,.0f} {work.unit}, {took}"
        share = f"{work.done / work.total:.0%}, " if work.done else ""
        return f"{work.label}: {share}{took}"

    def _print(self, line: str) -> None:
        self._last_line_s = self._clock()
        self._say(line)


class Rate:
    """How fast bytes move and when they will all have moved, by the last ten seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, float]] = deque()

    def note(self, done: float, total: float) -> str:
        """Rate and time left in words; the size at the end, nothing as long as too little is known."""
        now_s = self._clock()
        if self._seen and done < self._seen[-1][1]:  # another transfer, or one that goes on after a cut
            self._seen.clear()
        while len(self._seen) > 1 and now_s - self._seen[1][0] > RATE_OVER_S:
            self._seen.popleft()
        self._seen.append((now_s, done))
        if done >= total:
            return f"{total / 1e6:,.1f} MB"
        begin_s, before = self._seen[0]
        if now_s - begin_s < FEWEST_S or done == before:
            return ""
        rate = (done - before) / (now_s - begin_s)
        return f"{rate / 1e6:,.2f} MB/s, {elapsed((total - done) / rate)} left"


def elapsed(seconds: float) -> str:
    """Seconds in words.

    >>> elapsed(25.4), elapsed(200), elapsed(3725)
    ('25 s', '3 min 20 s', '1 h 2 min')
    """
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def bars(what: str, silence_s: float = SILENCE_S, *, draws_itself: bool = False) -> Iterator[Bars]:
    """Bars while the block runs; `what` names what it does, as in "build". What draws bars itself gets none here."""
    begin_s = time.monotonic()
    is_drawn = log.is_terminal and not log.is_dumb_terminal
    if verbosity.is_quiet() or (is_drawn and draws_itself):
        yield Silent()
    elif is_drawn:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=log) as progress, moving(progress):
            yield Drawn(progress)
    else:
        lines = Lines(what)
        with _beating(lines, silence_s):
            yield lines
    detail(f"{what}: {time.monotonic() - begin_s:.1f} s")


@contextmanager
def _beating(lines: Lines, silence_s: float) -> Iterator[None]:
    is_over = threading.Event()

    def beat() -> None:
        pause_s = silence_s
        while not is_over.wait(pause_s):
            pause_s = lines.beat(silence_s)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
