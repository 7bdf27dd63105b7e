"""`sis-edge zoo`, as people see it, on the networks that come with the package."""

import pytest

from sis_edge import zoo
from sis_edge.cli import run


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
