"""The command line: thin commands, one file per group. Each parses, calls one library function and prints.

Only typer is imported here and in the command files; what a command needs beyond it, it imports when it runs, so
that `sis-edge --help` answers at once.
"""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Annotated, Any

import typer

from sis_edge import __version__
from sis_edge.cli import verbosity
from sis_edge.cli.command import Quiet, Verbose
from sis_edge.cli.configured import Config, NoConfig
from sis_edge.errors import DiskError, EndRequest, SisEdgeError
from sis_edge.text.foreign import lines, printable

app = typer.Typer(
    name="sis-edge",
    help="Measure what sparse (SiS) networks gain over dense NiN on your board.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 data set, 4 bundle, 5 export, 6 connection, 7 agent, 8 board, "
    "9 stored results, 10 disk, 11 verdict, 12 gate, 13 in use, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect; a request to end (SIGTERM, SIGHUP) is answered in the same way."""


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"sis-edge {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: Config = None,
    no_config: NoConfig = False,
) -> None:
    verbosity.choose(quiet=quiet, verbose=verbose)


def main() -> None:
    """Run the command line and exit with its code; errors of ours end in one sentence on standard error."""
    # Read once, when torch loads OpenMP: threads that wait by spinning take the core that another program needs, and
    # training beside one took two to three times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _cancel_when_asked_to_end()
    sys.exit(run())


def _cancel_when_asked_to_end() -> None:
    """SIGTERM (`timeout`, a cancelled CI job) and SIGHUP (a closed terminal) cancel as Ctrl-C does; `nohup` stays."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: object) -> None:
    raise EndRequest


@cache
def _command() -> Any:
    """All commands with their options: Typer needs 25 ms to make them, and would for each call in a process."""
    return typer.main.get_command(app)


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    _no_colour_where_none_is_wanted()
    try:
        # Typer answers Ctrl-C and `typer.Exit` with a code that it returns; a command of ours returns nothing.
        code = _command()(arguments, prog_name="sis-edge", standalone_mode=False) or 0
        return _interrupted() if code == INTERRUPTED else int(code)
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted()
    except SisEdgeError as error:
        return _say(str(error), error.exit_code, error)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error, but nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _other(error, sys.argv[1:] if arguments is None else arguments)
    finally:
        verbosity.reset()


def _other(error: Exception, arguments: list[str]) -> int:
    from sis_edge.files.disk import REFUSALS, refusal

    if callable(getattr(error, "format_message", None)):  # typer's own; their module changes with its version
        return _usage(error, arguments)
    if isinstance(error, OSError) and error.errno in REFUSALS:
        return _say(refusal(error), DiskError.exit_code, error)
    raise error


def _usage(error: Any, arguments: list[str]) -> int:
    """What Typer found wrong in the command line, as one sentence like those of all other errors."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return 2
    sentence = str(error.format_message()).strip()
    option, value = _given(error, arguments)
    if option and value is not None:
        sentence = _about(option, value, str(error.message))
    sentence += "" if sentence.endswith((".", "?", "!")) else "."
    context = getattr(error, "ctx", None)
    more = f" See `{context.command_path} --help`." if context is not None else ""
    return _say(f"{sentence}{more}", getattr(error, "exit_code", 2))


def _about(option: str, value: str, message: str) -> str:
    """What is wrong with an option's value, in one style whatever release of Typer says it.

    >>> _about("--epochs", "ten", "Input should be a valid integer, unable to parse string as an integer")
    "--epochs is 'ten', and must be a whole number"
    >>> _about("--epochs", "ten", "'ten' is not a valid integer range.")
    "--epochs is 'ten', and must be a whole number"
    >>> _about("--epochs", "0", "0 is not in the range x>=1.")
    "--epochs is '0', and must be 1 or more"
    >>> _about("--precision", "fp16", "Value error, 'fp16' is not one of 'bf16', 'fp32'.")
    "--precision: 'fp16' is not one of 'bf16', 'fp32'."
    """
    words = message.removeprefix("Value error, ").partition(", unable to parse")[0]
    for pattern, wanted in _WANTED.items():
        if found := re.search(pattern, words):
            return f"{option} is '{value}', and must be {wanted.format(*found.groups())}"
    return f"{option}: {words}" if value in words else f"{option} is '{value}': {words}"


_WANTED = {
    r"a valid integer\b": "a whole number",
    r"a valid (?:number|float)\b": "a number",
    r"(?:greater than or equal to |range x>=)([\d.]*\d)": "{0} or more",
    r"(?:less than or equal to |range x<=)([\d.]*\d)": "{0} or less",
    r"range ([\d.]+)<=x<=([\d.]*\d)": "from {0} to {1}",
}
"""What releases of Typer say of a number, and what it must be."""


def _given(error: Any, arguments: list[str]) -> tuple[str, str | None]:
    """The option whose value is wrong, and that value: Typer's message does not always repeat it.

    Of several values that which the message has, else the last, which is the one that counts.
    """
    names = getattr(getattr(error, "param", None), "opts", ()) if type(error).__name__ == "BadParameter" else ()
    found: list[tuple[str, str]] = []
    for at, word in enumerate(arguments):
        option, equals, value = word.partition("=")
        if option in names and (equals or at + 1 < len(arguments)):
            found.append((option, value if equals else arguments[at + 1]))
    message = str(getattr(error, "message", "")).replace("'", " ").split()
    return next((each for each in found if each[1] in message), found[-1] if found else ("", None))


def _interrupted() -> int:
    return _say("interrupted; finished steps are kept, run the same command again to continue", INTERRUPTED)


def _say(sentence: str, exit_code: int, error: BaseException | None = None) -> int:
    with suppress(OSError):  # a closed terminal takes nothing more
        sys.stderr.write(f"Error: {lines(sentence)}\n")
        if error is not None and verbosity.is_verbose():
            for line in _causes(error):
                sys.stderr.write(f"  caused by {printable(line)}\n")
    return exit_code


def _causes(error: BaseException) -> Iterator[str]:
    """What led to an error, one line each: kind, message, and where it was raised."""
    import traceback

    cause = error.__cause__ or error.__context__
    while cause is not None:
        frames = traceback.extract_tb(cause.__traceback__)
        place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        yield f"{type(cause).__name__}: {' '.join(str(cause).split())}{place}"
        cause = cause.__cause__ or cause.__context__


def _no_colour_where_none_is_wanted() -> None:
    """Typer writes bold and dim text with NO_COLOR too, and colours into files where GITHUB_ACTIONS is set."""
    if os.environ.get("NO_COLOR") or (os.environ.get("GITHUB_ACTIONS") and not os.environ.get("FORCE_COLOR")):
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None


from sis_edge.cli import (  # noqa: E402  (they use app)
    audit,
    bench,
    boards,
    build,
    bundle,
    calibrate,
    classify,
    clean,
    compare,
    config,
    datasets,
    deploy,
    doctor,
    explain,
    fleet,
    form,
    gate,
    history,
    jobs,
    meter,
    predict,
    product,
    profiles,
    query,
    quickstart,
    report,
    schema,
    sweep,
    transfer,
    verify,
    zoo,
)

_SECTIONS = {
    "Start": (quickstart, doctor),
    "Networks": (form, predict, build, sweep, zoo, datasets, bundle, audit, product),
    "Measure": (bench, deploy, fleet, jobs, gate, classify),
    "Boards": (boards, profiles, calibrate, clean),
    "Results": (report, compare, explain, history, query, meter, verify, transfer),
    "Settings": (config, schema),
}
"""All commands, under the headings that `sis-edge --help` shows them by."""

for _section, _files in _SECTIONS.items():
    for _commands in _files:
        for _each in (*_commands.app.registered_commands, *_commands.app.registered_groups):
            _each.rich_help_panel = _section
        app.add_typer(_commands.app)
