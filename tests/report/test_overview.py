import gzip
import json
import os
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from command import sis_edge_here
from results.factory import failed, network_record, stored_run

from report.page import Page
from sis_edge.errors import DiskError, RecordError
from sis_edge.files import own_code
from sis_edge.report import files, overview, run_pages, summaries
from sis_edge.report.csv import to_csv
from sis_edge.report.document import Report, section
from sis_edge.report.json import to_json
from sis_edge.results import store
from sis_edge.results.comparison import compare
from sis_edge.results.schema import StoredRun

FIRST = stored_run(names=("nin", "cifar10-sis3"), rounds=6, per_round=4, run_id="first")
_later = stored_run([failed("nin")], run_id="second", stored_at=FIRST.stored_at + timedelta(days=1), board="pi@b:22")
SECOND = _later.model_copy(update={"record": _later.record._replace(duration_s=1.0)})


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all: the statistics of the two runs are computed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def runs(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIS_EDGE_CACHE", str(cache))
    for run in (FIRST, SECOND):
        store.save(run, tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose pages were drawn; drawing itself is tested elsewhere."""
    found: list[str] = []

    def run_page(run: StoredRun, seed: int = 0) -> str:
        found.append(run.record.run_id)
        return f"<h1>{run.record.run_id}</h1>\n"

    monkeypatch.setattr(run_pages, "run_page", run_page)
    return found


def links(page: Path) -> dict[str, Path]:
    """Where the links of a page lead, by their texts."""
    found = re.findall(r'<a href="([^"#:]+)">([^<]+)</a>', page.read_text())
    return {text: page.parent / unquote(target) for target, text in found}


def test_all_runs_as_one_overview_with_links_to_their_pages(tmp_path: Path, runs: Path, drawn: list[str]) -> None:
    (runs / "0.json").write_text("{")
    found = overview.write_all(runs, tmp_path / "all")
    page = tmp_path / "all" / "index.html"
    assert drawn == ["second", "first"], "the newest first"
    assert {text: target.read_text().splitlines()[0] for text, target in links(page).items()} == {
        "first": "<h1>first</h1>",
        "second": "<h1>second</h1>",
    }
    assert all(path.exists() for path in found.written)
    (warning,) = found.warnings
    assert "0.json" in warning
    for name in ("index.html", "report.md"):
        assert "Not read" in (tmp_path / "all" / name).read_text()


def test_the_overview_begins_with_a_sentence_and_claims_nothing_of_invalid_runs(
    tmp_path: Path, runs: Path, drawn: list[str]
) -> None:
    overview.write_all(runs, tmp_path / "all")
    page = Page((tmp_path / "all/index.html").read_text())
    assert page.answer.startswith("None of 2 runs has a verdict to rely on and a network faster than the reference")
    assert {"results.csv", "results.json", "report.md"} < set(page.links)
    text = (tmp_path / "all/report.md").read_text()
    assert page.answer in text.replace("\\", "")
    lines = [line for line in text.splitlines() if line.startswith(("| [first]", "| [second]"))]
    assert ["| – | – | – | – | – | INVALID |" in line for line in lines] == [True, True]


def test_the_page_of_a_run_is_its_report_with_a_way_back() -> None:
    page = Page(run_pages.run_page(FIRST))
    assert page.answer == section(FIRST).answer.sentence
    assert [link for link in page.links if not link.startswith("#")] == ["../index.html"]
    assert len(page.figures) > 2


def test_the_figures_are_those_of_a_report_of_the_runs_themselves(tmp_path: Path, runs: Path, drawn: list[str]) -> None:
    for _ in ("computed", "from the cache"):
        overview.write_all(runs, tmp_path / "all")
        assert (tmp_path / "all/results.csv").read_text() == to_csv([*compare(FIRST), *compare(SECOND)])
        mine = json.loads((tmp_path / "all/results.json").read_text())
        whole = json.loads(to_json(Report(mine["title"], (section(FIRST), section(SECOND)))))
        assert mine == whole


def test_the_second_time_nothing_is_computed_and_nothing_drawn(
    tmp_path: Path, runs: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = {path: path.read_bytes() for path in overview.write_all(runs, tmp_path / "all").written}
    monkeypatch.setattr(summaries, "summarize", None)  # who calls it fails
    monkeypatch.setattr(store, "parsed", None)
    monkeypatch.setattr(files, "json", None)  # what stands in the folder is not read whole
    drawn.clear()
    again = overview.write_all(runs, tmp_path / "all").written
    assert drawn == []
    assert {path: path.read_bytes() for path in again} == {path: once[path] for path in again}


def test_a_page_is_drawn_again_where_its_run_or_the_code_changed(
    tmp_path: Path, runs: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    overview.write_all(runs, tmp_path / "all")
    first = min(runs.iterdir())
    first.write_bytes(gzip.compress(FIRST.model_copy(update={"board": "other"}).to_json().encode()))
    drawn.clear()
    overview.write_all(runs, tmp_path / "all")
    assert drawn == ["first"]
    monkeypatch.setattr(summaries, "code_sha256", lambda: "a newer version")
    drawn.clear()
    overview.write_all(runs, tmp_path / "all")
    assert drawn == ["second", "first"]


def test_a_run_that_is_gone_takes_its_page_along_and_no_other_file(
    tmp_path: Path, runs: Path, drawn: list[str]
) -> None:
    overview.write_all(runs, tmp_path / "all")
    pages = sorted((tmp_path / "all/runs").iterdir())
    for number, own in enumerate(("notes.html", "changed.html", "copy.html")):
        (pages[0].parent / own).write_bytes(b"mine" * (number < 2) + pages[0].read_bytes() * (number > 0))
    min(runs.iterdir()).unlink()
    overview.write_all(runs, tmp_path / "all")
    left = {page.name for page in (tmp_path / "all/runs").iterdir()}
    assert left == {pages[1].name, "notes.html", "changed.html"}


def test_only_so_many_pages_are_drawn_at_once(tmp_path: Path, runs: Path, drawn: list[str]) -> None:
    overview.write_all(runs, tmp_path / "all", new_pages=1)
    assert drawn == ["second"]
    assert links(tmp_path / "all/index.html").keys() == {"second"}
    assert (
        "Runs without a page yet: 1; <code>sis-edge report --all --all-pages</code>"
        in (tmp_path / "all/index.html").read_text()
    )
    overview.write_all(runs, tmp_path / "all", new_pages=1)
    assert drawn == ["second", "first"]
    assert links(tmp_path / "all/index.html").keys() == {"first", "second"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_bytes(b"\x00" + path.read_bytes()),
        lambda path: path.write_bytes(gzip.compress(b"[]")),
        lambda path: changed(path, key="0" * 64),
        lambda path: changed(path, verdict=None),
        lambda path: changed(path, entry={"networks": [{"network": "nin"}]}),
        lambda path: changed(path, entry={}),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_damaged_or_foreign_summary_is_computed_again(runs: Path, damage) -> None:
    path = max(runs.iterdir())
    right = summaries.of_file(path)
    place = summaries.cached_at(right.key)
    try:
        damage(place)
        assert summaries.of_file(path) == right
    finally:
        if place.is_dir():
            place.rmdir()


def changed(path: Path, **fields: object) -> None:
    path.write_bytes(gzip.compress(json.dumps(json.loads(gzip.decompress(path.read_bytes())) | fields).encode()))


def test_a_cache_that_cannot_be_written_stops_nothing(
    tmp_path: Path, runs: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "file"))
    one = max(runs.iterdir())
    min(runs.iterdir()).unlink()
    assert overview.write_all(runs, tmp_path / "all").runs == (one,)
    with pytest.raises(DiskError):
        overview.write_all(runs, tmp_path / "file" / "all")


def test_a_folder_without_a_readable_run(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="there is no stored run"):
        overview.write_all(tmp_path, tmp_path / "all")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(RecordError, match="none of the 1 files"):
        overview.write_all(tmp_path, tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_other_code_is_another_version(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "a.txt").write_text("notes")
    before = own_code._of_folder(tmp_path)
    (tmp_path / "a.txt").write_text("more notes")
    assert own_code._of_folder(tmp_path) == before
    (tmp_path / "a.py").write_text("x = 2\n")
    assert own_code._of_folder(tmp_path) != before


def test_from_the_command_line(tmp_path: Path, runs: Path, drawn: list[str], cache: Path) -> None:
    (runs / "0.json").write_text("{")
    os.chmod(runs, 0o500)  # noqa: PTH101
    try:
        done = sis_edge_here("report", "--all", "--json", cwd=tmp_path, SIS_EDGE_CACHE=str(cache))
    finally:
        os.chmod(runs, 0o700)  # noqa: PTH101
    assert done.returncode == 0, done.stderr
    assert "0.json" in done.stderr
    found = json.loads(done.stdout)
    assert [run["run_id"] for run in found["runs"]] == ["first", "second"]
    assert found["runs"][0]["networks"][1]["speed_up"] == compare(FIRST)[1].speed_up.estimate.value
    assert all((tmp_path / file).exists() for file in found["files"])
    done = sis_edge_here("report", "--all-pages", cwd=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (2, "Error: --all-pages needs --all")


def test_a_run_with_another_meter_counts_once(tmp_path: Path, runs: Path, drawn: list[str]) -> None:
    later = SECOND.model_copy(update={"stored_at": SECOND.stored_at + timedelta(hours=1)})
    store.save(later, runs)
    assert [path.name for path in overview.write_all(runs, tmp_path / "all").runs] == [
        path.name for path in (min(runs.iterdir()), max(runs.iterdir()))
    ]


def test_a_run_without_rounds_has_no_interval_of_its_median(runs: Path) -> None:
    first, second = (found.summary for found in summaries.each(runs))
    assert first is not None
    assert second is not None
    record = network_record("nin", 6)
    assert record.rounds
    low, high = first.median_intervals["nin"] or (0, 0)
    assert 0 < low < high
    assert second.median_intervals["nin"] is None
