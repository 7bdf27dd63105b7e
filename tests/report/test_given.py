"""Reports of networks that sis-edge did not form: nothing that is not true of them, in every format."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from results.factory import HASH, stored_run
from results.given import given_network, given_run, labelled, two_runtimes
from rich.console import Console

from sis_edge import report
from sis_edge.cli.documents.runs import reported
from sis_edge.front.runs import Run, compare
from sis_edge.report import terminal
from sis_edge.report.document import document
from sis_edge.results.schema import StoredRun

ONLY_OF_FORMED = re.compile(r"synap|paper|\bSiS\b|dense|NiN|ceiling|PyTorch|architectural", re.IGNORECASE)


def _terminal(run: StoredRun) -> str:
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(terminal.table(run))
    return console.export_text()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    report.write([given_run()], folder)
    return folder


@pytest.mark.parametrize("name", ["report.md", "index.html"])
def test_a_report_says_nothing_of_what_sis_edge_forms(written: Path, name: str) -> None:
    text = (written / name).read_text(encoding="utf-8")
    if name == "index.html":  # without scripts and styles, attributes and the pictures' definitions
        text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    text = text.replace("sis-edge", "").replace("expected-from", "")
    assert not [text[max(0, found.start() - 60) : found.end() + 20] for found in ONLY_OF_FORMED.finditer(text)]


def test_a_report_says_what_was_measured_and_of_what(written: Path) -> None:
    text = (written / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert text.startswith("# mobilenet against resnet on QEMU Standard PC")
    assert "**mobilenet**: 1.8" in text
    assert "the speed of resnet" in text
    assert f"my-resnet.onnx (ONNX, opset 17), SHA-256 {HASH}" in text
    assert "image 1x3x224x224 float32; mask 1x10 int64; random inputs (seed 0)" in text
    assert "the time of networks whose work depends on the values may differ on real ones" in text
    assert "11,689,512" in text
    assert "## Accuracy" not in text
    assert "sis-edge bundle make --onnx resnet=my-resnet.onnx --shape resnet:image=1x3x224x224" in text


def test_real_inputs_are_not_called_random(tmp_path: Path) -> None:
    entries = (given_network("resnet", inputs_are_random=False, inputs_seed=None),)
    report.write([given_run(entries=entries)], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "andom inputs" not in text
    assert "given by the user" in text


def test_labels_bring_the_accuracy_table_and_its_chart(tmp_path: Path) -> None:
    entries = tuple(given_network(name, labels=f"given/{name}/labels.npy") for name in ("resnet", "mobilenet"))
    report.write([given_run(labelled("resnet", 90), labelled("mobilenet", 80), entries=entries)], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "## Accuracy" in text
    assert "| 80.00% | 71.12% to 86.66% | 83.00% | 100 | resnet | 10.00 |" in text
    assert (tmp_path / "accuracy-latency.svg").exists()
    shown = _terminal(given_run(labelled("resnet", 90), labelled("mobilenet", 80), entries=entries))
    assert "Top-1" in shown
    assert "rounds, 100 labels." in " ".join(shown.split())
    assert "test images" not in shown + text


def test_two_runtimes_have_a_table_of_their_own(tmp_path: Path) -> None:
    report.write([two_runtimes()], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "## Same network, two runtimes" in text
    assert "| Network | Precision | p50 with tensorrt | p50 with onnxruntime | onnxruntime over tensorrt |" in text
    line = next(line for line in text.splitlines() if line.startswith("| resnet | fp32 |"))
    assert line.endswith("| 0.50× |")
    assert "speed-ups are over resnet (tensorrt), on the first of them" in text
    assert "--backend tensorrt,onnxruntime" in text
    lines = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text(encoding="utf-8"))))
    assert [line["runner"] for line in lines] == ["tensorrt", "onnxruntime"] * 2
    assert [line["own_dense"] for line in lines] == ["", "", "resnet (tensorrt)", "resnet (onnxruntime)"]


def test_one_runtime_has_no_such_table() -> None:
    for run in (given_run(), stored_run(names=("nin", "cifar10-sis1"))):
        assert "runtimes" not in [table.name for table in document([run]).sections[0].tables]


@pytest.mark.parametrize("run", [given_run(), two_runtimes()], ids=["one runtime", "two"])
def test_a_terminal_of_80_columns_holds_it(run: StoredRun) -> None:
    text = _terminal(run)
    assert max(map(len, text.splitlines())) <= 80
    assert "resnet" in text
    assert "reference" in text
    assert "batch" not in text
    assert not ONLY_OF_FORMED.search(text)


def test_reports_of_both_kinds_stand_side_by_side(tmp_path: Path) -> None:
    report.write([stored_run(names=("nin", "cifar10-sis1")), given_run()], tmp_path)
    runs = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["runs"]
    assert [[network["network"] for network in run["networks"]] for run in runs] == [
        ["nin", "cifar10-sis1"],
        ["resnet", "mobilenet"],
    ]


def test_the_front_door_and_the_documents_take_them() -> None:
    run = Run(two_runtimes())
    assert set(run.speed_ups()) == {"resnet (onnxruntime)", "mobilenet (tensorrt)", "mobilenet (onnxruntime)"}
    assert repr(run).startswith("resnet, mobilenet on QEMU Standard PC")
    assert "mobilenet (onnxruntime)" in repr(compare(run, Run(stored_run())))
    found = reported([run.stored], [])
    assert found.runs[0].runtimes == ("tensorrt", "onnxruntime")
    assert [network.runner for network in found.runs[0].networks] == ["tensorrt", "onnxruntime"] * 2
