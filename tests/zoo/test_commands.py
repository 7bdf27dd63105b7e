"""`sis-edge zoo`, as people see it, on the networks that come with the package."""

import json
from dataclasses import replace

import pytest

from sis_edge import datasets, zoo
from sis_edge.cli import run
from sis_edge.errors import RecordError
from sis_edge.zoo import samples


def test_the_list_fits_80_columns_and_has_every_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["zoo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    entries = zoo.entries()
    for dataset in {entry.dataset for entry in entries}:
        start = lines.index(next(line for line in lines if line.split() == ["trained", "on", dataset]))
        table = [line.split() for line in lines[start + 1 :]]
        dense = {entry.dataset: entry for entry in entries if entry.preset == "nin"}.get(dataset)
        for entry in (entry for entry in entries if entry.dataset == dataset):
            cells = next(cells for cells in table if cells[:1] == [entry.name])
            drop = "-" if dense in (None, entry) else f"{100 * (dense.accuracy - entry.accuracy):.2f}"
            numbers = [f"{entry.synapses:,}", f"{entry.recipe['epochs']}", f"{entry.accuracy:.4f}"]
            assert cells[1:6] == [*numbers, f"{entry.test_images:,}", drop]


def test_one_network_is_shown_with_its_seeds_and_hashes(capsys: pytest.CaptureFixture[str]) -> None:
    for entry in zoo.entries():
        assert run(["zoo", "show", entry.name]) == 0
        said = capsys.readouterr().out
        assert f"{entry.accuracy:.4f} on {entry.test_images:,} test images of {entry.dataset}" in said
        assert entry.graph_sha256 in said
        assert entry.weights_sha256 in said
        assert all(f"seed {repeat.seed} {repeat.accuracy:.4f}" in said for repeat in entry.repeats)


@pytest.mark.parametrize(("turned", "agrees"), [(0, True), (4, True), (-4, True), (6, False), (-6, False)])
def test_an_accuracy_measured_again_agrees_within_five_images_of_ten_thousand(
    turned: int, agrees: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = zoo.entries()[0]
    data = samples.load(entry.dataset)
    monkeypatch.setattr(datasets, "load", lambda *args, **options: data)
    monkeypatch.setattr("sis_edge.training.evaluate.accuracy", lambda *args: entry.accuracy + turned / 10_000)
    code = run(["zoo", "evaluate", entry.name])
    said = capsys.readouterr()
    if agrees:
        assert code == 0
        assert f"the zoo says {entry.accuracy:.4f}, which agrees" in " ".join(said.out.split())
    else:
        assert code == RecordError.exit_code
        assert f"reaches {entry.accuracy + turned / 10_000:.4f}" in " ".join(said.err.split())


def test_the_accuracy_is_measured_anew_on_the_test_images(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the network and 100 real images; the sample reaches what the whole set reaches, up to chance."""
    entry = zoo.entries()[0]
    data = samples.load(entry.dataset)
    assert data is not None
    few = replace(data, test=data.test.first(100))
    monkeypatch.setattr(datasets, "load", lambda *args, **options: few)
    monkeypatch.setattr("sis_edge.cli.zoo.AGREES", 0.15)
    assert run(["zoo", "evaluate", entry.name, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["test_images"] == 100
    assert abs(said["accuracy"] - entry.accuracy) < 0.15


def test_other_images_than_the_trained_ones_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = zoo.entries()[0]
    data = samples.load(entry.dataset)
    assert data is not None
    monkeypatch.setattr(datasets, "load", lambda *args, **options: replace(data, sha256="0" * 64))
    assert run(["zoo", "evaluate", entry.name]) == RecordError.exit_code
    assert "is not the data that" in " ".join(capsys.readouterr().err.split())
