"""Getting a network's engine: from the board's cache, or built now by a child process."""

import contextlib
import subprocess
import sys
from typing import Any, Callable, Dict, List, Optional

from sis_agent import clock
from sis_agent.child import how_it_ended
from sis_agent.protocol import ProblemError
from sis_agent.runners.base import OnProgress
from sis_agent.runners.engine_cache import CachedEngine, EngineCache

# How often a build reports that it goes on.
PROGRESS_EVERY_S = 5.0


def get(cache: EngineCache, parts: Dict[str, Any], build: Callable[[str], Dict[str, Any]]) -> CachedEngine:
    """The engine of these key parts. `build(key)` makes the plan at the key's path and returns the report on it."""
    key = cache.key(**parts)
    entry = cache.find(key)
    if entry is None:
        cache.make()
        cache.drop(key)
        entry = cache.put(key, parts, build(key))
    return entry


def run_builder(command: List[str], line: str, limit_s: float, on_progress: OnProgress) -> str:
    """Run a builder to its end and return its output.

    Raises ProblemError: `build-too-long` at the limit, `build-crashed` when a signal ended it, `build-failed` with its
    first error when it gave up.
    """
    start_s = clock.now_s()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    sent: Optional[bytes] = line.encode()
    try:
        while True:
            try:
                output = process.communicate(sent, timeout=min(PROGRESS_EVERY_S, limit_s))[0].decode("utf-8", "replace")
                break
            except subprocess.TimeoutExpired:
                sent = None  # communicate remembers what it has not sent yet
                waited_s = clock.now_s() - start_s
                if waited_s >= limit_s:
                    raise ProblemError(
                        "build-too-long",
                        "the engine was not built within {:g} s; raise build_limit_s, lower optimization_level, or "
                        "use a faster power mode".format(limit_s),
                    )
                on_progress({"done": round(waited_s, 1), "of": limit_s})
    finally:
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
    if process.returncode < 0:
        hint = ", perhaps out of memory" if process.returncode == -9 else ""
        how = how_it_ended(process.returncode)
        raise ProblemError(
            "build-crashed", "the engine's builder {}{}; the job's log.txt may say more".format(how, hint)
        )
    if process.returncode > 0:
        print(output, file=sys.stderr, flush=True)
        lines = output.strip().splitlines() or ["no output"]
        reason = next((line for line in lines if "[E]" in line), lines[-1])
        raise ProblemError(
            "build-failed", "the engine's builder {}: {}".format(how_it_ended(process.returncode), reason)
        )
    return output
