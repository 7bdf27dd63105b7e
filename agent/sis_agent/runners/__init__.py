"""The runtimes that can execute a network, each in a file of its own; a runtime is imported only by its runner."""

from typing import Dict, Optional

from sis_agent import builtin, plugins
from sis_agent.lookup import BrokenPluginError, Modules
from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Runner

RUNNERS = Modules(builtin.RUNNERS, plugins.RUNNERS, answers=ProblemError)

AVAILABLE = "available"


def missing(name: str) -> Optional[str]:
    """What this board lacks for a runner, in a sentence; None when nothing."""
    try:
        with RUNNERS.using(name) as module:
            lack: Optional[str] = module.missing()
            return lack
    except BrokenPluginError as error:
        return str(error)


def availability() -> Dict[str, str]:
    """For each runner "available", or the sentence that says what it lacks."""
    return {name: missing(name) or AVAILABLE for name in RUNNERS}


def check(name: str) -> None:
    """Raise the problem `unknown-runner` or `no-runtime` unless this runner can be used."""
    if name not in RUNNERS:
        raise ProblemError("unknown-runner", "unknown runner '{}'; known: {}".format(name, RUNNERS.listed()))
    lack = missing(name)
    if lack:
        raise ProblemError("no-runtime", "the runner {} cannot be used here: {}".format(name, lack))


def make(name: str, threads: int, batch_size: int) -> Runner:
    """The runner of this name; raises as `check` does."""
    check(name)
    try:
        with RUNNERS.using(name) as module:
            runner = module.make(threads, batch_size)
            if not isinstance(runner, Runner):
                raise TypeError("make() gives {!r}, and must give a Runner".format(runner))
            return runner
    except BrokenPluginError as error:
        raise ProblemError("no-runtime", "the runner {} cannot be used here: {}".format(name, error))
