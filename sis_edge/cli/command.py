"""How a command is declared: options that several commands share, those that exclude each other, and -q and -v."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import typer

from sis_edge.cli import verbosity
from sis_edge.errors import UsageError

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
Rules = Mapping[str, Iterable[str]]


def group(name: str, help: str) -> tuple[typer.Typer, typer.Typer]:
    """What a command file adds to the command line for commands of two words, and the group to declare them in."""
    outer, inner = typer.Typer(), typer.Typer(help=help, no_args_is_help=True)
    outer.add_typer(inner, name=name)
    return outer, inner


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    excludes: Rules = MappingProxyType({}),
    needs: Rules = MappingProxyType({}),
    **settings: Any,
) -> Callable[[Function], Function]:
    """Declare a function as a command of `app`; it is called once -q and -v are known.

    `excludes` names for a parameter those that say nothing where it is given, `needs` those of which one must be given
    with it: a command line that breaks such a rule ends in a UsageError, so that no option is silently ignored.
    """

    def declare(function: Function) -> Function:
        @functools.wraps(function)
        def called(*, context: typer.Context, quiet: bool, verbose: bool, **given: Any) -> None:
            _check(context, excludes, needs)
            verbosity.choose(quiet=quiet, verbose=verbose)
            with verbosity.details():
                function(**given)

        own = inspect.signature(function).parameters.values()
        of_all = inspect.signature(_of_all).parameters.values()
        _sign(called, [*own, *of_all])
        for names in (excludes, needs, *excludes.values(), *needs.values()):
            assert set(names) <= {parameter.name for parameter in own}, f"a rule is for no parameter of {function}"
        app.command(name, **settings)(called)
        return function

    return declare


def gathered(parameter: str, gather: Callable[..., Any]) -> Callable[[Function], Function]:
    """Give a command the options that `gather` declares; what it returns for them goes to this parameter."""
    options = inspect.signature(gather).parameters

    def declare(function: Function) -> Function:
        @functools.wraps(function)
        def called(**given: Any) -> None:
            found = gather(**{name: given.pop(name) for name in options})
            function(**{parameter: found}, **given)

        own = inspect.signature(function).parameters
        _sign(called, [each for name in own for each in (options.values() if name == parameter else [own[name]])])
        return called  # type: ignore[return-value]

    return declare


def _of_all(context: typer.Context, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """What every command takes."""


def _sign(called: Callable[..., None], parameters: Iterable[inspect.Parameter]) -> None:
    """Let Typer read these parameters as the function's."""
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    called.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    called.__annotations__ = {}


def _check(context: typer.Context, excludes: Rules, needs: Rules) -> None:
    """Raise UsageError for a command line that breaks a rule."""
    words = {name: _word(each.opts[0]) for each in context.command.params if (name := each.name)}
    given = {name for name in words if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}
    for name in given & excludes.keys():
        for other in excludes[name]:
            if other in given:
                raise UsageError(f"{words[name]} and {words[other]} exclude each other; leave one out")
    for name in given & needs.keys():
        if not given.intersection(needs[name]):
            raise UsageError(f"{words[name]} needs {' or '.join(words[other] for other in needs[name])}")


def _word(name: str) -> str:
    """An option or argument as the help has it."""
    return name if name.startswith("-") else name.upper()
