"""What a user sees of `sis-edge bench` on a disturbed machine and on a simulated board."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import sis_edge_here
from report.page import Page
from tiny_bundle import tiny_bundle

from sis_edge import profiles, simulated
from sis_edge.results import energy, store
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# A busy machine is sometimes late with what a simulated sensor shows.
ATTEMPTS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("bench")
    tiny_bundle(place / "bundle")
    text = profiles.find("local").read_text(encoding="utf-8")
    measuring = "[measuring]\nmin_inferences = 100\nmin_time_s = 6\nmemory_repeats = 1\n\n"
    (place / "six.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", measuring, text), encoding="utf-8")
    return place


def own(folder: Path) -> dict[str, str]:
    """A local board of the test's own: the user's may be measuring."""
    return {"XDG_DATA_HOME": str(folder / "data")}


def test_another_process_that_burns_a_core_is_found_and_named(folder) -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as burner:
        try:
            done = sis_edge_here(
                "bench", "bundle", "--profile", "six.toml", "--runs-dir", "burnt", cwd=folder, **own(folder)
            )
        finally:
            burner.kill()
    assert done.returncode == 0, done.stderr
    assert re.search(r"^(SUSPECT|INVALID): ", done.stdout, re.M)
    words = " ".join(done.stdout.split())
    found = re.search(r"Other programs kept ([\d.]+) cores busy on average", words)
    assert found is not None
    assert float(found.group(1)) > 0.3
    verdict = judge(store.newest(folder / "burnt").record)
    assert "other-processes" in {reason.code for reason in verdict.reasons}


# Takes 2 ms of every 8.5 ms of one core: a scheduler lets it in between, and often in the middle of an inference.
VISITOR = """
import os, sys, time
os.sched_setaffinity(0, [int(sys.argv[1])])
while True:
    begin_s, end_s = time.monotonic(), time.thread_time() + 2e-3
    while time.thread_time() < end_s:
        pass
    time.sleep(max(begin_s + 8.5e-3 - time.monotonic(), 0.0))
"""


def test_a_program_on_the_jobs_core_makes_the_run_invalid(folder) -> None:
    """A quarter of one core: too little for the average of other cores' load, and enough to bend every ratio."""
    core = str(max(os.sched_getaffinity(0)))
    profile = (folder / "six.toml").read_text(encoding="utf-8").replace("min_time_s = 6", "min_time_s = 2")
    (folder / "two.toml").write_text(profile, encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", VISITOR, core]) as visitor:
        try:
            done = sis_edge_here(
                "bench", "bundle", "--profile", "two.toml", "--cores", core, "--runs-dir", "visited", cwd=folder,
                **own(folder),
            )  # fmt: skip
        finally:
            visitor.kill()
    assert done.returncode == 0, done.stderr
    record = store.newest(folder / "visited").record
    turns = [turn for network in record.networks for turn in network.rounds]
    assert {turn.process for turn in turns} == {0, 1, 2}
    assert any(turn.preempted for turn in turns)
    assert sum(turn.cpu_s for turn in turns) < 0.9 * sum(turn.wall_s for turn in turns)
    assert ("interference", "INVALID") in {(reason.code, reason.level) for reason in judge(record).reasons}
    assert "took the core from" in " ".join(done.stdout.split())


def near_the_truth(run: StoredRun) -> bool:
    """Whether every network's energy is within 1% of what the simulated board really drew."""
    rail = simulated.load("nano-sim").rails["POM_5V_IN"]
    truth = simulated.Truth(rail.idle_w, rail.busy_w)
    return all(
        found.gross_j == pytest.approx(truth.gross_j(run.record, name), rel=0.01)
        and found.net_j == pytest.approx(truth.net_j(run.record, name), rel=0.01)
        for name, found in energy.per_inference(run).items()
    )


def test_a_simulated_boards_energy_is_the_models_and_all_is_marked(folder) -> None:
    for _ in range(ATTEMPTS):
        done = sis_edge_here("bench", "bundle", "--board", "nano-sim", "--runs-dir", "nano", cwd=folder)
        assert done.returncode == 0, done.stderr
        run = store.newest(folder / "nano")
        if near_the_truth(run):
            break
    else:
        raise AssertionError(energy.per_inference(run))
    verdict = " ".join(done.stdout.partition("\n  - ")[0].split())
    assert verdict.endswith("(SIMULATED)")
    assert "Energy per inference, scope: " in done.stdout
    assert run.record.simulated
    assert {found.scope for found in energy.per_inference(run).values()} == {run.record.power.scope}
    made = sis_edge_here("report", "--runs-dir", "nano", "--name", "nano", cwd=folder)
    assert made.returncode == 0, made.stderr
    page = Page((folder / "reports/nano/index.html").read_text(encoding="utf-8"))
    assert page.title.startswith("SIMULATED: ")
    assert page.answer.startswith("Simulated, not measured: ")
    marked = [rows for (given, _), rows in zip(page.tables, page.row_marks, strict=True) if "data-table" in given]
    assert len(marked) > 5
    assert all(marks == ["simulated"] for rows in marked for marks in rows[1:])
    for picture in (folder / "reports/nano").glob("*.svg"):
        assert "SIMULATED" in picture.read_text(encoding="utf-8")
