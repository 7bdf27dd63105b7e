"""A fleet of 64 simulated boards over a real SSH server, all at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment
from tiny_bundle import tiny_bundle

from .boards import lab
from .null_backend import python_path

BOARDS = 64
MOST_BYTES = 500_000_000

CODE = """
import re, sys
from sis_edge.cli import run
code = run(sys.argv[1:])
# Not getrusage's, which keeps that of the process that started this one.
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.fault("64 boards at once", "all are measured; the host takes less than 500 MB")
def test_64_boards_at_once(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "build/tiny")
    with lab(tmp_path, [f"b{at:02}" for at in range(BOARDS)]):
        done = subprocess.run(
            [sys.executable, "-c", CODE, "fleet", "deploy", "--networks", "dense", "--json"],
            cwd=tmp_path,
            env=environment(HOME=str(tmp_path), PYTHONPATH=python_path(tmp_path / "null")) | {"SSH_AUTH_SOCK": ""},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [board["outcome"] for board in document["boards"]] == ["done"] * BOARDS
    assert len({board["job_id"] for board in document["boards"]}) == BOARDS
    assert len(list((tmp_path / "runs").glob("*.json.gz"))) == BOARDS
    assert 1024 * int(done.stderr.splitlines()[-1]) < MOST_BYTES
    text = (tmp_path / "reports/fleet/report.md").read_text()
    assert sum(line.startswith("| b") for line in text.splitlines()) >= 2 * BOARDS
