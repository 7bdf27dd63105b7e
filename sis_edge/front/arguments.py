"""Errors that name an argument as a program gives it, not as the command line does."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from sis_edge.errors import SisEdgeError

P = ParamSpec("P")
R = TypeVar("R")

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")


def names_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """What the function raises names its arguments: `batch_size` where the message has the command's `--batch-size`."""
    arguments = tuple(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SisEdgeError as error:
            error.args = tuple(in_arguments(each, arguments) if isinstance(each, str) else each for each in error.args)
            raise

    return call


def in_arguments(message: str, arguments: Iterable[str]) -> str:
    """The message with options by the names of the arguments that they are; those of commands stay.

    >>> in_arguments("--rate is 0; give --batch-size, or run `sis-edge build --name x`", ["rate_hz", "batch_size"])
    'rate_hz is 0; give batch_size, or run `sis-edge build --name x`'
    """
    known = tuple(arguments)

    def argument(option: re.Match[str]) -> str:
        word = option[1].replace("-", "_")
        found = [name for name in known if name in (word, f"{word}s")] or [
            name for name in known if name.startswith(f"{word}_")
        ]
        return found[0] if found else option[0]

    # Every other part stands between backticks: a command to be typed, whose options are right as they are.
    parts = message.split("`")
    return "`".join(part if at % 2 else _OPTION.sub(argument, part) for at, part in enumerate(parts))
