"""A plugin of coverage.py for `make coverage`: workers of a board end by SIGKILL, so they save before they reply."""

import json
import sys
import time
from typing import Any

import coverage

FIRST_REPLIES, PAUSE_S = 30, 0.3


def coverage_init(registry: Any, options: Any) -> None:
    """Called where a process starts to be measured; others save at their end."""
    if not any("sis_agent.worker" in word for word in sys.orig_argv):
        return
    real, replies, saved_s = json.dumps, 0, 0.0

    def dumps(*arguments: Any, **named: Any) -> str:
        nonlocal replies, saved_s
        replies += 1
        measured = coverage.Coverage.current()
        # A short job is over before the first pause; a long one has thousands of replies.
        if measured is not None and (replies <= FIRST_REPLIES or time.monotonic() - saved_s > PAUSE_S):
            measured.save()
            saved_s = time.monotonic()
        return real(*arguments, **named)

    json.dumps = dumps
