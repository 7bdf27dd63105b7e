"""The lines that the agent prints: one answer a command, the last line of standard output."""

import json
import pkgutil
import sys
import time
from typing import Any, Dict

from sis_agent.schema import PROTOCOL_VERSION, Problem, to_json

# The text member that the host writes into the archive: twelve hex digits over all other members.
BUILD_ID_MEMBER = "build_id.txt"
UNPACKED = "unpacked"


class ProblemError(Exception):
    """Something to fix on the board or in the command; becomes the answer's `problem`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(code, message)


def agent_id() -> str:
    """This agent's hash12, or "unpacked" when it runs from a source tree."""
    try:
        data = pkgutil.get_data("sis_agent", BUILD_ID_MEMBER)
    except OSError:
        data = None
    return data.decode("ascii").strip() if data else UNPACKED


def answer_line(answer: Dict[str, Any]) -> str:
    """The line of a command that went well."""
    return _line({"ok": True, "answer": to_json(answer)})


def interim_line(found: Dict[str, Any]) -> str:
    """A line before the answer, for a command that goes on with what the host then sends."""
    return _line({"interim": to_json(found)})


def problem_line(problem: Problem) -> str:
    """The line of a command that did not."""
    return _line({"ok": False, "problem": to_json(problem)})


def say(line: str) -> None:
    """One line on standard output, flushed: the host may be reading along."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _line(body: Dict[str, Any]) -> str:
    # What this answer cost: the host asks the less often the more that is.
    cpu_s = round(time.process_time(), 4)
    head: Dict[str, Any] = {"protocol": PROTOCOL_VERSION, "agent": agent_id(), "cpu_s": cpu_s}
    head.update(body)
    # ASCII, since a board without a locale may have an ASCII standard output.
    return json.dumps(head, allow_nan=False)
