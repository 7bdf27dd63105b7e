"""The runtimes that can execute a network, each in a file of its own; a runtime is imported only by its runner."""

from typing import Dict, Optional

from sis_agent import builtin, plugins
from sis_agent.lookup import BrokenPluginError, Modules
from sis_agent.protocol import ProblemError
from sis_agent.runners import importing
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


def availability(root: Optional[str] = None) -> Dict[str, str]:
    """For each runner "available", or the sentence that says what it lacks.

    With the agent's root, which takes the logs, the packages of a runner that lacks nothing are imported in a child
    process too: what is installed need not run.
    """
    return {name: missing(name) or (root and broken(name, root)) or AVAILABLE for name in RUNNERS}


def broken(name: str, root: str) -> Optional[str]:
    """Why the packages of a runner cannot be imported, in a sentence; None when they can. Takes as long as that."""
    try:
        with RUNNERS.using(name) as module:
            modules = tuple(getattr(module, "IMPORTS", ()))
    except BrokenPluginError as error:
        return str(error)
    return importing.problem(modules, root) if modules else None


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
