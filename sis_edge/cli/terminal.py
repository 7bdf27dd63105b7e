"""Questions to whoever sits at the terminal while a command connects to a board."""

import sys
import threading
import warnings
from typing import TYPE_CHECKING

from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.transport import Credentials


def credentials(password_fd: int | None, passphrase_fd: int | None) -> "Credentials":
    """Passwords and passphrases: from these file descriptors, else asked for, but only at a terminal: no script waits
    for an answer. Raises UsageError for a descriptor that is not open, or a terminal."""
    from sis_edge.cli import console
    from sis_edge.transport import Credentials

    if password_fd is not None and password_fd == passphrase_fd:
        raise UsageError(f"--password-fd and --passphrase-fd are both {password_fd}; give each a descriptor of its own")
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    return Credentials(
        password_fd=password_fd, passphrase_fd=passphrase_fd, ask=_ask if is_terminal else None, say=console.say
    )


def _ask(prompt: str, is_echoed: bool) -> str | None:
    """The answer; the prompt is no part of a command's output. None for the end of input, and off the main thread: only
    there does Ctrl-C end a question."""
    import getpass

    from sis_edge.cli import console

    if threading.current_thread() is not threading.main_thread():
        return None
    with console.at_rest():
        try:
            if is_echoed:
                sys.stderr.write(prompt)
                sys.stderr.flush()
                return sys.stdin.readline().rstrip("\n") or None
            with warnings.catch_warnings(action="error", category=getpass.GetPassWarning):
                return getpass.getpass(prompt)
        except (EOFError, getpass.GetPassWarning):  # without control of the echo nothing secret is typed
            return None
