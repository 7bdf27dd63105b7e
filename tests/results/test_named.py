"""Which stored run somebody means."""

from pathlib import Path

import pytest

from results.two_runs_of import on_board
from sis_edge.errors import RecordError
from sis_edge.results import store
from sis_edge.results.named import find


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of few rounds; the second was stored again, as with a meter's energy."""
    place = tmp_path_factory.mktemp("runs")
    for seed, day in ((0xA1, 22), (0xB1, 23), (0xB2, 24)):
        store.save(on_board(seed, day=day, rounds=2, per_round=2), place)
    again = on_board(0xB1, day=23, rounds=2, per_round=2)
    store.save(again.model_copy(update={"board": "again", "stored_at": on_board(1, day=25).stored_at}), place)
    return place


def test_by_id_by_place_and_by_file(folder: Path) -> None:
    assert find("20261122-0000a1", folder).run.record.run_id == "20261122-0000a1"
    assert find("20261122", folder).run.record.run_id == "20261122-0000a1"
    assert find("20261123-0000b1", folder).run.board == "again", "of copies the last"
    assert find("latest", folder).run.record.run_id == "20261123-0000b1"
    assert find("latest~1", folder).run.record.run_id == "20261124-0000b2"
    assert find(str(folder), Path("elsewhere")).run.board == "again"
    first = sorted(folder.iterdir())[0]
    assert find(str(first), Path("elsewhere")).run.record.run_id == "20261122-0000a1"
    assert find("latest", folder).network is None


def test_one_network_of_a_run(folder: Path) -> None:
    for name in ("latest:cifar10-sis2", "20261123:cifar10-sis2", f"{folder}:cifar10-sis2"):
        entry, record = find(name, folder).network
        assert entry.name == record.network == "cifar10-sis2"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("202611", "'202611' is the beginning of several runs: 20261122-0000a1, 20261123-0000b1, 20261124-0000b2"),
        ("2025", "there is no run '2025' in .*; the newest is 20261123-0000b1, and `latest`, a file or a folder"),
        ("", "there is no run ''"),
        ("latest~4", "'latest~4' is before the first run: .* has 4"),
        ("runs/none.json", "runs/none.json cannot be read"),
    ],
)
def test_a_run_that_is_not_there_is_named(folder: Path, name: str, sentence: str) -> None:
    with pytest.raises(RecordError, match=sentence):
        find(name, folder)


def test_an_empty_folder_has_no_run(tmp_path: Path) -> None:
    for name in ("latest", "2026", str(tmp_path)):
        with pytest.raises(RecordError, match="there is no stored run in"):
            find(name, tmp_path)
