"""How a command is declared: `-q` and `-v` may stand behind every command's name, as before it."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from sis_edge.cli import verbosity

OUTPUT = "Output"
"""The heading of these options in a command's help."""

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.", rich_help_panel=OUTPUT)]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Print details: what is reused, timings, the agent's answers, causes of errors.",
        rich_help_panel=OUTPUT,
    ),
]

Function = TypeVar("Function", bound=Callable[..., None])


def group(name: str, help: str) -> tuple[typer.Typer, typer.Typer]:
    """What a command file adds to the command line for commands of two words, and the group to declare them in."""
    outer, inner = typer.Typer(), typer.Typer(help=help, no_args_is_help=True)
    outer.add_typer(inner, name=name)
    return outer, inner


def command(app: typer.Typer, name: str | None = None, **settings: Any) -> Callable[[Function], Function]:
    """Declare a function as a command of `app`; it is called once -q and -v are known."""

    def declare(function: Function) -> Function:
        @functools.wraps(function)
        def called(*, quiet: bool, verbose: bool, **given: Any) -> None:
            verbosity.choose(quiet=quiet, verbose=verbose)
            with verbosity.details():
                function(**given)

        signature = inspect.signature(function)
        more = [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
            for option, annotation in (("quiet", Quiet), ("verbose", Verbose))
        ]
        called.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what Typer reads
            parameters=[*signature.parameters.values(), *more]
        )
        app.command(name, **settings)(called)
        return function

    return declare
