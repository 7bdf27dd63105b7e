"""The zoo's report: what was measured beside the paper's figures, and what was not measured said plainly."""

import csv
import json
from pathlib import Path

import pytest

from sis_edge.formation import form, preset
from sis_edge.spec import nin
from sis_edge.zoo.entry import ZOO_VERSION, Repeat, ZooEntry, find
from sis_edge.zoo.report import accuracy_synapses, write
from sis_edge.zoo.tables import other_rows, paper_rows, tables


def enter(
    folder: Path,
    name: str,
    network: str,
    accuracy: float,
    conv: str = "kernel",
    repeats: tuple[float, ...] = (),
    dataset: str = "cifar10",
    epochs: int = 7,
) -> None:
    formation = preset(network).formation(seed=0)
    graph = form(nin(), formation)
    entry = ZooEntry(
        zoo_version=ZOO_VERSION,
        name=name,
        preset=network if conv == "kernel" else None,
        granularity=f"{conv} / neuron",
        distribution="uniform",
        t_c=formation.t_c,
        t_p=formation.t_p,
        graph_seed=0,
        graph_sha256=graph.digest() if conv == "kernel" else "0" * 64,
        synapses=graph.synapse_count,
        macs=graph.macs,
        dataset=dataset,
        dataset_sha256="1" * 64,
        recipe={"epochs": epochs, "precision": "fp32"},
        recipe_words="a <recipe> & more",
        seed=5,
        train_images=50_000,
        accuracy=accuracy,
        test_images=10_000,
        weights_sha256="2" * 64,
        packages={},
        repeats=tuple(Repeat(seed=6 + at, accuracy=value) for at, value in enumerate(repeats)),
    )
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(entry.model_dump_json())


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    folder = tmp_path / "zoo"
    enter(folder, "nin", "nin", 0.91)
    enter(folder, "cifar10-sis3", "cifar10-sis3", 0.89, repeats=(0.885, 0.89))
    enter(folder, "half", "cifar10-sis2", 0.88, conv="neuron")
    return folder


def test_measured_and_missing_rows(zoo: Path) -> None:
    rows = {row.network: row for row in paper_rows("cifar10", zoo)}
    assert list(rows) == ["nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3"]
    measured = rows["cifar10-sis3"]
    assert (measured.accuracy, measured.test_images, measured.epochs) == (0.89, 10_000, 7)
    assert measured.drop == pytest.approx(0.02)
    assert measured.difference == pytest.approx(0.89 - 0.8646)
    assert measured.half_width == pytest.approx(1.96 * (0.89 * 0.11 / 10_000) ** 0.5)
    assert measured.synapses_ratio == pytest.approx(3.983, abs=1e-3)
    assert (measured.seeds, measured.least_accuracy, measured.most_accuracy) == (3, 0.885, 0.89)
    assert measured.mean_accuracy == pytest.approx((0.885 + 2 * 0.89) / 3)
    assert rows["nin"].drop is None
    assert (rows["nin"].seeds, rows["nin"].mean_accuracy) == (1, 0.91)
    missing = rows["cifar10-sis1"]
    assert missing.accuracy is missing.drop is missing.difference is missing.half_width is None
    assert (missing.seeds, missing.mean_accuracy) == (0, None)
    assert missing.reason
    assert "not trained" in missing.reason
    assert [row.network for row in other_rows("cifar10", zoo)] == ["half"]


def test_the_same_network_trained_longer_stands_beside_it_and_is_not_built_with_what_was_trained_less(
    zoo: Path,
) -> None:
    enter(zoo, "cifar10-sis3-long", "cifar10-sis3", 0.9, epochs=11)
    rows = [(row.network, row.epochs) for row in paper_rows("cifar10", zoo) if row.network.startswith("cifar10-sis3")]
    assert rows == [("cifar10-sis3", 7), ("cifar10-sis3-long", 11)]
    again = [note for note in tables("cifar10", zoo)[0].notes if "trained anew" in note]
    assert len(again) == 1
    assert again[0].startswith("cifar10-sis3-long is cifar10-sis3 trained anew for 11 epochs")
    found = find(form(nin(), preset("cifar10-sis3").formation(seed=0)), "cifar10", zoo)
    assert found is not None
    assert found.name == "cifar10-sis3"


def test_what_was_not_measured_is_said_with_the_command(zoo: Path) -> None:
    first, others, svhn = tables("cifar10", zoo)
    assert [line[0] for line in others.texts] == ["half"]
    assert "cifar10-sis1, cifar10-sis2 on cifar10" in first.notes[1]
    assert "--networks cifar10-sis1,cifar10-sis2 --train" in first.notes[1]
    assert not any("trained anew" in note for note in first.notes)
    assert "Table 2" in svhn.title
    assert {line[5] for line in svhn.texts} == {"not measured"}
    assert "--dataset svhn --networks nin,svhn-sis1,svhn-sis2,svhn-sis3 --train" in svhn.notes[0]


def test_a_data_set_without_a_figure_in_the_paper(zoo: Path) -> None:
    (empty,) = tables("fashion_mnist", zoo)
    assert empty.texts == ()
    assert "--dataset fashion_mnist --networks nin,svhn-sis3 --train" in empty.notes[1]
    enter(zoo, "fashion-nin", "nin", 0.94, dataset="fashion_mnist")
    enter(zoo, "fashion-svhn-sis3", "svhn-sis3", 0.93, dataset="fashion_mnist")
    (ours,) = tables("fashion_mnist", zoo)
    assert ours.notes == ("The paper has no figure on fashion_mnist.",)
    headings = [column.title for column in ours.columns]
    assert "drop" in headings
    assert not {"paper", "over paper"} & set(headings)
    assert [(line[0], line[headings.index("drop")]) for line in ours.texts] == [
        ("fashion-nin", "-"),
        ("fashion-svhn-sis3", "1.00"),
    ]
    chart = accuracy_synapses(other_rows("fashion_mnist", zoo), "")
    assert chart is not None
    assert "the paper" not in json.dumps(chart.spec) + chart.caption
    (paper, *_) = tables("cifar10", zoo)
    assert [line[0] for line in paper.texts if line[0].startswith("fashion")] == []


def test_every_format_says_the_same(zoo: Path, tmp_path: Path) -> None:
    paths = {path.name: path.read_text() for path in write("cifar10", tmp_path / "out", zoo)}
    assert set(paths) == {"index.html", "report.md", "results.csv", "results.json", "accuracy-synapses.svg"}
    rows = json.loads(paths["results.json"])["networks"]
    table = list(csv.DictReader(paths["results.csv"].splitlines()))
    assert [row["network"] for row in rows] == [row["network"] for row in table]
    assert [row["accuracy"] for row in rows] == [float(row["accuracy"]) if row["accuracy"] else None for row in table]
    for text in (paths["report.md"], paths["index.html"]):
        assert "89.00% ±0.61" in text
        assert "cifar10-sis3, 3 seeds: 88.83% in the mean (88.50 to 89.00)" in text.replace("\\", "")
        assert "not measured" in text
    assert "89.00%" in paths["index.html"].split("spec-accuracy-synapses")[1]  # the chart's words
    assert "<svg" in paths["accuracy-synapses.svg"]
    assert "://" not in paths["index.html"].split("<script>")[0].replace("http://www.w3.org", "").replace(
        "https://vega", ""
    )


def test_an_empty_zoo_has_a_report_without_a_chart(tmp_path: Path) -> None:
    (tmp_path / "zoo").mkdir()
    names = [path.name for path in write("cifar10", tmp_path / "out", tmp_path / "zoo")]
    assert names == ["index.html", "report.md", "results.csv", "results.json"]
