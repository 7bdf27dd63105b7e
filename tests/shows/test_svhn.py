"""The paper's Table 2 in one command, where the user has SVHN's files: here a synthetic set in their true format."""

import json
from pathlib import Path

import pytest
from command import sis_edge_here
from datasets.svhn_files import write

from sis_edge.datasets import svhn
from sis_edge.formation import PRESETS
from sis_edge.formation.presets import reported_on
from sis_edge.profiles import find

COUNTS = {"train_32x32.mat": 60, "extra_32x32.mat": 36, "test_32x32.mat": 50}


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small files of SVHN's layout, whose hashes are taken for the official ones."""
    folder = tmp_path / "official"
    for name, md5 in write(folder, COUNTS, seed=9).items():
        monkeypatch.setitem(svhn.CHECKSUMS, name, md5)
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.mark.slow
def test_one_command_trains_and_measures_the_paper_s_table_2(official: Path, tmp_path: Path) -> None:
    profile = tmp_path / "without-kernels.toml"  # compiling them is what would take long
    profile.write_text(
        find("local").read_text().replace("sparse = true", "sparse = false").replace('"local"', '"bare"')
    )
    words = ["build", "--profile", str(profile), "--dataset", "svhn", "--train", "--data-dir", str(official)]
    words += ["--epochs", "1", "--recipe", "sides=8", "--test-images", "32", "--precision", "fp32"]
    made = sis_edge_here(*words, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    rows = reported_on("svhn")
    assert [row.name for row in rows] == ["nin", "svhn-sis1", "svhn-sis2", "svhn-sis3"]
    table = {line.split()[0]: line.split() for line in made.stdout.splitlines() if line.split()}
    for row in rows:
        assert table[row.name][1] == f"{row.synapses:,}"
        assert table[row.name][5] == f"{row.paper_accuracy['svhn']:.4f}"
    assert "trained here, on 50 test images, after 1 epoch of 96 images" in " ".join(made.stdout.split())
    again = sis_edge_here(*words, "--json", cwd=tmp_path)
    document = json.loads(again.stdout)
    assert (document["was_done"], document["left_out"]) == (True, [])
    bundle = tmp_path / "build" / "bare-svhn"
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["dataset"] == "svhn"
    for entry in manifest["networks"]:
        training = entry["training"]
        assert entry["synapses"] == PRESETS[entry["name"]].synapses
        assert (training["train_images"], training["host_test_images"], training["zoo"]) == (96, 50, None)
        assert "no flip" in training["recipe"], "a mirrored digit is another one, or none"
        assert len(training["host_wrong"].split()) == round(50 * (1 - training["host_accuracy"]))


def test_what_is_said_of_svhn_without_its_files(tmp_path: Path) -> None:
    made = sis_edge_here("zoo", "report", "--dataset", "svhn", cwd=tmp_path)
    assert made.returncode == 0
    text = (tmp_path / "reports/svhn/report.md").read_text().replace("\\", "")
    assert "Not measured: nin, svhn-sis1, svhn-sis2, svhn-sis3 on svhn. One command trains and measures: " in text
    assert "sis-edge build --profile x86-64 --dataset svhn --networks nin,svhn-sis1,svhn-sis2,svhn-sis3 --train" in text
