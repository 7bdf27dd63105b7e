"""One push of a bundle at a time: a second one of the same bundle, from another shell, waits for the first."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from sis_edge.board.events import Event
from sis_edge.errors import SisEdgeError, TransportError

if TYPE_CHECKING:
    from sis_edge.board.session import BoardSession

POLLS = 2
"""Pauses of the board's patience between two looks whether the other has ended."""


class Claim(NamedTuple):
    """Whether the bundle may be pushed now; `quiet_s` is how long the other one has sent nothing."""

    held: bool
    quiet_s: float = 0.0


class Turn:
    """The right to push a bundle; the board gives it to another after some quiet, so that nothing stays locked.

    The agent claims it for `token` as it says what is missing, and ends the claim with the push.
    """

    def __init__(self, at: "BoardSession", bundle_id: str) -> None:
        self.token = secrets.token_hex(8)
        self._at = at
        self._words = ("claim", bundle_id, "--token", self.token)
        self._has_waited = False

    def wait(self) -> None:
        """Wait until nobody else pushes the bundle."""
        at = self._at
        while not at.persist(lambda: at.agent.ask(Claim, *self._words)).held:
            if not self._has_waited:
                name = at.transport.name
                at.say(Event("push", f"another sis-edge is pushing this bundle to {name}; waiting for its end"))
                self._has_waited = True
            at.patience.sleep(POLLS * at.patience.poll_s)

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Where the push ends otherwise than by sending everything, end the claim here."""
        try:
            yield
        except TransportError:  # it would only wait for the same lost connection
            raise
        except BaseException:
            self._give_back()
            raise
        if self._has_waited:
            self._give_back()

    def _give_back(self) -> None:
        with suppress(SisEdgeError):
            self._at.agent.ask(Claim, *self._words, "--release")
