"""Every example of `examples/` runs as its README says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "paper_network.py": "same top-1 as PyTorch on 100%",
    "own_theta.py": "after one short epoch",
    "measure_a_board.py": "report: reports/example/index.html",
}


def test_the_readme_has_every_example() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in EXAMPLES.glob("*.py")}
    assert names == set(SAYS)
    assert all(f"| `{name}` |" in text and f"python examples/{name}" in text for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAYS)
def test_it_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error", "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[name] in done.stdout
    assert ("SIMULATED" in done.stdout) is (name == "measure_a_board.py")
