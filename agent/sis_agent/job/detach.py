"""Run a piece of work in a process that outlives the connection that started it.

Double fork and setsid: the process has no terminal and no parent that could take it along, and it leads a
process group of its own, so that a cancel ends its children too.
"""

import json
import os
import signal
import sys
import traceback
from typing import Any, Callable, Dict, NoReturn

Report = Callable[[Dict[str, Any]], None]


def detach(work: Callable[[Report], None], log_path: str) -> Dict[str, Any]:
    """Start `work(report)` detached, its output going to `log_path`; returns what it reports first.

    Returns an empty dict when the work ended without a report: the log then says why.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    read_end, write_end = os.pipe()
    first = os.fork()
    if first == 0:
        _detached(work, log_path, read_end, write_end)
    os.close(write_end)
    os.waitpid(first, 0)
    with os.fdopen(read_end, encoding="utf-8") as pipe:
        text = pipe.read()
    return dict(json.loads(text)) if text else {}


def _detached(work: Callable[[Report], None], log_path: str, read_end: int, write_end: int) -> NoReturn:
    """The forked process: never returns to the caller's code, whatever happens."""
    code = 1
    try:
        os.close(read_end)
        os.setsid()
        if os.fork():
            os._exit(0)
        os.setpgid(0, 0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        _redirect(log_path)

        unused = [write_end]

        def report(value: Dict[str, Any]) -> None:
            if unused:  # only the first report has a listener
                with os.fdopen(unused.pop(), "w", encoding="utf-8") as pipe:
                    json.dump(value, pipe)

        try:
            work(report)
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Even where the log cannot be written (disk full), this process must not run on as its parent.
        os._exit(code)


def _redirect(log_path: str) -> None:
    """Let go of the connection: SSH keeps a channel open for as long as somebody holds its descriptors."""
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)
