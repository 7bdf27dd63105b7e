"""The wheel in an empty environment, away from the checkout, and the whole line with it."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from sis_edge.bundles.verify import verify
from sis_edge.formation import PRESETS
from sis_edge.registries import DATASETS

pytestmark = pytest.mark.slow

NETWORKS = ("nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3")

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
    assert "sis_agent/schema/__init__.py" in names
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
    assert "CL 54,048, MP 28,240, total 82,288 synapses: 11.66x fewer" in run(
        program, "form", "--preset", "svhn-sis3", cwd=tmp_path
    )
    assert "jetson-nano" in run(program, "profiles", "list", cwd=tmp_path)
    assert "[runtime]" in run(program, "profiles", "show", "raspberry-pi-5", cwd=tmp_path)
    assert run(program, "datasets", "list", cwd=tmp_path).split() == list(DATASETS)


def test_the_whole_line_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """`sis-edge quickstart`, from forming to the page; once, for it is the longest of all tests."""
    text = run(str(installed), "quickstart", cwd=tmp_path)
    assert all(name in text for name in NETWORKS)
    assert "reports/quickstart/index.html" in text
    assert max(map(len, text.splitlines())) <= 120
    bundle = verify(tmp_path / "build" / "quickstart")
    assert [entry.name for entry in bundle.manifest.networks] == list(NETWORKS)
    for entry in bundle.manifest.networks:
        assert (entry.conv_synapses, entry.micro_synapses) == (
            PRESETS[entry.name].conv_synapses,
            PRESETS[entry.name].micro_synapses,
        )
        assert entry.training.host_accuracy > 0.5, "three epochs of digits are far above one in ten"
    report = tmp_path / "reports" / "quickstart"
    assert {"index.html", "report.md", "results.csv", "results.json"} <= {path.name for path in report.iterdir()}
    assert (report / "index.html").stat().st_size > 10_000
    (stored,) = json.loads((report / "results.json").read_text())["runs"]
    assert stored["bundle_id"] == bundle.id
    assert {row["network"] for row in stored["networks"]} >= set(NETWORKS)
    assert all(row["latency_p50_s"] > 0 for row in stored["networks"])
