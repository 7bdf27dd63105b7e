import errno
import hashlib
import os
import subprocess
import sys

import pytest

from report.conftest import RUNS
from sis_edge.errors import DiskError, RecordError
from sis_edge.report import write

NAMES = ("accuracy-latency", "speed-up", "latencies", "timeline")
FILES = ["index.html", "report.md", "results.csv", "results.json", *(f"{name}.svg" for name in NAMES)]


def test_a_report_is_written_and_is_the_same_again(tmp_path) -> None:
    once, again = write([RUNS["plain"]], tmp_path / "a"), write([RUNS["plain"]], tmp_path / "b")
    assert [path.name for path in once] == FILES
    for one, two in zip(once, again, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(FILES)


def test_charts_of_several_runs_have_names_of_their_own(tmp_path) -> None:
    names = [path.name for path in write([RUNS["plain"], RUNS["nothing"], RUNS["paper"]], tmp_path)]
    charts = [name for name in names if name.endswith(".svg")]
    assert charts == [f"{name}-{number}.svg" for number in (1, 3) for name in NAMES]


def test_a_report_removes_what_an_earlier_one_wrote_and_nothing_else(tmp_path) -> None:
    first = {path.name for path in write([RUNS["plain"], RUNS["nothing"], RUNS["paper"]], tmp_path)}
    own = {"speed-up-7.svg": "my own", "notes.md": "mine", "accuracy-latency-3.svg": "drawn anew by hand"}
    for name, text in own.items():
        (tmp_path / name).write_text(text)
    second = {path.name for path in write([RUNS["plain"]], tmp_path)}
    left = {path.name for path in tmp_path.iterdir()}
    assert first - second == {f"{kind}-{number}.svg" for kind in NAMES for number in (1, 3)}
    assert left == second | own.keys()
    assert {name: (tmp_path / name).read_text() for name in own} == own


@pytest.mark.parametrize(
    "before", ["", "[]", '{"charts": ["a"]}', '{"charts": {"../out.svg": "SHA256"}}', '{"charts": 1}']
)
def test_a_folder_of_unknown_origin_loses_nothing(tmp_path, before) -> None:
    (tmp_path / "out.svg").write_text("x")
    before = before.replace("SHA256", hashlib.sha256(b"x").hexdigest())
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "results.json").write_text(before)
    (folder / "a").write_text("x")
    write([RUNS["nothing"]], folder)
    assert (folder / "a").exists()
    assert (tmp_path / "out.svg").exists()


def test_no_run_writes_nothing(tmp_path) -> None:
    with pytest.raises(RecordError, match="sis-edge deploy"):
        write([], tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch) -> None:
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="No space left"):
        write([RUNS["nothing"]], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_package_loads_nothing_heavy() -> None:
    heavy = ("jinja2", "numpy", "pydantic", "torch", "rich")
    code = f"import sys, sis_edge.report; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_terminal_and_the_charts_definition_do_not_draw() -> None:
    code = (
        "import sys, sis_edge.report.terminal, sis_edge.report.charts; "
        "print([name for name in ('jinja2', 'torch', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
