"""The command line as a user has it: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with a screen of 80 columns and no terminal's habits."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR", "NO_COLOR")}
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
