"""Starting this very agent once more, as a child that does one thing: a native crash then ends only the child."""

import contextlib
import ctypes
import os
import platform
import signal
import sys
from typing import Dict, List

PR_SET_PDEATHSIG = 1


def command(module: str) -> List[str]:
    """The command line that runs `main()` of one of the agent's modules, from its archive or its source folder."""
    return calling(module, "main()")


def calling(module: str, call: str) -> List[str]:
    """The command line that ends with the answer of a call of one of a module's functions."""
    container = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    function = call.partition("(")[0]
    code = "import sys; sys.path.insert(0, {!r}); from {} import {}; sys.exit({})"
    return [sys.executable, "-c", code.format(container, module, function, call)]


def runtime_environment() -> Dict[str, str]:
    """The environment of a process that imports a runtime."""
    environment = dict(os.environ)
    if platform.machine() == "aarch64":
        # numpy 1.19.5, the last for Python 3.6, dies with an illegal instruction on a Jetson Nano without this.
        environment.setdefault("OPENBLAS_CORETYPE", "ARMV8")
    return environment


def die_with_parent() -> None:
    """If the parent is killed, this process must not go on burning the processor."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def how_it_ended(returncode: int) -> str:
    """An exit code as people say it: "ended with exit code 1", "was ended by SIGSEGV"."""
    if returncode >= 0:
        return "ended with exit code {}".format(returncode)
    try:
        return "was ended by {}".format(signal.Signals(-returncode).name)
    except ValueError:
        return "was ended by signal {}".format(-returncode)
