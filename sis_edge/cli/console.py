"""Where commands print: results on standard output, everything else on standard error."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from sis_edge.cli import verbosity
from sis_edge.text.foreign import lines

if TYPE_CHECKING:
    from pydantic import BaseModel


class _Console(Console):
    """A console that leaves a reader who went away to the command line; rich would end the process with 1."""

    def __init__(self, *, stderr: bool = False) -> None:
        # With NO_COLOR rich alone would still write bold and dim; without a colour system it writes plain text.
        super().__init__(
            stderr=stderr,
            highlight=False,
            markup=False,
            emoji=False,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
        )

    def on_broken_pipe(self) -> None:
        """Raise what `sis_edge.cli.run` understands."""
        raise BrokenPipeError


out = _Console()
"""Results, on standard output."""

log = _Console(stderr=True)
"""Progress and notes, on standard error."""


class Moving(Protocol):
    """Something that moves on the terminal: bars, or a live table."""

    def start(self) -> None:
        """Move."""

    def stop(self) -> None:
        """Stand still."""


_moving: list[Moving] = []


@contextmanager
def moving(display: Moving) -> Iterator[None]:
    """Know of what moves while the block runs, so that it can stand still."""
    _moving.append(display)
    try:
        yield
    finally:
        _moving.remove(display)


@contextmanager
def at_rest() -> Iterator[None]:
    """Nothing moves on the terminal while the block runs, since somebody types there."""
    displays = list(_moving)
    for display in displays:
        display.stop()
    try:
        yield
    finally:
        for display in displays:
            display.start()


def say(message: str) -> None:
    """A note on standard error; none with -q."""
    if not verbosity.is_quiet():
        log.print(lines(message), soft_wrap=True)


def warn(message: str) -> None:
    """What a user should know of a result; none with -q."""
    say(f"Warning: {message}")


def detail(message: str) -> None:
    """A note for -v."""
    if verbosity.is_verbose():
        log.print(lines(message), soft_wrap=True)


def document(found: "BaseModel") -> None:
    """The result as JSON: the only thing that a command with --json writes on standard output."""
    data(_reasons_last(found.model_dump(mode="json")))


def data(found: Any) -> None:
    """Plain data as JSON on standard output."""
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # here, where a reader that went away is understood


def _reasons_last(value: Any) -> Any:
    """The same data in the order to be read: first what is known, then why the rest is not."""
    if isinstance(value, list):
        return [_reasons_last(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _reasons_last(each) for name, each in value.items()}
    return found | {"reasons": found.pop("reasons")} if "reasons" in found else found


def can_ask() -> bool:
    """Whether somebody sits at a terminal and sees the question."""
    return sys.stdin is not None and sys.stdin.isatty() and log.is_terminal


def ask(question: str) -> str:
    """What the user types in answer on the terminal; brackets are no markup, which rich would leave out."""
    with at_rest():
        return log.input(lines(question), markup=False)
