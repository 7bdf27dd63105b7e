"""`sis-edge quickstart` in an empty folder, from forming to the page."""

import json
from pathlib import Path

import pytest
from command import sis_edge

from sis_edge.bundle import verify
from sis_edge.formation import PRESETS

pytestmark = pytest.mark.slow

NETWORKS = ("nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3")


def test_the_whole_line_in_an_empty_folder(tmp_path: Path) -> None:
    done = sis_edge("quickstart", cwd=tmp_path, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert all(name in done.stdout for name in NETWORKS)
    assert "reports/quickstart/index.html" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
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
    (run,) = json.loads((report / "results.json").read_text())["runs"]
    assert run["bundle_id"] == bundle.id
    assert [row["network"] for row in run["networks"]] == list(NETWORKS)
    assert all(row["latency_p50_s"] > 0 for row in run["networks"])
    again = sis_edge("quickstart", cwd=tmp_path, timeout=1200)
    assert again.returncode == 0, again.stderr
    assert verify(tmp_path / "build" / "quickstart").id == bundle.id
