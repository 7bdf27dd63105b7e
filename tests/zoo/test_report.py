"""The zoo's report: what was measured beside the paper's figures, and what was not measured said plainly."""

import csv
import json
from pathlib import Path

import pytest

from sis_edge.bundles.wrong_images import pack
from sis_edge.cli import run
from sis_edge.formation import form, preset
from sis_edge.report.charts import svg
from sis_edge.results.statistics import paired_difference, paired_p_value
from sis_edge.spec import nin
from sis_edge.zoo import by_size
from sis_edge.zoo.charts import MACS, SYNAPSES, accuracy_over
from sis_edge.zoo.drops import ONLY_COUNTED
from sis_edge.zoo.entry import ZOO_VERSION, Repeat, ZooEntry, find
from sis_edge.zoo.report import write
from sis_edge.zoo.rows import other_rows, paper_rows
from sis_edge.zoo.tables import CAPTION, tables


def enter(
    folder: Path,
    name: str,
    network: str,
    accuracy: float,
    conv: str = "kernel",
    repeats: tuple[float, ...] = (),
    dataset: str = "cifar10",
    epochs: int = 7,
    teacher: str | None = None,
    wrong: range | None = None,
    only_counted: bool = False,
    architecture: str = "nin",
) -> None:
    formation = preset(network).formation(seed=0)
    graph = form(nin(), formation)
    entry = ZooEntry(
        zoo_version=ZOO_VERSION,
        name=name,
        preset=network if conv == "kernel" and architecture == "nin" else None,
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
        recipe={"epochs": epochs, "precision": "fp32", **({} if teacher is None else {"teacher": teacher})},
        recipe_words="a <recipe> & more",
        seed=5,
        train_images=50_000,
        accuracy=accuracy,
        test_images=10_000,
        weights_sha256="2" * 64,
        packages={},
        repeats=tuple(Repeat(seed=6 + at, accuracy=value) for at, value in enumerate(repeats)),
        wrong_images=None if only_counted else pack(wrong or range(round(10_000 * (1 - accuracy)))),
        architecture=architecture,
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
    enter(zoo, "small", "svhn-sis3", 0.88)
    enter(zoo, "resnet20", "svhn-sis3", 0.89, epochs=11, architecture="resnet20")
    assert not any("trained anew" in note for note in tables("cifar10", zoo)[1].notes), "another architecture"
    found = find(form(nin(), preset("cifar10-sis3").formation(seed=0)), "cifar10", zoo)
    assert found is not None
    assert found.name == "cifar10-sis3"


def test_what_drops_are_from_is_said_where_it_is_not_the_same_for_all(
    zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any(note.startswith("Behind") for table in tables("cifar10", zoo) for note in table.notes)
    enter(zoo, "nin-2", "nin", 0.92, epochs=11)
    enter(zoo, "cifar10-sis1", "cifar10-sis1", 0.91, epochs=11)
    notes = tables("cifar10", zoo)[0].notes
    assert {"Behind nin: cifar10-sis3.", "Behind nin-2: cifar10-sis1."} < set(notes)
    write("cifar10", tmp_path / "report", zoo)
    networks = json.loads((tmp_path / "report" / "results.json").read_text())["networks"]
    found = {row["network"]: row["reference"] for row in networks if row["reference"] is not None}
    assert found == {"cifar10-sis1": "nin-2", "cifar10-sis3": "nin", "half": "nin"}
    monkeypatch.setattr("sis_edge.zoo.entry.FOLDER", zoo)
    assert run(["zoo", "list"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "behind nin-2: cifar10-sis1 behind nin: half, cifar10-sis3" in said


def test_what_had_a_teacher_is_said_in_every_table_and_file(
    zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(zoo, "cifar10-sis2", "cifar10-sis2", 0.9, teacher="nin")
    enter(zoo, "other", "svhn-sis3", 0.88, teacher="nin")
    enter(zoo, "fashion", "svhn-sis3", 0.93, dataset="fashion_mnist", teacher="big")
    first, others, _ = tables("cifar10", zoo)
    assert first.notes.count("Taught by nin (distillation): cifar10-sis2.") == 1
    assert others.notes.count("Taught by nin (distillation): other.") == 1
    assert "Taught by big (distillation): fashion." in tables("fashion_mnist", zoo)[0].notes
    assert not any("Taught" in note for note in tables("svhn", zoo)[0].notes)
    sized = by_size.figures("cifar10", [*paper_rows("cifar10", zoo), *other_rows("cifar10", zoo)])
    taught = {figure.network for figure in sized if figure.source.endswith("; taught by nin")}
    assert taught == {"cifar10-sis2", "other"}
    write("cifar10", tmp_path / "report", zoo)
    networks = json.loads((tmp_path / "report" / "results.json").read_text())["networks"]
    assert {row["network"] for row in networks if row["teacher"] == "nin"} == {"cifar10-sis2", "other"}
    monkeypatch.setattr("sis_edge.zoo.entry.FOLDER", zoo)
    assert run(["zoo", "list"]) == 0
    assert "cifar10-sis2: taught by nin (distillation)" in capsys.readouterr().out


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
    assert "--dataset fashion_mnist --networks nin,cifar10-sis2,cifar10-sis3,svhn-sis3 --train" in empty.notes[1]
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
    chart = accuracy_over(SYNAPSES, by_size.figures("fashion_mnist", other_rows("fashion_mnist", zoo)), "")
    assert chart is not None
    assert "the paper" not in svg(chart) + chart.caption
    (paper, *_) = tables("cifar10", zoo)
    assert [line[0] for line in paper.texts if line[0].startswith("fashion")] == []


def test_every_format_says_the_same(zoo: Path, tmp_path: Path) -> None:
    paths = {path.name: path.read_text() for path in write("cifar10", tmp_path / "out", zoo)}
    assert set(paths) == {"index.html", "report.md", "results.csv", "results.json"} | {
        "accuracy-synapses.svg",
        "accuracy-macs.svg",
    }
    rows = json.loads(paths["results.json"])["networks"]
    table = list(csv.DictReader(paths["results.csv"].splitlines()))
    assert [row["network"] for row in rows] == [row["network"] for row in table]
    assert [row["accuracy"] for row in rows] == [float(row["accuracy"]) if row["accuracy"] else None for row in table]
    for text in (paths["report.md"], paths["index.html"]):
        assert "89.00% ±0.61" in text
        assert "cifar10-sis3, 3 seeds: 88.83% in the mean (88.50 to 89.00)" in text.replace("\\", "")
        assert "not measured" in text
    assert "89.00%" in paths["index.html"].split('<figure id="accuracy-synapses"')[1]  # the chart's words
    assert all("<svg" in paths[f"accuracy-{over}.svg"] for over in ("synapses", "macs"))
    assert "://" not in paths["index.html"].replace("http://www.w3.org", "")


def test_an_empty_zoo_has_a_report_without_a_chart(tmp_path: Path) -> None:
    (tmp_path / "zoo").mkdir()
    names = [path.name for path in write("cifar10", tmp_path / "out", tmp_path / "zoo")]
    assert names == ["index.html", "report.md", "results.csv", "results.json"]


def test_a_drop_has_its_paired_interval_and_p_or_says_why_not(tmp_path: Path) -> None:
    folder = tmp_path / "zoo"
    enter(folder, "nin", "nin", 0.92, wrong=range(800))
    enter(folder, "cifar10-sis1", "cifar10-sis1", 0.905, wrong=range(100, 1050))
    enter(folder, "cifar10-sis2", "cifar10-sis2", 0.90, only_counted=True)
    rows = {row.network: row for row in paper_rows("cifar10", folder)}
    expected = paired_difference(250, 100, 10_000)
    found = rows["cifar10-sis1"]
    assert (found.drop_low, found.drop_high, found.drop_is_paired) == (expected.low, expected.high, True)
    assert (found.drop_p_value, found.drop_reason) == (paired_p_value(250, 100), None)
    counted = rows["cifar10-sis2"]
    assert counted.drop == pytest.approx(0.02)
    assert (counted.drop_is_paired, counted.drop_p_value, counted.drop_reason) == (False, None, ONLY_COUNTED)
    paper = tables("cifar10", folder)[0]
    titles = [column.title for column in paper.columns]
    cells = {line[0]: dict(zip(titles, line, strict=True)) for line in paper.texts}
    assert (cells["cifar10-sis1"]["drop"], cells["cifar10-sis1"]["p"]) == ("1.50", "< 0.0001")
    assert cells["cifar10-sis1"]["95% interval"] == f"{100 * expected.low:.2f} to {100 * expected.high:.2f}"
    assert cells["cifar10-sis2"]["95% interval"].endswith("(unpaired)")
    assert cells["cifar10-sis2"]["p"] == cells["nin"]["p"] == "-"
    assert f"No p for cifar10-sis2: {ONLY_COUNTED}." in paper.notes
    assert "the same images went through both networks" in CAPTION


def test_by_size_has_ours_the_paper_s_and_others_with_sources(zoo: Path) -> None:
    enter(zoo, "resnet20", "cifar10-sis3", 0.92, architecture="resnet20")
    found = by_size.figures("cifar10", [*paper_rows("cifar10", zoo), *other_rows("cifar10", zoo)])
    assert [each.network for each in found if each.whose == "ours"] == ["nin", "cifar10-sis3", "half", "resnet20"]
    assert sum(each.whose == "the paper" for each in found) == 4, "also of what was not trained here"
    others = [each for each in found if each.whose == "others"]
    assert all(each.source.startswith("quoted: ") and (each.macs is None) == bool(each.macs_reason) for each in others)
    table = by_size.table("cifar10", found)
    counts = [int(line[3].replace(",", "")) for line in table.texts]
    assert counts == sorted(counts, reverse=True)
    assert len(table.texts) == len(found)
    series = {each.network: each.series for each in found if each.whose == "ours"}
    assert series["resnet20"] == "resnet20: kernel / neuron, uniform"
    over_synapses, over_macs = (accuracy_over(size, found, "") for size in (SYNAPSES, MACS))
    assert over_synapses is not None
    assert over_macs is not None
    assert "WRN-22-2 (others) 215,000 synapses 91.20%" in over_synapses.alt
    assert "WRN-22-2" not in over_macs.alt, "its source has no count"
    assert "ResNet-8" not in over_synapses.alt, "a target is nothing that a network reached"
    assert "ResNet-20 (others) 41,290,000 MACs 94.03%" in over_macs.alt
