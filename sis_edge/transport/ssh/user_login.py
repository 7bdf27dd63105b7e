"""The login of a user: by keys, by a password, by answers to what the server asks, or by several of them."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import paramiko

from sis_edge.errors import SisEdgeError
from sis_edge.transport.base import UnreachableError
from sis_edge.transport.credentials import MOST_TRIES, Credentials
from sis_edge.transport.ssh import authentication
from sis_edge.transport.ssh.authentication import DeniedError, Questions
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.error_words import words
from sis_edge.transport.ssh.keys import OfferedKey, PassedOver, offered
from sis_edge.transport.ssh.refused_login import KEYS, PASSWORD, QUESTIONS, Attempts, Methods, refused

# OpenSSH lets a client try six keys (MaxAuthTries); boards that are set up strictly, three.
FEWEST_TRIES = 3


class _UnansweredError(Exception):
    """Nobody answers what the server asks."""


def log_in(
    transport: paramiko.Transport, hop: Endpoint, login_s: float, credentials: Credentials, *, is_board: bool
) -> None:
    """Log in as the endpoint's user. A password of a file descriptor goes first, and only to the board itself.

    Raises UnreachableError for a connection that breaks, TransportError with the next step for a refused login.
    """
    _UserLogin(transport, hop, login_s, credentials, is_board).run()


class _UserLogin:
    """One login, by one method after the other until the server is content."""

    def __init__(
        self, transport: paramiko.Transport, hop: Endpoint, login_s: float, credentials: Credentials, is_board: bool
    ) -> None:
        self._transport, self._hop, self._credentials = transport, hop, credentials
        self._attempts = Attempts(PassedOver(), is_given=is_board and credentials.has_password)
        self._keys = offered(hop, self._attempts.passed_over, login_s, credentials)
        self._allowed: Methods = ()
        self._asked = 0
        self._stock = [known] if (known := credentials.known(hop.name)) else []

    def run(self) -> None:
        """Go on until the user is in. Each step returns the methods to go on with, None where it leads no further."""
        steps: dict[str, Callable[[], Methods | None]] = {
            KEYS: self._by_keys,
            QUESTIONS: self._by_answers,
            PASSWORD: self._by_password,
        }
        methods: Methods = (KEYS,)
        if self._attempts.is_given:
            self._stock.append(self._credentials.given_password())
            steps = {name: steps[name] for name in (PASSWORD, QUESTIONS, KEYS)}
            methods = self._allowed_first()
        elif not self._stock and not self._credentials.can_ask:
            steps = {KEYS: self._by_keys}
        while methods:
            name = next((name for name in steps if name in methods), None)
            if name is None:
                raise self._refused(methods)
            further = steps[name]()
            if further is None:
                del steps[name]
                further = self._allowed or self._allowed_first()
            self._attempts.takes_keys |= KEYS in further
            methods = further

    def _allowed_first(self) -> Methods:
        """The methods that the server begins with."""
        try:
            return self._ask(authentication.none)
        except DeniedError as error:
            return error.allowed or (KEYS,)

    def _by_keys(self) -> Methods | None:
        for key in self._keys:
            try:
                further = self._by_key(key)
            except DeniedError as error:
                self._attempts.takes_keys |= KEYS in error.allowed
                if KEYS not in error.allowed:
                    self._keys = chain([key], self._keys)
                    return error.allowed or None
            else:
                if further is not None:
                    self._attempts.is_in_part = self._attempts.takes_keys = True
                    return further
        return None

    def _by_key(self, key: OfferedKey) -> Methods | None:
        """As a step; None as well for an encrypted key that nobody opens."""
        self._attempts.keys += 1
        try:
            if key.locked is not None:
                self._ask(authentication.check_taken, key)
                if not key.locked.unlock():
                    return None
            return self._ask(authentication.by_key, key)
        finally:
            self._attempts.unsigned += not key.does_sign

    def _by_password(self) -> Methods | None:
        while (password := self._next_password("Password: ")) is not None:
            try:
                further = self._ask(authentication.by_password, password)
            except DeniedError as error:
                self._is_wrong(error)
                if PASSWORD not in self._allowed:
                    break
            else:
                self._credentials.keep(self._hop.name, password)
                return further
        return None

    def _by_answers(self) -> Methods | None:
        for _ in range(MOST_TRIES + 1):
            passwords: list[str] = []
            asked: list[str] = []

            def answer(questions: Questions, asked: list[str] = asked, passwords: list[str] = passwords) -> list[str]:
                asked += [prompt for prompt, _ in questions.prompts]
                return self._answers(questions, passwords)

            try:
                further = self._ask(authentication.by_answers, answer)
            except _UnansweredError:
                raise self._refused((QUESTIONS,)) from None  # the server waits for an answer and for nothing else
            except DeniedError as error:
                if not asked:
                    return None
                self._is_wrong(error)
                if QUESTIONS not in self._allowed:
                    return None
            else:
                if len(asked) == len(passwords) == 1:
                    self._credentials.keep(self._hop.name, passwords[0])
                return further
        return None

    def _answers(self, questions: Questions, passwords: list[str]) -> list[str]:
        """The answers; the first that is not echoed is the password, of which the user may have one ready."""
        for text in (questions.title, questions.instructions):
            if text.strip() and self._credentials.can_ask:
                self._credentials.say(text.strip())
        found: list[str] = []
        for prompt, is_echoed in questions.prompts:
            if is_echoed or passwords:
                answer = self._credentials.answer(f"({self._hop.user}@{self._hop.host}) {prompt}", is_echoed)
            else:
                answer = self._next_password(prompt)
                passwords += [answer] if answer else []
            if answer is None:
                self._attempts.unanswered = prompt
                raise _UnansweredError
            found.append(answer)
        return found

    def _next_password(self, prompt: str) -> str | None:
        """The password that is known or given, then what somebody answers; None where there is none to try."""
        if self._stock:
            return self._stock.pop(0)
        if self._asked == MOST_TRIES:
            return None
        self._asked += 1
        return self._credentials.answer(f"({self._hop.user}@{self._hop.host}) {prompt}") or None

    def _is_wrong(self, error: DeniedError) -> None:
        self._credentials.forget(self._hop.name)
        self._attempts.passwords += 1
        self._attempts.is_expired |= error.is_expired

    def _ask(self, request: Callable[..., Methods], *more: Any) -> Methods:
        """One request; a connection that breaks is lost, or was ended by a server that has had enough."""
        try:
            return request(self._transport, self._hop.user, *more)
        except DeniedError as error:
            self._allowed = error.allowed
            raise
        except (SisEdgeError, _UnansweredError):
            raise
        except Exception as error:  # paramiko's thread passes on whatever it met in what the server sent
            # A connection that breaks as a key is sent is known here before paramiko's own thread knows it.
            is_lost = not self._transport.is_active() or isinstance(error, (OSError, EOFError))
            if not is_lost and request in (authentication.by_key, authentication.check_taken):
                raise DeniedError((KEYS,)) from None
            # A server hangs up after too many wrong keys; before that, a hang-up is a lost connection.
            if is_lost and self._attempts.keys + self._attempts.passwords >= FEWEST_TRIES:
                raise self._refused(()) from None
            raise UnreachableError(
                f"{self._hop.name} closed the connection during the login ({words(error)})"
            ) from None

    def _refused(self, methods: Methods) -> SisEdgeError:
        return refused(self._hop, self._attempts, methods, self._credentials)
