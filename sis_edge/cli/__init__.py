"""The command line: thin commands, one file per group. Each parses, calls one library function and prints.

Only typer is imported here and in the command files; what a command needs beyond it, it imports when it runs, so
that `sis-edge --help` answers at once.
"""

import os
import sys

import typer

from sis_edge.errors import DiskError, SisEdgeError

app = typer.Typer(
    name="sis-edge",
    help="What a sparse network really buys on the board on the desk.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 data set, 4 bundle, 5 export, 6 connection, 7 agent, 8 board, "
    "9 stored results, 10 disk, 11 verdict, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect."""


def main() -> None:
    """Run the command line and exit with its code; errors of ours end in one sentence on standard error."""
    # Read once, when torch loads OpenMP: threads that wait by spinning take the core that another program needs, and
    # training beside one took two to three times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    try:
        # Typer answers Ctrl-C and `typer.Exit` with a code that it returns; a command of ours returns nothing.
        code = app(arguments, standalone_mode=False) or 0
        return _interrupted() if code == INTERRUPTED else int(code)
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted()
    except SisEdgeError as error:
        return _say(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error, but nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _other(error)


def _other(error: Exception) -> int:
    from sis_edge.files.disk import REFUSALS

    show = getattr(error, "show", None)  # typer's usage errors; which module they live in changes with its version
    if callable(show):
        show()
        return int(getattr(error, "exit_code", 2))
    if isinstance(error, OSError) and error.errno in REFUSALS:
        place = f" {error.filename}" if error.filename else ""
        return _say(
            f"the system refuses{place} ({error.strerror}); make room, mend its rights, or name another place",
            DiskError.exit_code,
        )
    raise error


def _interrupted() -> int:
    return _say("interrupted; what was finished is kept, and the same command goes on from it", INTERRUPTED)


def _say(sentence: str, exit_code: int) -> int:
    sys.stderr.write(f"Error: {sentence}\n")
    return exit_code


from sis_edge.cli import (  # noqa: E402  (they use app)
    audit,
    bench,
    build,
    bundle,
    calibrate,
    datasets,
    deploy,
    form,
    meter,
    predict,
    profiles,
    quickstart,
    report,
    sweep,
    zoo,
)

for _commands in (
    *(quickstart, form, predict, build, sweep, bundle, audit, bench, deploy),
    *(meter, report, calibrate, profiles, datasets, zoo),
):
    app.add_typer(_commands.app)
