"""Finding the interpreters that the agent promises to run under."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

OLDEST_AND_NEWEST = ("3.6", pytest.param("3.13", marks=pytest.mark.slow))
"""The versions of tests that take seconds: every day the oldest, which boards have and which breaks most easily."""


@functools.cache
def find(version: str) -> str:
    """Path of a CPython such as "3.6": pyenv's, or the one on PATH.

    A missing interpreter skips the test on a developer's machine and fails it in CI, where nobody reads skips.
    """
    for candidate in (*_pyenv(version), shutil.which(f"python{version}")):
        if candidate and _answers(candidate, version):
            return candidate
    reason = f"there is no CPython {version} in pyenv's versions folder or on PATH"
    if os.environ.get("CI") == "true":
        pytest.fail(reason + ", and CI must have one")
    pytest.skip(reason)


def _pyenv(version: str) -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python{version}"))]


def _answers(python: str, version: str) -> bool:
    """A pyenv shim is there for versions that are not: ask."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30)
    return done.returncode == 0 and done.stdout.strip() == version
