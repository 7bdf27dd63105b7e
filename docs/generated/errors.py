"""Exit codes, from `sis_edge/errors.py`."""

from collections.abc import Iterator

from generated.text import paragraphs, table
from sis_edge import errors
from sis_edge.cli import INTERRUPTED


def table_rows() -> Iterator[tuple[str, str, str]]:
    """Code, class and meaning of every error that ends a command."""
    yield "0", "", "Done. A run with a SUSPECT or INVALID verdict ends with 0, too: it was measured and stored."
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    for error in sorted(
        (each for each in found if issubclass(each, errors.SisEdgeError)), key=lambda each: each.exit_code
    ):
        is_base = error is errors.SisEdgeError
        meaning = "Anything else that fails; a traceback with it is a bug: please report it." if is_base else ""
        yield str(error.exit_code), f"`{error.__name__}`", meaning or paragraphs(error.__doc__)
    yield str(INTERRUPTED), "", "Interrupted: Ctrl-C, SIGTERM or SIGHUP. Finished steps are kept."


def table_of_codes() -> str:
    """The exit codes."""
    return table(("code", "class in `sis_edge.errors`", "meaning"), table_rows())
