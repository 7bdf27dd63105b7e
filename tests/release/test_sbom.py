"""`make sbom`: every package that a user installs, by version and hash, and the same bytes each time."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sis_edge import __version__

pytest.importorskip("cyclonedx", reason="no cyclonedx-python-lib: make .venv/.installed-release")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def sbom(folder: Path) -> bytes:
    subprocess.run([sys.executable, str(ROOT / "requirements" / "sbom.py"), str(folder)], check=True, cwd=folder.parent)
    (written,) = folder.iterdir()
    assert written.name == f"sis-edge-{__version__}.cdx.json"
    return written.read_bytes()


def test_it_has_every_package_of_the_locks(tmp_path: Path) -> None:
    text = sbom(tmp_path / "dist")
    bill = json.loads(text)
    assert bill["bomFormat"] == "CycloneDX"
    subject = bill["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("sis-edge", __version__)
    found = {(each["name"], each["version"]): each for each in bill["components"]}
    locks = "".join((ROOT / "requirements" / f"{name}.txt").read_text() for name in ("base", "all"))
    locked = set(re.findall(r"^([a-z0-9.-]+)==([^ \\\n]+)", locks, re.M))
    assert locked < found.keys()
    ((torch, _),) = found.keys() - locked
    assert torch == "torch"
    for (name, version), each in found.items():
        assert each["purl"] == f"pkg:pypi/{name}@{version}"
        files = [file["content"] for reference in each["externalReferences"] for file in reference.get("hashes", ())]
        entry = re.search(rf"^{name}=={re.escape(version)}.*(\n    --hash=.*)+", locks, re.M)
        assert set(files) == set(re.findall(r"sha256:(\w+)", entry[0] if entry else ""))
        assert bool(files) == (name != "torch")
    (graph,) = [each for each in bill["dependencies"] if each["ref"] == subject["bom-ref"]]
    direct = {name.partition("@")[0].removeprefix("pkg:pypi/") for name in graph["dependsOn"]}
    assert {"torch", "numpy", "typer", "duckdb"} <= direct
    assert not {"tensorrt-rtx-cu13", "pytest", "urllib3"} & direct
    assert sbom(tmp_path / "again") == text
