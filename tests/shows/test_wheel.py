"""The wheel in empty environments, away from the checkout, as people install it today: `uv tool`, `uvx`, `pipx`."""

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sis_edge.bundles.verify import verify
from sis_edge.formation import PRESETS
from sis_edge.registries import DATASETS

pytestmark = pytest.mark.slow

NETWORKS = ("nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3")

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
UV = (sys.executable, "-m", "uv")


def run(*words: str, cwd: Path, returncode: int = 0, **variables: str) -> str:
    hidden = ("PYTHONPATH", "COLUMNS", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    kept |= {"COLUMNS": "80", **variables}
    done = subprocess.run(words, cwd=cwd, env=kept, capture_output=True, text=True, timeout=1400)
    assert done.returncode == returncode, done.stdout + done.stderr
    return done.stdout if returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, with what belongs into it and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "agent/")) or name.endswith(".pyc")]
    assert "sis_agent/schema/__init__.py" in names
    assert "sis_edge/_profiles/local.toml" in names
    assert "sis_edge/board/wheels.sha256" in names
    assert [name for name in names if name.endswith(".dist-info/licenses/NOTICE")]
    return wheel


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where uv and pipx put what they install, and where uv finds a CPU build of torch.

    Where pip's configured sources have one, it is fetched by pip, for uv does not read them; else uv knows a place.
    """
    folder = tmp_path_factory.mktemp("tools")
    set_up = {"UV_TOOL_DIR": "uv", "UV_TOOL_BIN_DIR": "bin", "PIPX_HOME": "pipx", "PIPX_BIN_DIR": "bin-of-pipx"}
    found = {name: str(folder / place) for name, place in set_up.items()}
    found |= {"UV_PYTHON": sys.executable, "UV_NO_CONFIG": "1", "UV_CONSTRAINT": str(CONSTRAINTS)}
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder / "torch")]
    (torch,) = re.findall(r"^torch==\S+$", CONSTRAINTS.read_text(), re.M)
    subprocess.run([*pip, f"{torch}+cpu"], cwd=folder, capture_output=True)
    if any(folder.glob("torch/torch-*.whl")):
        return {**found, "UV_FIND_LINKS": str(folder / "torch")}
    return {**found, "UV_TORCH_BACKEND": "cpu"}


@pytest.fixture(scope="module")
def installed(wheel: Path, variables: dict[str, str]) -> Path:
    """The `sis-edge` that `uv tool install` makes of the wheel."""
    run(*UV, "tool", "install", str(wheel), cwd=wheel.parent, **variables)
    return Path(variables["UV_TOOL_BIN_DIR"]) / "sis-edge"


def test_commands_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = str(installed)
    python = installed.resolve().with_name("python")
    assert not str(python).startswith(str(ROOT))
    where = [str(python), "-c", "import sis_edge, sis_agent, torch; print(sis_edge.__file__, torch.version.cuda)"]
    assert re.fullmatch(rf"{re.escape(str(python.parents[1]))}\S+ None\n", run(*where, cwd=tmp_path))
    assert "CL 54,048, MP 28,240, total 82,288 synapses: 11.66x fewer" in run(
        program, "form", "--preset", "svhn-sis3", cwd=tmp_path
    )
    assert "jetson-nano" in run(program, "profiles", "list", cwd=tmp_path)
    assert "[runtime]" in run(program, "profiles", "show", "raspberry-pi-5", cwd=tmp_path)
    assert run(program, "datasets", "list", cwd=tmp_path).split() == list(DATASETS)


def test_the_command_that_a_message_names_adds_the_extra(
    installed: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """In an environment without pip, as uv makes them."""
    words = (str(installed), "query", "SELECT 41 + 1 AS answer")
    said = run(*words, cwd=tmp_path, returncode=2)
    (command,) = re.findall(r"query needs duckdb: `(uv pip install [^`]+)`", said)
    run(*UV, *shlex.split(command)[1:], cwd=tmp_path, **variables)
    assert "there is no stored run" in run(*words, cwd=tmp_path, returncode=9), "duckdb is there now"


def test_pipx(wheel: Path, variables: dict[str, str], tmp_path: Path) -> None:
    """With uv below it, which pipx takes where it is there."""
    pipx = (*UV, "tool", "run", "--from", "pipx[uv]", "pipx", "install", "--backend", "uv")
    run(*pipx, f"{wheel}[history]", cwd=tmp_path, **variables)
    program = f"{variables['PIPX_BIN_DIR']}/sis-edge"
    assert run(program, "--version", cwd=tmp_path).startswith("sis-edge ")
    assert "installed: history;" in run(program, "doctor", "-v", cwd=tmp_path)


def test_the_whole_line_in_an_empty_folder(wheel: Path, variables: dict[str, str], tmp_path: Path) -> None:
    """`uvx --from WHEEL sis-edge quickstart`, from forming to the page; once, for it is the longest of all tests."""
    uvx = (*UV, "tool", "run", "--isolated", "--from", str(wheel))
    text = run(*uvx, "sis-edge", "quickstart", cwd=tmp_path, **variables)
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
        assert entry.training.host_accuracy > 0.5, "two epochs of digits are far above one in ten"
    report = tmp_path / "reports" / "quickstart"
    assert {"index.html", "report.md", "results.csv", "results.json"} <= {path.name for path in report.iterdir()}
    assert (report / "index.html").stat().st_size > 10_000
    (stored,) = json.loads((report / "results.json").read_text())["runs"]
    assert stored["bundle_id"] == bundle.id
    assert {row["network"] for row in stored["networks"]} >= set(NETWORKS)
    assert all(row["latency_p50_s"] > 0 for row in stored["networks"])
