"""Errors that name an argument as a program gives it, not as the command line does."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from sis_edge.errors import SisEdgeError

P = ParamSpec("P")
R = TypeVar("R")

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")


def names_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """What the function raises names its arguments: `batch_size` where the message has the command's `--batch-size`."""
    signature = inspect.signature(function)
    arguments = {name: "=True" if each.default is False else "" for name, each in signature.parameters.items()}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SisEdgeError as error:
            error.args = tuple(in_arguments(each, arguments) if isinstance(each, str) else each for each in error.args)
            raise

    return call


def in_arguments(message: str, arguments: Mapping[str, str]) -> str:
    """The message with options by the names of the arguments that they are; those of commands stay.

    With each argument stands what follows its name: "=True" for a switch, else nothing.

    >>> in_arguments("--rate is 0; give --trust, or run `sis-edge build --name x`", {"rate_hz": "", "trust": "=True"})
    'rate_hz is 0; give trust=True, or run `sis-edge build --name x`'
    """

    def argument(option: re.Match[str]) -> str:
        word = option[1].replace("-", "_")
        found = [name for name in arguments if name in (word, f"{word}s")] or [
            name for name in arguments if name.startswith(f"{word}_")
        ]
        return found[0] + arguments[found[0]] if found else option[0]

    # Every other part stands between backticks: a command to be typed, whose options are right as they are.
    parts = message.split("`")
    return "`".join(part if at % 2 else _OPTION.sub(argument, part) for at, part in enumerate(parts))
