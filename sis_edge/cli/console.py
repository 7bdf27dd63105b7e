"""What commands share on the screen: consoles, tables, progress."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from sis_edge.board.session import Event
    from sis_edge.build.plan import Step


class _Console(Console):
    """A console that leaves a reader who went away to the command line; rich would end the process with 1."""

    def on_broken_pipe(self) -> None:
        """Raise what `sis_edge.cli.run` understands."""
        raise BrokenPipeError


out = _Console(highlight=False, markup=False, emoji=False)
"""Results, on standard output."""

log = _Console(stderr=True, highlight=False, markup=False, emoji=False)
"""Progress and notes, on standard error."""


class Bars:
    """Progress bars, one a network and stage; on a stream that is no terminal, a line for each finished one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._ended: set[str] = set()

    def show(self, label: str, done: float, total: float, note: str = "") -> None:
        """Move the bar of that label, made at the first call."""
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=total, note=note)
        self._progress.update(self._tasks[label], completed=done, total=total, note=note)
        if done >= total and label not in self._ended:
            self._ended.add(label)
            if not log.is_terminal:
                log.print(f"{label}{f': {note}' if note else ''}", soft_wrap=True)

    def drop(self, label: str) -> None:
        """Take the bar of that label away; with dozens, those that still move would be out of sight."""
        if label in self._tasks:
            self._progress.remove_task(self._tasks.pop(label))

    def step(self, step: "Step") -> None:
        """A step of a build."""
        words = {"data": "load", "native": "native kernels for", "variants": "quantise"}
        label = f"{words.get(step.stage, step.stage)} {step.network or step.note}"
        self.show(label, step.done, step.total, step.note if step.network else "")

    def event(self, event: "Event") -> None:
        """An event of a deployment."""
        if event.done is not None and event.total:
            network = str(event.detail.get("network") or "")
            phase = str(event.detail.get("phase") or event.stage)
            self.show(f"{phase} {network}".strip(), event.done, event.total)
        elif event.stage in ("link", "provision") or not log.is_terminal:
            log.print(event.message, soft_wrap=True)
        else:
            self.show(event.message, 1, 1)


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars for the length of the block; they stay on the screen when it ends."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=log, disable=not log.is_terminal) as progress:
        yield Bars(progress)
