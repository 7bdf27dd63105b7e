"""`sis-edge sweep`: what it prints, writes and refuses."""

import csv
import json
import re
from pathlib import Path

import pytest
import torch

from sis_edge.cli import run

torch.set_num_threads(1)

SMALL = [
    *("sweep", "--dataset", "digits", "--t-c", "0.05", "--t-p", "0.1", "--granularity", "neuron,kernel"),
    *("--seeds", "0,1", "--epochs", "2", "--limit", "64", "--held-out", "100", "--precision", "fp32"),
]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.slow
def test_a_sweep_from_end_to_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--distribution", "uniform,erk"]) == 0
    shown = capsys.readouterr()
    assert max(map(len, shown.out.splitlines())) <= 80
    text = " ".join(shown.out.split())
    assert "digits: accuracy on 100 held-out training images" in text
    assert "n = 100 held-out training images, never test images" in text
    assert "Left out: 0.05, 0.1, neuron, erk: distribution erk is of granularity kernel" in text
    assert shown.err.count("trial ") == 6
    folder = Path("sweeps/digits")
    with (folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    data = json.loads((folder / "results.json").read_text())
    assert (data["held_out_images"], data["train_images"], data["failed"]) == (100, 64, [])
    assert len(data["lines"]) == 3
    for line in data["lines"]:
        accuracies = [float(row["accuracy"]) for row in rows if row["key"] in {each["key"] for each in line["trials"]}]
        assert line["accuracy"] == pytest.approx(sum(accuracies) / 2)
        assert f"{line['synapses']:,.0f}" in text
        assert f"{100 * line['accuracy']:.2f}%" in text
    report = (folder / "report.md").read_text()
    assert "![Scatter chart: 0.05, 0.1, " in report
    assert "(accuracy-synapses.svg)" in report
    assert (folder / "accuracy-synapses.svg").read_text().startswith("<svg")
    page = (folder / "index.html").read_text()
    assert all(f"{line['synapses']:,.0f}" in page for line in data["lines"])
    assert page.count("0.05, 0.1, kernel, uniform: ") >= 3  # the chart: a point for the mean and for each seed
    names = ("results.csv", "results.json", "report.md", "index.html")
    written = {name: (folder / name).read_bytes() for name in names}

    assert run([*SMALL, "--distribution", "uniform,erk"]) == 0  # again: nothing to train, the same tables
    assert "loss" not in capsys.readouterr().err
    assert written == {name: (folder / name).read_bytes() for name in written}


def test_recipes_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--granularity", "kernel", "--seeds", "0", "--recipe", "default", "--recipe", "cutout=6,ema_decay=0.5"]
    assert run([*SMALL, *words]) == 0
    shown = capsys.readouterr()
    assert max(map(len, shown.out.splitlines())) <= 80
    text = " ".join(shown.out.split())
    assert "cutout=6, ema_decay=0.5 " in shown.out, "in one line, for what is alike in all lines has no column"
    assert "All lines: budget 0.05, 0.1, CL units kernel, distribution uniform." in text
    assert "CL units " not in shown.out.partition("─")[0]
    assert "Recipe cutout=6, ema_decay=0.5: Muon 0.9, batch 32" in text
    assert "no flip, sides 24, 32, cutout 6, weights averaged (EMA 0.5)." in text
    data = json.loads(Path("sweeps/digits/results.json").read_text())
    assert {line["recipe"] for line in data["lines"]} == {"default", "cutout=6,ema_decay=0.5"}
    assert data["recipes"]["default"] == data["recipe"]
    assert data["recipes"]["cutout=6,ema_decay=0.5"] == data["recipe"] | {"cutout": 6, "ema_decay": 0.5}
    with Path("sweeps/digits/results.csv").open() as file:
        assert {row["recipe"] for row in csv.DictReader(file)} == set(data["recipes"])
    assert "| recipe |" in Path("sweeps/digits/report.md").read_text()


def test_what_all_recipes_set_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--granularity kernel --seeds 0 --recipe batch_size=64 --recipe batch_size=64,cutout=6"
    assert run([*SMALL, *words.split()]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "distribution uniform, recipe batch_size=64." in text
    assert re.search(r"─ (nothing else .+ cutout=6|cutout=6 .+ nothing else) ", text)
    assert "Recipe cutout=6: Muon 0.9, batch 64" in text
    assert "Recipe batch_size=64: Muon 0.9, batch 64" in text
    assert re.search(r"by chance\): 0\.05, 0\.1, kernel, uniform(, cutout=6)?;", text)
    page = Path("sweeps/digits/index.html").read_text()
    assert ">0.05, 0.1, cutout=6<" in page, "in the chart"
    data = json.loads(Path("sweeps/digits/results.json").read_text())
    assert {line["recipe"] for line in data["lines"]} == {"batch_size=64", "batch_size=64,cutout=6"}, (
        "whole, for programs"
    )


def test_the_same_budget_in_other_units(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--dataset", "digits", "--preset", "svhn-sis3", "--granularity", "block:16,neuron", "--epochs", "1"]
    assert run(["sweep", *words, "--limit", "64", "--held-out", "100"]) == 0
    shown = capsys.readouterr()
    assert max(map(len, shown.out.splitlines())) <= 80
    text = " ".join(shown.out.split())
    assert "to come nearest to the budget's count: svhn-sis3, neuron, uniform (t_c 0.333333, t_p 0.25)." in text
    with Path("sweeps/digits/results.csv").open() as file:
        rows = {row["conv"]: row for row in csv.DictReader(file)}
    assert {conv: row["block"] for conv, row in rows.items()} == {"block": "16", "neuron": ""}
    assert int(rows["block"]["synapses"]) == 82_288
    assert "trial 1 of 2: t_c 0.25, t_p 0.25, block:16, uniform, seed 0:" in " ".join(shown.err.split())


def test_a_failed_trial_is_told_and_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--granularity", "neuron", "--folder", "s"]) == 0
    name = json.loads(Path("s/results.json").read_text())["lines"][0]["trials"][1]["key"][:20]
    (Path("s/trials") / f"{name}.json").unlink()
    stage = Path("s/.stages") / f"train-{name}"
    for file in stage.iterdir():
        file.unlink()
    stage.rmdir()
    stage.touch()
    capsys.readouterr()
    assert run([*SMALL, "--granularity", "neuron", "--folder", "s"]) == 1
    shown = capsys.readouterr()
    assert "1 of 2 trials failed; run the same command again to retry only those" in shown.err
    assert "Failed: t_c 0.05, t_p 0.1, neuron, uniform, seed 1:" in " ".join(shown.out.split())
    data = json.loads(Path("s/results.json").read_text())
    assert [failure["seed"] for failure in data["failed"]] == [1]
    assert len(data["lines"][0]["trials"]) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "a sweep needs either --preset NAME,NAME or densities"),
        (["--preset", "nin", "--t-c", "0.5"], "a sweep needs either --preset"),
        (["--preset", "sis9"], "unknown preset 'sis9'; known: nin"),
        (
            ["--t-c", "half"],
            "--t-c is 'half', and must be numbers above 0 and up to 1, comma-separated, such as 0.25,0.5,1",
        ),
        (["--t-c", "0"], "--t-c is '0', and must be numbers above 0"),
        (["--t-c", "0,25"], "comma-separated, such as 0.25,0.5,1; write a decimal point: 0.25"),
        (
            ["--t-c", "0.5", "--seeds", "1,-1"],
            "--seeds is '1,-1', and must be seeds (0 to 4294967295), comma-separated, such as 0,1,2",
        ),
        (["--t-c", "0.5", "--seeds", "x"], "--seeds is 'x', and must be seeds"),
        (["--t-c", "0.5", "--granularity", "x"], "unknown granularity 'x'; known: kernel"),
        (["--t-c", "0.5", "--distribution", "x"], "unknown distribution 'x'; known: uniform, erk"),
        (
            ["--t-c", "0.5", "--held-out", "1296"],
            "cannot hold out 1,296 of 1,297 training images",
        ),
        (["--t-c", "0.5", "--recipe", "cutuot=8"], "unknown recipe setting 'cutuot'; did you mean cutout?"),
        (["--t-c", "0.5", "--dataset", "x"], "unknown data set 'x'; known: digits"),
        (
            ["--t-c", "0.5", "--jobs", "0"],
            "--jobs is '0', and must be 1 or more. See `sis-edge sweep --help`.",
        ),
    ],
)
def test_what_cannot_be_meant(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "--dataset", "digits", *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
