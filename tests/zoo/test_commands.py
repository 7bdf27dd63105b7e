"""`sis-edge zoo`, as people see it, on the networks that come with the package."""

import json
from dataclasses import replace
from statistics import mean
from types import SimpleNamespace

import pytest

from sis_edge import datasets, zoo
from sis_edge.bundles.wrong_images import unpack
from sis_edge.cli import run
from sis_edge.cli.zoo import AGREES
from sis_edge.formation import form, preset
from sis_edge.report.rows import p_value
from sis_edge.spec import nin
from sis_edge.training import evaluate
from sis_edge.zoo import samples
from sis_edge.zoo.drops import ONLY_COUNTED, drop_from_dense
from sis_edge.zoo.entry import named


def test_the_list_fits_80_columns_and_has_every_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["zoo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    entries = zoo.entries()
    for dataset in {entry.dataset for entry in entries}:
        start = next(at for at, line in enumerate(lines) if line.startswith(f"trained on {dataset}, "))
        table = [line.split() for line in lines[start + 1 :]]
        for entry in (entry for entry in entries if entry.dataset == dataset):
            cells = next(cells for cells in table if cells[:1] == [entry.name])
            drop = drop_from_dense(entry, entries)
            assert cells[1:3] == [f"{entry.synapses:,}", f"{entry.accuracy:.4f}"]
            if (lost := drop.estimate.value) is None:
                assert cells[3:6] == ["-", "-", "-"]
                continue
            ends, p = drop.interval.value, drop.p_value.value
            assert ends is not None
            assert p is not None
            interval = [f"{100 * ends.low:.2f}", "to", f"{100 * ends.high:.2f}"]
            assert cells[3:8] == [f"{100 * lost:.2f}", *interval, *p_value(p).split()[:1]]
    said = " ".join(" ".join(lines).split())
    for entry in entries:
        if entry.repeats:
            assert f"{entry.name}: {len(entry.accuracies)} seeds, mean {mean(entry.accuracies):.4f}" in said
    for epochs in {entry.recipe["epochs"] for entry in entries}:
        assert f"trained for {epochs} epochs: " in said


def test_an_entry_that_only_counted_has_no_p_and_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = [named("nin"), named("cifar10-sis1").model_copy(update={"wrong_images": None})]
    monkeypatch.setattr(zoo, "entries", lambda: counted)
    assert run(["zoo", "list"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"* cifar10-sis1: interval of two samples, no p: {ONLY_COUNTED}" in said


def test_one_network_is_shown_with_its_seeds_and_hashes(capsys: pytest.CaptureFixture[str]) -> None:
    for entry in zoo.entries():
        assert run(["zoo", "show", entry.name]) == 0
        said = capsys.readouterr().out
        assert f"{entry.accuracy:.4f} on {entry.test_images:,} test images of {entry.dataset}" in said
        assert entry.graph_sha256 in said
        assert entry.weights_sha256 in said
        assert all(f"seed {repeat.seed} {repeat.accuracy:.4f}" in said for repeat in entry.repeats)


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
    stored = drop_from_dense(entry, zoo.entries())
    assert (said["drop"], said["drop_p_value"]) == (stored.estimate.value, stored.p_value.value)


@pytest.mark.parametrize("images", [5, -5, 0, 6, -6])
def test_an_accuracy_measured_again_agrees_within_the_tolerance(
    images: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 10,000 test images, 5 may come out otherwise, either way; 6 may not."""
    assert AGREES == 0.0005
    entry = named("nin")
    data = SimpleNamespace(sha256=entry.dataset_sha256, test=range(entry.test_images))
    monkeypatch.setattr(zoo, "load", lambda entry: None)
    monkeypatch.setattr(datasets, "load", lambda name, **_: data)
    measured = (round(entry.accuracy * entry.test_images) + images) / entry.test_images
    monkeypatch.setattr(evaluate, "accuracy", lambda *_: measured)
    agrees = abs(images) <= 5
    assert run(["zoo", "evaluate", "nin"]) == (0 if agrees else 9)
    said = capsys.readouterr()
    assert ("which agrees" in said.out) is agrees
    assert (f"nin reaches {measured:.4f} on 10,000 test images of cifar10 here" in said.err) is not agrees


def test_other_data_are_not_evaluated(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(zoo, "load", lambda entry: None)
    monkeypatch.setattr(datasets, "load", lambda name, **_: SimpleNamespace(sha256="0" * 64, test=range(10_000)))
    assert run(["zoo", "evaluate", "nin"]) == 9
    assert "is not the data that nin was trained on" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cifar10-sis2", "cifar10-sis3", "svhn-sis3"])
def test_what_a_build_takes_was_trained_as_the_dense_network(name: str) -> None:
    dense = zoo.find(form(nin(), preset("nin").formation()), "cifar10")
    found = zoo.find(form(nin(), preset(name).formation()), "cifar10")
    assert dense is not None
    assert found is not None
    assert found.is_trained_as(dense)


def test_none_was_trained_for_longer_than_the_dense_network_that_it_is_compared_with() -> None:
    """Nor with a teacher where that one had none: no drop is made smaller by training."""
    entries = zoo.entries()
    for entry in entries:
        dense = max((other for other in entries if is_reference(other, entry)), key=epochs, default=None)
        assert dense is None or epochs(entry) <= epochs(dense), entry.name
        assert dense is None or entry.teacher in (None, dense.teacher), entry.name


def is_reference(other: zoo.ZooEntry, entry: zoo.ZooEntry) -> bool:
    return other.is_dense and (other.dataset, other.architecture) == (entry.dataset, entry.architecture)


def epochs(entry: zoo.ZooEntry) -> int:
    return int(entry.recipe["epochs"])


def test_the_images_that_a_network_gets_wrong_are_as_many_as_its_accuracy_says() -> None:
    entries = [entry for entry in zoo.entries() if entry.wrong_images is not None]
    assert {entry.name for entry in entries} >= {"nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3"}
    for entry in entries:
        wrong = unpack(entry.wrong_images or "")
        assert len(wrong) == round((1 - entry.accuracy) * entry.test_images)
        assert max(wrong) < entry.test_images
