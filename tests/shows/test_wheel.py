"""The wheel in an empty environment, away from the checkout."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run(*words: str, cwd: Path) -> str:
    hidden = ("PYTHONPATH", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(words, cwd=cwd, env={**kept, "COLUMNS": "80"}, capture_output=True, text=True, timeout=1400)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `sis-edge` of a new environment that holds the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "agent/")) or name.endswith(".pyc")]
    assert "sis_agent/schema.py" in names
    assert "sis_edge/_profiles/local.toml" in names
    venv.create(folder / "venv", with_pip=True)
    pip = (str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--constraint")
    run(*pip, str(ROOT / "constraints.txt"), "torch", cwd=folder)
    run(*pip, str(ROOT / "constraints.txt"), str(wheel), cwd=folder)
    return folder / "venv" / "bin" / "sis-edge"


def test_commands_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = str(installed)
    where = [str(installed.with_name("python")), "-c", "import sis_edge, sis_agent; print(sis_edge.__file__)"]
    assert str(installed.parents[1]) in run(*where, cwd=tmp_path)
    assert "CL 54,048, MP 28,240, total 82,288, 11.66x" in run(program, "form", "--preset", "svhn-sis3", cwd=tmp_path)
    assert "jetson-nano" in run(program, "profiles", "list", cwd=tmp_path)
    assert "[runtime]" in run(program, "profiles", "show", "raspberry-pi-5", cwd=tmp_path)
    assert run(program, "datasets", "list", cwd=tmp_path).split() == ["digits", "cifar10", "svhn", "fashion_mnist"]


def test_quickstart_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    text = run(str(installed), "quickstart", cwd=tmp_path)
    assert "reports/quickstart/index.html" in text
    assert (tmp_path / "reports" / "quickstart" / "index.html").stat().st_size > 10_000
