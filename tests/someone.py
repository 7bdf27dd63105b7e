"""Whoever sits at the terminal, and what a shell has opened for a command."""

import os

from sis_edge.transport import Credentials


def descriptor(text: str | bytes) -> int:
    """The reading end of a pipe that holds this."""
    reading, writing = os.pipe()
    os.write(writing, text.encode() if isinstance(text, str) else text)
    os.close(writing)
    return reading


class Someone:
    """Answers prompts in this order and keeps them; afterwards nobody is there."""

    def __init__(self, *answers: str | None) -> None:
        self._answers = list(answers)
        self.prompts: list[tuple[str, bool]] = []
        self.notes: list[str] = []

    def credentials(self, **given: int) -> Credentials:
        """What asks this person; `given` are file descriptors."""
        return Credentials(ask=self.ask, say=self.notes.append, **given)

    def ask(self, prompt: str, is_echoed: bool) -> str | None:
        """The next answer."""
        self.prompts.append((prompt, is_echoed))
        return self._answers.pop(0) if self._answers else None
