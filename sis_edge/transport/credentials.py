"""Passwords and passphrases: from a file descriptor, or asked for at a terminal; kept in memory only."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

from sis_edge.errors import UsageError
from sis_edge.text.foreign import one_line

Ask = Callable[[str, bool], str | None]
"""Shows a prompt and returns the answer, echoed only if the second argument says so; None for no answer."""

T = TypeVar("T")

MOST_TRIES = 3
"""Questions for one secret, as ssh asks (NumberOfPasswordPrompts)."""

MOST_BYTES = 1 << 16
LONGEST_PROMPT = 300


class Credentials:
    """What a user can be asked for while connecting, each only when it is needed and only once.

    `password_fd` has the password of the board in its first line, `passphrase_fd` one passphrase per line; each is
    tried on each encrypted key. Both are read when they are first needed. `ask` asks at a terminal; without it nobody
    is asked. `say` shows a note. Jump hosts get no password from `password_fd`.
    """

    def __init__(
        self,
        *,
        password_fd: int | None = None,
        passphrase_fd: int | None = None,
        ask: Ask | None = None,
        say: Callable[[str], None] = lambda note: None,
    ) -> None:
        self._password = _Descriptor("--password-fd", password_fd)
        self._passphrase = _Descriptor("--passphrase-fd", passphrase_fd)
        self._ask = ask
        self.say = say
        self._lock = threading.RLock()
        self._known: dict[str, str] = {}
        self._opened: dict[Path, object] = {}

    def options(self) -> dict[str, str]:
        """The options of the command line by which the secrets came, without them."""
        return self._password.options() | self._passphrase.options()

    @property
    def has_password(self) -> bool:
        """Whether a file descriptor has the board's password."""
        return self._password.is_given

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer."""
        return self._ask is not None

    @property
    def can_unlock(self) -> bool:
        """Whether there may be a passphrase for an encrypted key."""
        return self.can_ask or self._passphrase.is_given

    def given_password(self) -> str:
        """The password of the file descriptor; raises UsageError where it has none."""
        with self._lock:
            return self._password.lines()[0]

    def answer(self, prompt: str, is_echoed: bool = False) -> str | None:
        """Somebody's answer to a question that another machine may have written; None where nobody answers."""
        if self._ask is None:
            return None
        with self._lock:
            return self._ask(one_line(prompt, LONGEST_PROMPT), is_echoed)

    def opened(self, key: Path, open_by: Callable[[str], T | None]) -> T | None:
        """What a passphrase opens: one that is given, else one that somebody answers; None where none does.

        Nothing is tried or asked again for the same key.
        """
        with self._lock:
            if key not in self._opened:
                found = (open_by(passphrase) for passphrase in self._passphrases(key))
                self._opened[key] = next((each for each in found if each is not None), None)
            return cast(T | None, self._opened[key])

    def _passphrases(self, key: Path) -> Iterator[str]:
        yield from self._passphrase.lines()
        for _ in range(MOST_TRIES):
            found = self.answer(f"Passphrase for key {key}: ")
            if not found:
                return
            yield found

    def known(self, name: str) -> str | None:
        """The password that was right before, by the server's name."""
        return self._known.get(name)

    def keep(self, name: str, password: str) -> None:
        """Remember a password for the next connection of this process."""
        self._known[name] = password

    def forget(self, name: str) -> None:
        """A password is of no use any more."""
        self._known.pop(name, None)


class _Descriptor:
    """An open file descriptor with secrets, one per line."""

    def __init__(self, option: str, number: int | None) -> None:
        self._option, self._number = option, number
        self._lines: list[str] = []
        if number is None:
            return
        try:
            is_terminal = os.isatty(number)
            os.fstat(number)
        except OSError:
            raise UsageError(
                f"{option} is {number}, and no such file descriptor is open; open it, as in "
                f"`sis-edge deploy {option} {number} {number}<FILE`"
            ) from None
        if is_terminal:
            raise UsageError(f"{option} is {number}, a terminal: leave the option out to be asked without echo")

    @property
    def is_given(self) -> bool:
        return self._number is not None

    def options(self) -> dict[str, str]:
        return {} if self._number is None else {self._option: str(self._number)}

    def lines(self) -> list[str]:
        """The secrets; raises UsageError where there are none, or no text."""
        if self._lines or self._number is None:
            return self._lines
        data = b""
        with suppress(OSError):
            while len(data) < MOST_BYTES and (piece := os.read(self._number, MOST_BYTES)):
                data += piece
        try:
            self._lines = [secret for line in data.decode().split("\n") if (secret := line.removesuffix("\r"))]
        except UnicodeDecodeError:
            raise UsageError(f"{self._option} {self._number} holds bytes that are not UTF-8") from None
        if not self._lines:
            raise UsageError(f"{self._option} {self._number} is empty: it must hold one secret per line")
        return self._lines
