"""How a command is declared: options that several commands share, those that exclude each other, and -q and -v."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import typer

from sis_edge.cli import configured, rules, verbosity
from sis_edge.cli.rules import Names, OptionRules
from sis_edge.errors import Interruption, SisEdgeError, UsageError

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
NONE: Names = MappingProxyType({})


def group(name: str, help: str, *, is_command: bool = False) -> tuple[typer.Typer, typer.Typer]:
    """What a command file adds to the command line for commands of two words, and the group to declare them in.

    `is_command`: the first word alone is a command too, which `alone` declares.
    """
    cls = configured.ConfiguredGroup if is_command else None
    outer, inner = typer.Typer(), typer.Typer(help=help, no_args_is_help=not is_command, cls=cls)
    outer.add_typer(inner, name=name)
    return outer, inner


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    excludes: Names = NONE,
    needs: Names = NONE,
    belongs: Names = NONE,
    has_defaults: bool = True,
    **settings: Any,
) -> Callable[[Function], Function]:
    """Declare a function as a command of `app`; it is called once -q and -v are known.

    `excludes` names for a parameter those that say nothing where it is given, `needs` those of which one must be given
    with it: a command line that breaks such a rule ends in a UsageError, so that no option is silently ignored.
    `belongs` is as `needs`, for a function that checks its command line itself; see `OptionRules`.
    `has_defaults` is False where `sis-edge.toml` and the environment give its options none.
    """
    if has_defaults:
        settings.setdefault("cls", configured.ConfiguredCommand)

    def declare(function: Function) -> Function:
        app.command(name, **settings)(_called(function, excludes, needs, belongs))
        return function

    return declare


def alone(app: typer.Typer) -> Callable[[Function], Function]:
    """Declare a function as what a group does without a command of its own; its options are for no other."""

    def declare(function: Function) -> Function:
        app.callback(invoke_without_command=True)(_called(function, runs=_is_alone))
        return function

    return declare


def _called(
    function: Callable[..., None],
    excludes: Names = NONE,
    needs: Names = NONE,
    belongs: Names = NONE,
    runs: Callable[[typer.Context], bool] = lambda context: True,
) -> Callable[..., None]:
    """The function as Typer calls it, with the options of all commands, where `runs` says so of the command line."""
    own, of_all = (inspect.signature(each).parameters for each in (function, _of_all))
    held = OptionRules(excludes, needs, {**getattr(function, BELONGS, NONE), **belongs})
    assert held.names() <= set(own), f"a rule is for no parameter of {function}"

    @functools.wraps(function)
    def called(*, context: typer.Context, quiet: bool, verbose: bool, **given: Any) -> None:
        given = {name: value for name, value in {**given, "context": context}.items() if name in own}
        with configured.naming(context):
            is_run = runs(context)
            unused = rules.unused(context, held) if is_run else set()
            verbosity.choose(quiet=quiet, verbose=verbose)
            if is_run:
                given |= {name: own[name].default for name in unused}
                with verbosity.details(), _told():
                    _name_board(context, unused)
                    function(**given)

    _sign(called, ({**own, **of_all}).values())
    return called


def _name_board(context: typer.Context, unused: Iterable[str]) -> None:
    """Say which board a file names, since nobody has named it on the command line.

    Raises UsageError where a `boards.toml` that was found has it, too: a repository would then decide what runs where.
    """
    setting = configured.settings(context).get("host")
    if setting is None or "host" in {*unused, *rules.given(context, ("host",))}:
        return
    from sis_edge.board import inventory
    from sis_edge.cli import console

    is_vouched_for = setting.path is None or configured.current(context).is_named or context.params.get("inventory")
    path = None if is_vouched_for else inventory.find()
    if path is not None and path != inventory.own_file() and setting.value in inventory.load(path).boards:
        raise UsageError(
            f"{setting.place} names the board {setting.value}, and {path} says where it is; name it with --host, or "
            "vouch for the file with --config"
        )
    console.say(f"board {setting.value}, as {setting.place} says")


def _is_alone(context: typer.Context) -> bool:
    """Whether the group stands alone; raises UsageError for an option before a command, which would be ignored."""
    if context.invoked_subcommand is None:
        return True
    words, verb = rules.words_of(context), context.invoked_subcommand
    for name in rules.given(context, words):
        if name not in inspect.signature(_of_all).parameters:
            path, word = context.command_path, words[name]
            raise UsageError(f"{word} stands before `{verb}`; put it behind: `{path} {verb} ... {word} ...`")
    return False


BELONGS = "belongs"
"""The attribute of a function with what its gathered options need; see `OptionRules`."""


def gathered(
    parameter: str,
    gather: Callable[..., Any],
    declared: Callable[..., Any] | None = None,
    belongs: Names = NONE,
) -> Callable[[Function], Function]:
    """Give a command the options that `gather`, or `declared`, declares; what `gather` makes of them goes to this
    parameter. `belongs` names for an option those of which one must be given with it, as `gather` checks.
    """
    options = inspect.signature(declared or gather).parameters

    def declare(function: Function) -> Function:
        @functools.wraps(function)
        def called(**given: Any) -> None:
            found = gather(**{name: given.pop(name) for name in options})
            function(**{parameter: found}, **given)

        own = inspect.signature(function).parameters
        _sign(called, [each for name in own for each in (options.values() if name == parameter else [own[name]])])
        setattr(called, BELONGS, {**getattr(function, BELONGS, NONE), **belongs})
        return called  # type: ignore[return-value]

    return declare


class InterruptedCommandError(SisEdgeError):
    """A command that Ctrl-C ended, with what became of its work: Typer would end it without a word."""

    exit_code = 130


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Interruption as error:
        raise InterruptedCommandError(str(error)) from error


def _of_all(
    context: typer.Context,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: configured.HiddenConfig = None,
    no_config: configured.HiddenNoConfig = False,
) -> None:
    """What every command takes."""


def _sign(called: Callable[..., None], parameters: Iterable[inspect.Parameter]) -> None:
    """Let Typer read these parameters as the function's."""
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    called.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    called.__annotations__ = {}
