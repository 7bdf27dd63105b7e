"""TensorRT's messages, collected: why a build failed or what it chose is reported nowhere else."""

import sys
from typing import Any, List

from sis_agent.runners import sparsity

# Lines of a log's end that go into the record; the whole log stays on the board.
TAIL_LINES = 20
_LETTERS = {"INTERNAL_ERROR": "F", "ERROR": "E", "WARNING": "W", "INFO": "I", "VERBOSE": "V"}


class Log:
    """Lines as "[E] text". Verbose ones, tens of thousands in a build, only where they are about sparsity."""

    def __init__(self) -> None:
        self.lines: List[str] = []

    def add(self, severity: str, text: str) -> None:
        """Keep a message, and show errors at once."""
        if severity == "VERBOSE" and sparsity.MARK not in text:
            return
        line = "[{}] {}".format(_LETTERS.get(severity, "?"), text)
        self.lines.append(line)
        if severity in ("INTERNAL_ERROR", "ERROR"):
            print("tensorrt: " + line, file=sys.stderr, flush=True)

    def last_error(self) -> str:
        """The newest error's text, for a sentence."""
        for line in reversed(self.lines):
            if line[:3] in ("[E]", "[F]"):
                return line[4:].splitlines()[0]
        return "TensorRT gives no reason"

    def tail(self) -> List[str]:
        """The last lines."""
        return self.lines[-TAIL_LINES:]


def make_logger(trt: Any, log: Log) -> Any:
    """A TensorRT logger that writes into `log`."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            log.add(severity.name, msg)

    return Logger()
