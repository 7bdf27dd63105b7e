"""Pytest in a process forked from this one, which has imported what takes long: only what is tested is imported."""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

SLOW_TO_IMPORT = (
    *("pytest", "numpy", "pandas", "scipy.stats", "scipy.special", "scipy.optimize", "torch", "torch.utils.data"),
    *("lightning", "onnx", "onnx.reference", "onnxruntime", "sklearn.datasets", "safetensors.torch", "PIL.Image"),
    *("pydantic", "typer", "rich.table", "jinja2", "paramiko", "psutil", "pooch", "platformdirs"),
)
"""What the tests import of others' packages. Pytest's plugins are not here: it must be first to import them."""

# As tests/conftest.py has it: read when torch and numpy are imported.
SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}


def warm_up() -> None:
    """Import what the tests import, so that each fork has it. A package that is not there is left to its tests."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in SLOW_TO_IMPORT:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def start(tree: Path, tests: Sequence[str], *, silent: bool = True) -> int:
    """Begin to run tests of a tree, whose code is imported from the tree itself; the process's id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _run(tree, tests, silent)
    return pid


def end(pid: int) -> None:
    """End what a run has left behind, which is in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _run(tree: Path, tests: Sequence[str], silent: bool) -> NoReturn:
    code = 3  # as pytest's own code for an error inside of it
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()  # a fault in what ends processes may end a whole group of them
        os.chdir(tree)
        here = str(Path(__file__).parents[1])
        paths = [str(tree), str(tree / "agent")]
        sys.path[:] = [*paths, *(path for path in sys.path if not path.startswith(here))]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        # What is compiled stays in the copy for the next mutant, whatever this machine asks Python for.
        sys.dont_write_bytecode = False
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        if silent:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        import pytest

        code = int(pytest.main([*options(tree, tests), *tests]))
    finally:
        sys.stdout.flush()
        os._exit(code)  # what the parent has to do at its end is not the child's


def options(tree: Path, tests: Sequence[str]) -> list[str]:
    """Pytest's: stop at the first failure, keep nothing.

    The limit of a test is the usual one: where the machine is busy, a shorter one would pass for a kill. A test that is
    named is run also where it is a long one.
    """
    found = ["-x", "-q", "-p", "no:cacheprovider"]
    if all("::" in test for test in tests):
        found += ["-m", "slow or not slow"]
    if any("hypothesis" in (tree / test.partition("::")[0]).read_text(encoding="utf-8") for test in tests):
        found += ["--hypothesis-seed", "0"]  # the same examples each time; the option alone costs a second
    return found
