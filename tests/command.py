"""The command line as a user has it: in a process of its own, or for many words in this one."""

import os
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

HABITS = ("COLUMNS", "FORCE_COLOR", "NO_COLOR")


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with a screen of 80 columns and no terminal's habits."""
    kept = {name: value for name, value in os.environ.items() if name not in HABITS}
    return {**kept, "COLUMNS": "80", "PYTHONWARNINGS": "ignore", **changes}


def sis_edge(*words: str, cwd: Path, timeout: float = 250, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `sis-edge WORDS`."""
    return subprocess.run(
        [sys.executable, "-m", "sis_edge", *words],
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def sis_edge_here(*words: str, cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `sis-edge WORDS` in this process, which saves the imports; the answer is as that of a process."""
    from sis_edge.cli import run

    out, err = StringIO(), StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(action="ignore"),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.chdir(cwd)
        for name in HABITS:
            patch.delenv(name, raising=False)
        for name, value in {"COLUMNS": "80", **changes}.items():
            patch.setenv(name, value)
        try:
            code = run(list(words))
        except SystemExit as ended:  # as click ends what it answers to a shell
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(["sis-edge", *words], code, out.getvalue(), err.getvalue())
