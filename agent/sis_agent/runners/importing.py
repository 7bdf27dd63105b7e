"""Whether a runtime can be imported on this board, tried in a child process: whatever an import does ends the child.

A package that is installed need not run: a library that is missing, too old or for another processor, numpy of another
version, an instruction that the processor lacks. The answer is a sentence with the cause, the remedy that fits, and the
log, which lies in the agent's root.
"""

import contextlib
import functools
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import traceback
from typing import Any, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

from sis_agent import child
from sis_agent.board.state import process_cpu_s
from sis_agent.files import LOGS, SITE
from sis_agent.protocol import ProblemError
from sis_agent.runners import remedies

# The first import on a board reads some 100 MB from its card. One that still computes may take several times that: a
# slow or busy board is not a broken one.
LIMIT_S = 45.0
MOST_LIMITS = 8
MOVES_S = 0.02  # of processor time for each second, of an import that is at work
CANNOT = "cannot be imported"


class Ending(NamedTuple):
    """How a child ended that imported modules: the one it was at, where that lies, and what it printed."""

    module: str
    place: Optional[str]
    how: str
    text: str


@functools.lru_cache(maxsize=None)
def problem(modules: Sequence[str], root: str, folder: Optional[str] = None) -> Optional[str]:
    """The sentence that says why one of the modules cannot be imported; None where all can.

    `modules` is a tuple, in the order of their imports. `root` is the agent's, for the log. `folder` holds packages to
    be found before all others. A runtime is tried once in a process's life.
    """
    path = os.path.join(root, LOGS, "import-{}.txt".format(modules[-1]))
    ending = _try(modules, folder)
    if ending is None:
        with contextlib.suppress(OSError):
            os.remove(path)
        return None
    return sentence(ending, root, _kept(path, ending.text))


def sentence(ending: Ending, root: str, log: Optional[str]) -> str:
    """The cause, the remedy, and where the log is."""
    # Packages that the host brought are the profile's to choose.
    own = ending.place is not None and ending.place.startswith(os.path.join(root, SITE) + os.sep)
    whose = "the agent's own {}".format(ending.module) if own else ending.module
    cause, remedy = remedies.find(ending.module, ending.how, ending.text, own)
    text = "{} is installed for {} and {}: {}; {}".format(whose, sys.executable, CANNOT, cause, remedy)
    return text + ("; its log on the board: {}".format(log) if log else "")


def left_over(module: str) -> Optional[str]:
    """The folder of a module that is no package, since nothing but a folder of its name is there; None for any other.

    Python takes such a folder for a namespace: it imports, and has nothing in it.
    """
    found = importlib.util.find_spec(module)
    if found is None or found.origin not in (None, "namespace") or not found.submodule_search_locations:
        return None
    return str(next(iter(found.submodule_search_locations)))


def not_installed(modules: Sequence[str]) -> Sequence[str]:
    """Those that are not there at all; nothing is imported."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def holds(folder: str, module: str) -> bool:
    """Whether a folder of packages has a module."""
    return any(os.path.exists(os.path.join(folder, module + end)) for end in (".py", os.sep + "__init__.py"))


def is_32_bit() -> bool:
    """Whether this Python is a 32-bit program, whatever the kernel is."""
    return sys.maxsize < 2**32


@contextlib.contextmanager
def explained(module: str) -> Iterator[None]:
    """Whatever an import in the block raises, as the problem `no-runtime` with its cause and remedy."""
    try:
        yield
        folder = left_over(module)
        if folder is not None:
            raise ImportError(remedies.LEFT_OVER.format(folder, module))
    except Exception:
        text = traceback.format_exc()
        sys.stderr.write(text)
        raise ProblemError("no-runtime", sentence(Ending(module, None, "ended with exit code 1", text), "", None))


def _try(modules: Sequence[str], folder: Optional[str]) -> Optional[Ending]:
    environment = child.runtime_environment()
    if folder is not None:
        others = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = folder + (os.pathsep + others if others else "")
    process = subprocess.Popen(
        [*child.command(__name__), *modules],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd="/",
    )
    out, errors, how = _ended(process)
    steps = [json.loads(line) for line in out.decode("utf-8", "replace").splitlines() if line.startswith("{")]
    if steps and steps[-1].get("done"):
        return None
    last: Dict[str, Any] = steps[-1] if steps else {"module": modules[0], "place": None}
    return Ending(last["module"], last["place"], how, errors.decode("utf-8", "replace"))


def _ended(process: "subprocess.Popen[bytes]") -> Tuple[bytes, bytes, str]:
    """What it printed, and how it ended; it is killed where it does nothing for the limit, or some of them pass."""
    spent_s = waited_s = 0.0
    while waited_s < MOST_LIMITS * LIMIT_S:
        waited_s += LIMIT_S
        try:
            out, errors = process.communicate(timeout=LIMIT_S)
            return out, errors, child.how_it_ended(process.returncode)
        except subprocess.TimeoutExpired:  # the next call goes on with what was read
            before_s, spent_s = spent_s, process_cpu_s(process.pid)
            if spent_s - before_s < MOVES_S * LIMIT_S:
                break
    process.kill()
    out, errors = process.communicate()
    return out, errors, "did not end within {:g} s".format(waited_s)


def _kept(path: str, text: str) -> Optional[str]:
    """The log's path; None where it cannot be written."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return None
    return path


def main() -> int:
    """The child: a line of JSON before each import and after the last, and out without destructors."""
    child.die_with_parent()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what native libraries print is no answer

    def say(**step: Any) -> None:
        replies.write(json.dumps(step) + "\n")
        replies.flush()

    for name in sys.argv[1:]:
        try:
            found = importlib.util.find_spec(name)
            say(module=name, place=found and found.origin)
            folder = left_over(name)
            if folder is not None:
                raise ImportError(remedies.LEFT_OVER.format(folder, name))
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    say(done=True)
    os._exit(0)
