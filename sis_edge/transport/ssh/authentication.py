"""One request of a login at a time (RFC 4252, RFC 4256), answered in the caller's thread.

paramiko's own client asks no server whether it would take a key, forgets which methods a server allows, and calls for
a user's answers in a thread of its own, where Ctrl-C would leave the terminal without echo.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import cMSG_USERAUTH_INFO_RESPONSE, cMSG_USERAUTH_REQUEST

from sis_edge.transport.ssh.keys import OfferedKey


class DeniedError(Exception):
    """The server refuses this request; `allowed` are the methods that may go on.

    `is_expired`: the password is right, and must be changed first.
    """

    def __init__(self, allowed: Sequence[str], *, is_expired: bool = False) -> None:
        super().__init__("denied")
        self.allowed, self.is_expired = tuple(allowed), is_expired


class Questions(NamedTuple):
    """What a server asks in keyboard-interactive; each prompt comes with whether its answer is echoed."""

    title: str
    instructions: str
    prompts: list[tuple[str, bool]]


Answers = Callable[[Questions], list[str]]
"""The answers to a server's questions; what it raises ends the login."""


def none(transport: paramiko.Transport, user: str) -> tuple[str, ...]:
    """Ask for the methods that are allowed; these calls return () once the user is in, else the methods to go on with.

    Each raises DeniedError for a refusal, and what paramiko raises for a lost connection.
    """
    request = _begin(transport)
    return request.sent(request.auth_none, user)


def by_key(transport: paramiko.Transport, user: str, key: OfferedKey) -> tuple[str, ...]:
    """Log in by a key that signs."""
    request = _begin(transport)
    return request.sent(request.auth_publickey, user, cast(paramiko.PKey, key))


def check_taken(transport: paramiko.Transport, user: str, key: OfferedKey) -> tuple[str, ...]:
    """Raise DeniedError unless the server would take a key, which has not signed yet."""
    request = _begin(transport)
    request.question = key
    try:
        return request.sent(request.auth_publickey, user, cast(paramiko.PKey, key))
    except DeniedError:
        if not request.is_taken:
            raise
        return ()


def by_password(transport: paramiko.Transport, user: str, password: str) -> tuple[str, ...]:
    """Log in by a password."""
    request = _begin(transport)
    return request.sent(request.auth_password, user, password)


def by_answers(transport: paramiko.Transport, user: str, answers: Answers) -> tuple[str, ...]:
    """Log in by the answers to what the server asks, as often as it asks."""
    request = _begin(transport)

    further = request.sent(request.ask, user)
    while request.questions is not None:
        questions, request.questions = request.questions, None
        further = request.answer(answers(questions))
    return further


def _begin(transport: paramiko.Transport) -> "_Request":
    request = _Request(transport)
    transport.auth_handler = request
    return request


class _Request(AuthHandler):
    """One request and what the server says to it."""

    def __init__(self, transport: paramiko.Transport) -> None:
        super().__init__(transport)
        self.question: OfferedKey | None = None
        self.is_taken = self._is_expired = False
        self.questions: Questions | None = None
        self._allowed: tuple[str, ...] = ()
        self._event = threading.Event()

    def sent(self, send: Callable[..., None], user: str, *more: Any) -> tuple[str, ...]:
        """Send the request and wait for what the server says."""
        send(user, *more, self._event)
        return self._result()

    def ask(self, user: str, event: threading.Event) -> None:
        """Ask for questions."""
        self.auth_interactive(user, lambda title, instructions, prompts: [], event)

    def answer(self, answers: list[str]) -> tuple[str, ...]:
        """Answer the server's questions and wait for what it says."""
        self._event.clear()
        message = paramiko.Message()
        message.add_byte(cMSG_USERAUTH_INFO_RESPONSE)
        message.add_int(len(answers))
        for each in answers:
            message.add_string(each)
        self.transport._send_message(message)  # type: ignore[attr-defined]
        return self._result()

    def _result(self) -> tuple[str, ...]:
        try:
            further = self.wait_for_response(self._event)
        except paramiko.BadAuthenticationType as error:
            raise DeniedError(error.allowed_types) from None
        except paramiko.AuthenticationException:
            if self.questions is not None:
                return self._allowed
            # The same class stands for a lost connection, and for no answer in time.
            if not self.transport.is_active() or not self._event.is_set():
                raise
            raise DeniedError(self._allowed, is_expired=self._is_expired) from None
        return tuple(further)

    def _parse_service_accept(self, m: paramiko.Message) -> None:
        if self.question is None:
            super()._parse_service_accept(m)  # type: ignore[misc]
            return
        kind, blob = self.question.public_blob
        message = paramiko.Message()
        message.add_byte(cMSG_USERAUTH_REQUEST)
        for word in (self.username or "", "ssh-connection", "publickey"):
            message.add_string(word)
        message.add_boolean(False)
        message.add_string(self._finalize_pubkey_algorithm(kind))  # type: ignore[attr-defined]
        message.add_string(blob)
        self.transport._send_message(message)  # type: ignore[attr-defined]

    def _parse_userauth_failure(self, m: paramiko.Message) -> None:
        self._allowed = tuple(m.get_list())
        m.rewind()
        super()._parse_userauth_failure(m)  # type: ignore[misc]

    def _parse_userauth_info_request(self, m: paramiko.Message) -> None:
        """Questions. To a question of ours the same number says that the key would be taken, to a password that it must
        be changed (RFC 4252)."""
        if self.question is not None:
            self.is_taken = True
        elif self.auth_method == "password":
            self._is_expired = True
        elif self.auth_method == "keyboard-interactive":
            title, instructions = _text(m), _text(m)
            m.get_string()  # a language
            count = m.get_int()
            self.questions = Questions(
                title, instructions, [(_text(m), m.get_boolean()) for _ in range(min(count, 64))]
            )
        else:
            raise paramiko.SSHException("questions that nobody asked for")
        self._event.set()


def _text(message: paramiko.Message) -> str:
    return message.get_string().decode("utf-8", errors="replace")
