"""The run times that can execute a network, each in a file of its own; a run time is imported only by its runner."""

import importlib
from typing import Dict

from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Runner

# Name in a job -> module with `make(threads, batch_size)` and `missing()`.
RUNNERS = {
    "onnxruntime": "sis_agent.runners.onnxruntime",
    "tensorrt": "sis_agent.runners.tensorrt",
    "tensorrt_rtx": "sis_agent.runners.tensorrt.rtx",
    "trtexec": "sis_agent.runners.trtexec",
    "null": "sis_agent.runners.null",
}

AVAILABLE = "available"


def availability() -> Dict[str, str]:
    """For each runner "available", or the sentence that says what it lacks."""
    return {name: importlib.import_module(module).missing() or AVAILABLE for name, module in RUNNERS.items()}


def check(name: str) -> None:
    """Raise the problem `unknown-runner` or `no-runtime` unless this runner can be used."""
    if name not in RUNNERS:
        raise ProblemError("unknown-runner", "there is no runner '{}'; known: {}".format(name, ", ".join(RUNNERS)))
    lack = importlib.import_module(RUNNERS[name]).missing()
    if lack:
        raise ProblemError("no-runtime", lack)


def make(name: str, threads: int, batch_size: int) -> Runner:
    """The runner of this name; raises as `check` does."""
    check(name)
    runner = importlib.import_module(RUNNERS[name]).make(threads, batch_size)
    assert isinstance(runner, Runner)
    return runner
