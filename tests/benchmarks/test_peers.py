"""`benchmarks/peers.py` with runtimes that only sleep: schedule, checks, deaths, statistics, tables."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peer_comparison import comparison, load, tables
from peer_comparison.contenders import REFERENCE_ROW, Contender, OutputCheck, Result, Turn, check
from peer_comparison.environments import NotInstalledError, Runtime, python_of
from peer_comparison.rounds import Inputs, Measured, Plan, measure
from tiny_bundle import tiny_bundle

from sis_agent.schema import NetworkJob
from sis_edge.results.statistics import Interval, SpeedUp

RIGHT = OutputCheck(images=500, difference=0.0, agreement=1.0, accuracy=0.9)
CORE = 0
PLAN = Plan(cores=(CORE,), rounds=6, processes=1, turn_s=0.0, least_runs=2)


def contender(row: str, options: Mapping[str, Any] | None = None, **changes: Any) -> Contender:
    own = {"network": "nin", "runtime": "sleeping", "precision": "fp32", "model": "nin.onnx"}
    return Contender(row=row, options=options or {}, **{**own, **changes})


def result(row: str, latencies_s: list[float], *, network: str = "nin", **known: Any) -> Result:
    """With these latencies by round, in two processes, 20 s apart."""
    turns = [
        Turn(number, number % 2, 20.0 * number, (latency, latency * 1.1), (latency, latency))
        for number, latency in enumerate(latencies_s)
    ]
    made = {"precision": "fp32", "ours": False, "check": RIGHT, "problem": None, **known}
    return Result(
        contender(row, network=network, precision=made["precision"], ours=made["ours"]),
        made["problem"],
        made["check"],
        turns,
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    images = np.random.default_rng(1).standard_normal((5, 3, 4, 4)).astype(np.float32)
    path = tmp_path_factory.mktemp("inputs") / "images.npy"
    np.save(path, images)
    return Inputs(path, np.zeros(5, np.int64))


def run(inputs: Inputs, contenders: list[Contender], plan: Plan = PLAN) -> dict[str, Result]:
    found = measure(contenders, {}, {"sleeping": Path(sys.executable)}, inputs, plan)
    return {each.contender.row: each for each in found.results}


@pytest.fixture(scope="module")
def measured(inputs: Inputs) -> dict[str, Result]:
    """Two generations of one process."""
    contenders = [
        contender(REFERENCE_ROW, {"ms": 2}),
        contender("slow", {"ms": 8}),
        contender("wrong", {"scale": 1.1}),
        contender("ours", ours=True),
        contender("same int8", precision="int8", model="int8.onnx"),
        contender("ONNX Runtime INT8", {"scale": 1.1}, precision="int8", model="int8.onnx"),
    ]
    return run(inputs, contenders, replace(PLAN, processes=2))


def test_a_peer_that_is_slower_by_a_known_factor(measured: dict[str, Result]) -> None:
    speed = comparison.ratio(measured[REFERENCE_ROW], measured["slow"], "wall")
    assert speed is not None
    assert speed.interval is not None
    assert 0.1 < speed.estimate < 0.6  # a quarter, but that every sleep is late on a busy machine
    for row in (REFERENCE_ROW, "slow", "ours"):
        each = measured[row]
        assert each.why_not is None
        assert [turn.round for turn in each.turns] == list(range(6))
        assert [turn.process for turn in each.turns] == [0, 0, 0, 1, 1, 1]
    waited = measured["slow"].waited_share
    assert waited is not None
    assert waited > 0.5  # it sleeps, and does not compute


def test_a_round_has_every_contender_once_in_random_order(measured: dict[str, Result]) -> None:
    orders = [tuple(sorted(measured, key=lambda row: measured[row].turns[number].start_s)) for number in range(6)]
    assert len(set(orders)) > 2
    starts = [[each.turns[number].start_s for each in measured.values()] for number in range(6)]
    assert all(max(before) < min(after) for before, after in pairwise(starts))


def test_wrong_outputs_are_marked_and_not_the_best(measured: dict[str, Result]) -> None:
    assert measured["wrong"].turns
    assert str(measured["wrong"].why_not).startswith("wrong outputs: they differ by 0.")
    fp32 = comparison.standings(list(measured.values()), "wall")[0]
    assert fp32.other is measured[REFERENCE_ROW]
    assert fp32.ours is measured["ours"]
    text = tables.speeds(Measured(PLAN, list(measured.values()), {}, 0.0), "wall")
    assert "| wrong | ~~" in text


def test_the_same_int8_file_must_give_what_it_gives_in_onnx_runtime(measured: dict[str, Result]) -> None:
    """It agrees with fp32 exactly, and so cannot have computed this file, which is 10% off."""
    assert measured["ONNX Runtime INT8"].why_not is None
    assert "from ONNX Runtime's with the same file (limit 0.02)" in str(measured["same int8"].why_not)


def test_peers_that_die_or_fail_are_named_and_the_others_go_on(inputs: Inputs) -> None:
    bad = {"in load": {"dies": 1}, "in outputs": {"dies": 3}, "in a turn": {"dies": 12}, "no": {"unreadable": True}}
    contenders = [contender("first"), *(contender(row, words) for row, words in bad.items()), contender(REFERENCE_ROW)]
    found = run(inputs, contenders)
    killed = "died: its process was ended by SIGKILL"
    assert [found[row].why_not for row in bad] == [killed] * 3 + ["failed: ValueError: cannot read nin.onnx"]
    assert [len(found[row].turns) for row in ("first", REFERENCE_ROW)] == [6, 6]
    assert [bool(found[row].turns) for row in bad] == [False, False, True, False]
    best = comparison.best(list(found.values()), "nin", "fp32", "wall", ours=False)
    assert best in (found["first"], found[REFERENCE_ROW])
    text = tables.outputs(Measured(PLAN, list(found.values()), {}, 0.0), "wall")
    assert text.count(killed) == 3


def test_a_runtime_that_is_not_there_is_named(inputs: Inputs) -> None:
    contenders = [contender(REFERENCE_ROW), contender("absent", runtime="openvino"), contender("x", runtime="mnn")]
    contenders.append(contender("broken", runtime="deepsparse"))
    pythons = {name: Path(sys.executable) for name in ("sleeping", "mnn")} | {"deepsparse": Path("/no/python")}
    found = measure(contenders, {"openvino": "not installed: no wheel"}, pythons, inputs, PLAN)
    problems = [each.problem or "" for each in found.results]
    assert problems[:2] == ["", "not installed: no wheel"]
    assert problems[2].startswith("does not start: ModuleNotFoundError")
    why = "cannot run /no/python (No such file or directory); remove that environment"
    assert problems[3] == f"does not start: {why}"
    assert "| absent | failed |" in tables.speeds(found, "wall")


def test_without_the_reference_nothing_is_checked_and_nothing_best(inputs: Inputs) -> None:
    found = run(inputs, [contender(REFERENCE_ROW, {"dies": 1}), contender("other")])
    assert found["other"].why_not == "outputs were not checked"
    assert comparison.standings(list(found.values()), "wall") == []


def test_a_sustained_run_goes_on_for_its_time_in_one_process(inputs: Inputs) -> None:
    plan = replace(PLAN, sustain_s=0.2, rounds=1)
    found = run(inputs, [contender(REFERENCE_ROW, {"ms": 1})], plan)
    turns = found[REFERENCE_ROW].turns
    assert len(turns) > 1
    assert {turn.process for turn in turns} == {0}


def test_the_batch_is_filled_up(inputs: Inputs) -> None:
    """Five images in batches of four: all five are compared, none twice."""
    found = run(inputs, [contender(REFERENCE_ROW), contender("same")], replace(PLAN, batch=4))
    same = found["same"].check
    assert same is not None
    assert (same.images, same.difference, same.agreement) == (5, 0.0, 1.0)


@pytest.mark.parametrize(
    ("precision", "logits", "reason"),
    [
        ("fp32", [[0.0, 10.0], [10.0, 0.0]], None),
        ("fp32", [[0.0, 10.02], [10.0, 0.0]], "wrong outputs: they differ by 0.002 of the logits' range (limit 0.001)"),
        ("int8", [[0.0, 11.9], [10.0, 0.0]], None),
        ("int8", [[0.0, 12.1], [10.0, 0.0]], "wrong outputs: they differ by 0.21 of the logits' range (limit 0.2)"),
        ("fp32", [[0.0, float("nan")], [10.0, 0.0]], "wrong outputs: they differ by nan of the logits' range"),
    ],
)
def test_outputs_that_count(precision: str, logits: list[list[float]], reason: str | None) -> None:
    reference = np.array([[0.0, 10.0], [10.0, 0.0]])
    problem = check(np.array(logits), reference, np.array([1, 1])).problem(precision)
    assert problem is None if reason is None else str(problem).startswith(reason)


def test_classes_must_agree_too() -> None:
    reference = np.array([[5.0, 5.001], [10.0, 0.0]])
    found = check(np.array([[5.001, 5.0], [10.0, 0.0]]), reference, np.array([0, 1]))
    assert (found.agreement, found.accuracy) == (0.5, 0.5)
    assert found.problem("fp32") == "wrong outputs: 50.0% of the images have the same class (limit 99.8%)"
    with pytest.raises(ValueError, match=r"outputs of shape \(1, 2\), expected \(2, 2\)"):
        check(reference[:1], reference, np.array([0]))


def test_the_best_other_is_named_in_each_precision_though_it_wins() -> None:
    results = [
        result(REFERENCE_ROW, [4.0] * 8),
        result("quick", [1.0] * 8),
        result("quicker and wrong", [0.5] * 8, check=replace(RIGHT, difference=1.0)),
        result("quicker and dead", [0.4] * 8, problem="died: its process was ended by SIGSEGV"),
        result("ours a", [2.0] * 8, ours=True),
        result("ours b", [1.6] * 8, ours=True),
        result("quick int8", [0.25] * 8, precision="int8"),
    ]
    fp32, int8 = comparison.standings(results, "cpu")
    assert (fp32.other, fp32.ours) == (results[1], results[5])
    assert fp32.ratio is not None
    assert fp32.ratio.estimate == pytest.approx(1 / 1.6)
    assert (int8.other, int8.ours, int8.ratio) == (results[6], None, None)
    table = tables.best(Measured(PLAN, results, {}, 0.0), "cpu", {"nin": 1.0}).splitlines()
    assert table[2].startswith("| nin | fp32 | quick | 4.00 [4.00 to 4.00] | ours b | 2.50 [2.50 to 2.50] | 0.62")
    assert ">= 1.5: met" in table[2]
    assert table[3].startswith("| nin | int8 | quick int8 | 16.00 [16.00 to 16.00] | none | - | - |")


def test_the_best_is_the_one_with_the_best_figure_of_the_table() -> None:
    """What ran only before the machine slowed down by half has shorter latencies and no better ratio."""
    dense = result(REFERENCE_ROW, [4.0] * 6 + [8.0] * 6)
    steady = result("steady", [2.0] * 6 + [4.0] * 6)
    died_early = result("in quick rounds", [2.4] * 6)
    assert comparison.best([dense, died_early, steady], "nin", "fp32", "cpu", ours=False) is steady


def test_a_target_is_missed_by_a_share_and_holds_for_one_thread_and_image_only() -> None:
    results = [result(REFERENCE_ROW, [4.0] * 8), result("ours", [2.0] * 8, network="svhn-sis3", ours=True)]
    ceilings = {"nin": 1.0, "svhn-sis3": 10.0}
    assert ">= 12: missed by 83% | 10.00 | - |" in tables.best(Measured(PLAN, results, {}, 0.0), "cpu", ceilings)
    two = replace(PLAN, threads=2)
    assert ">= 12" not in tables.best(Measured(two, results, {}, 0.0), "cpu", ceilings)


def test_what_the_fewer_operations_bring_over_our_own_dense_network() -> None:
    ours = {"ours": True, "precision": "int8"}
    results = [
        result(REFERENCE_ROW, [4.0] * 8),
        result("ours INT8", [1.0] * 8, **ours),
        result("ours INT8", [0.25] * 8, network="svhn-sis3", **ours),
    ]
    text = tables.best(Measured(PLAN, results, {}, 0.0), "cpu", {"nin": 1.0, "svhn-sis3": 8.0})
    assert text.splitlines()[-1].endswith("| >= 25: missed by 36% | 8.00 | 0.50 |")


def test_the_interval_holds_the_true_ratio_and_counts_processes() -> None:
    rng = np.random.default_rng(3)
    dense = result(REFERENCE_ROW, list(2e-3 * np.exp(0.02 * rng.standard_normal(60))))
    alike = result("alike", list(1e-3 * np.exp(0.02 * rng.standard_normal(60))))
    offset = np.where(np.arange(60) % 2, 1.1, 1.0)  # its two processes differ by 10%
    apart = result("apart", list(1e-3 * offset * np.exp(0.02 * rng.standard_normal(60))))
    narrow, wide = (comparison.ratio(dense, each, "cpu") for each in (alike, apart))
    assert narrow is not None
    assert wide is not None
    assert narrow.interval is not None
    assert wide.interval is not None
    assert narrow.interval.low < 2 < narrow.interval.high
    assert narrow.interval.high - narrow.interval.low < 0.1
    assert wide.interval.high - wide.interval.low > 0.3


def test_minutes_of_a_sustained_run() -> None:
    dense, slowing = result(REFERENCE_ROW, [4e-3] * 9), result("slows", [1e-3] * 3 + [2e-3] * 6)
    found = comparison.by_minute(slowing, dense, 8, "cpu")
    assert [(each.minute, each.rounds) for each in found] == [(0, 3), (1, 3), (2, 3)]
    assert [each.rate_hz for each in found] == pytest.approx([8000, 4000, 4000])
    assert [each.speed_up for each in found] == pytest.approx([4, 2, 2])
    text = tables.sustained(Measured(PLAN, [dense, slowing], {}, 0.0), "cpu")
    assert "minute 3 |" in text
    assert "1000/s (4.00) | 500/s (2.00) | 500/s (2.00) |" in text


@pytest.mark.parametrize(("busy", "mark"), [(0.0, "; other"), (1.5, "; **BUSY: other"), (float("nan"), "; **BUSY")])
def test_a_busy_machine_is_marked(busy: float, mark: str) -> None:
    assert mark in tables.condition(Measured(PLAN, [result(REFERENCE_ROW, [1.0])], {}, busy), "wall")


def test_a_busy_machine_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import peers

    monkeypatch.setattr(load, "now", lambda: 1.5)
    monkeypatch.setattr(sys, "argv", ["peers.py"])
    assert peers.main() == 2
    assert capsys.readouterr().err == (
        "Error: other programs keep 1.50 cores busy (limit 0.25); end them, or measure all the same with --busy\n"
    )


def test_what_others_keep_busy(tmp_path: Path) -> None:
    def proc(busy: int, own: int) -> None:
        (tmp_path / "stat").write_text(f"cpu  {busy} 0 0 1000 50 0 0 0 7 0\ncpu0 0 0 0 0\n")
        (tmp_path / "7").mkdir(exist_ok=True)
        (tmp_path / "7" / "stat").write_text(f"7 (a (b) c) R 1 1 1 0 -1 0 0 0 0 0 {own} 0 0 0 20 0")

    proc(100, 10)
    before = load.snapshot([7, 8], tmp_path)
    proc(400, 110)
    after = replace(load.snapshot([7, 8], tmp_path), time_s=before.time_s + 4)
    assert load.others(before, after) == pytest.approx(0.5)  # 2 s of 4, as ticks of 10 ms


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(1.5, 2.5), "2.00 [1.50 to 2.50]"),
        (Interval(0.1, 2.5), "2.00 [not known]"),
        (Interval(1.5, 21), "2.00 [not known]"),
        (None, "2.00 [not known]"),
    ],
)
def test_an_interval_that_says_nothing_is_not_shown_as_one(interval: Interval | None, text: str) -> None:
    assert tables.shown(SpeedUp(2.0, interval, 8)) == text


def test_a_document_has_the_raw_samples() -> None:
    results = [result(REFERENCE_ROW, [2.0] * 6), result("fails", [], check=None, problem="failed: no")]
    found = json.loads(json.dumps(tables.document(Measured(PLAN, results, {"sleeping": "1"}, 0.1), "wall")))
    dense, fails = found["contenders"]
    assert dense["turns"][5]["wall_s"] == pytest.approx([2.0, 2.2])
    assert dense["speed_up"]["cpu"] == {"estimate": 1.0, "low": 1.0, "high": 1.0}
    assert (fails["does_not_count"], fails["speed_up"]["wall"]) == ("failed: no", None)
    assert found["standings"][0]["best_other"] == REFERENCE_ROW


def test_the_shortest_run_and_the_share_of_waiting() -> None:
    text = tables.outputs(Measured(PLAN, [result(REFERENCE_ROW, [2e-3, 3e-3])], {}, 0.0), "cpu")
    assert text.endswith(f"| nin | {REFERENCE_ROW} | 0 | 1.000 | 0.900 | 2.000 | 4.8% |  |")


def test_every_form_of_a_bundle_appears_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from peer_comparison import files

    bundle = tiny_bundle(tmp_path)
    job = NetworkJob("x", "networks/sparse/model.onnx", network="sparse", options={"arena": False})
    native = job._replace(form="native", files={"custom_ops": "networks/dense/model.onnx"})
    jobs = [
        job,
        job._replace(precision="int8"),
        native,
        native._replace(precision="int8"),
        native._replace(form="winograd"),
    ]
    monkeypatch.setattr(files, "network_jobs", lambda *_: jobs)
    found = list(files.of_bundle(bundle, "x86-64", "calibrated"))
    assert [each.row for each in found] == [
        REFERENCE_ROW,
        "ONNX Runtime INT8, the bundle's Q/DQ",
        "ours fp32, calibrated",
        "ours INT8, calibrated",
        "ours fp32 (winograd), calibrated",
    ]
    assert [each.ours for each in found] == [False, False, True, True, True]
    assert found[2].options == {"arena": False, "custom_ops": str(bundle.path / "networks/dense/model.onnx")}
    assert Path(found[2].model) == bundle.path / "networks/sparse/model.onnx"
    monkeypatch.undo()
    plain = list(files.of_bundle(bundle, "x86-64", "default build"))
    assert [(each.network, each.row) for each in plain] == [("dense", REFERENCE_ROW), ("sparse", REFERENCE_ROW)]


def test_an_environment_is_made_once_and_a_runtime_that_does_not_install_is_named(tmp_path: Path) -> None:
    assert python_of(Runtime("own", "Own"), tmp_path) == Path(sys.executable)
    kept = Runtime("kept", "Kept", ("one==1",))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "packages.txt").write_text("one==1")
    assert python_of(kept, tmp_path) == tmp_path / "kept" / "bin" / "python"
    with pytest.raises(NotInstalledError, match=r"needs Python 2\.0 or 1\.5, and there is none here"):
        python_of(replace(kept, packages=("one==2",), pythons=("2.0", "1.5")), tmp_path)
