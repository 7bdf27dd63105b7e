"""Every example of `examples/` runs as its README says."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from recordings import old_run

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "paper_network.py": "same top-1 as PyTorch on 100%",
    "own_theta.py": "after one short epoch",
    "measure_a_board.py": "report: reports/example/index.html",
}
ANALYSE = "analyse_runs.py"


def test_the_readme_has_every_example() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in EXAMPLES.glob("*.py")}
    assert names == {*SAYS, ANALYSE}
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


def test_the_notebook_reads_stored_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (tmp_path / "runs").mkdir()
    run = old_run("run-5-x86-64", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [ANALYSE, "runs"])
    found = runpy.run_path(str(EXAMPLES / ANALYSE))
    said = capsys.readouterr().out
    assert len(found["networks"]) == len(found["runs"][0].rows())
    assert set(found["samples"].network) == set(found["rounds"].network)
    assert f"Run {found['runs'][0].run_id}, verdict " in said
    assert run.stem in found["samples"].path[0]
    assert (tmp_path / "latencies.svg").read_text().startswith("<svg ")
    assert (tmp_path / "latencies.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / "reports" / "paper" / "paper" / "all.tex").is_file()
