import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import tiny_bundle

from sis_edge.board import plain_loop, self_check
from sis_edge.errors import BoardError, UsageError
from sis_edge.results.statistics import Interval, SpeedUp


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("check") / "bundle")


def test_every_network_is_timed_both_ways(bundle) -> None:
    turns = []
    checks = self_check.run(bundle, pairs=6, on_turn=lambda label, done, of: turns.append((label, done, of)))
    assert [check.network for check in checks] == ["dense", "sparse"]
    assert turns[-1] == ("check sparse", 6, 6)
    for check in checks:
        assert check.p50.rounds == 6
        assert self_check.LEAST <= check.inferences <= self_check.MOST
        assert 0 < check.p50_s <= check.p90_s
        # The same machine, the same file: no tight bound, since everyday tests run on busy machines.
        assert 0.2 < check.p50.estimate < 5


def test_an_agent_that_is_slow_is_found_out(bundle, monkeypatch) -> None:
    real = self_check.WorkerProcess.ask

    def slow(self, command, progress=None):
        reply = real(self, command, progress)
        if command["do"] == "run":
            reply["latencies_s"] = [latency_s * 20 for latency_s in reply["latencies_s"]]
        return reply

    monkeypatch.setattr(self_check.WorkerProcess, "ask", slow)
    (check,) = self_check.run(bundle, ["dense"], pairs=6)
    assert not check.agrees
    assert check.p50.estimate > 2


@pytest.mark.parametrize(
    ("p50", "p90", "agrees"), [(1.0, 1.0, True), (1.029, 0.971, True), (1.04, 1.0, False), (1.0, 0.9, False)]
)
def test_the_goal_holds_for_both_percentiles(p50, p90, agrees) -> None:
    check = self_check.Check("nin", SpeedUp(p50, Interval(p50, p50), 20), p90, 0.01, 0.011, 64)
    assert check.agrees is agrees
    assert f"{p50:.4f} (95% interval" in check.sentence()


def test_an_unknown_network_is_a_usage_error(bundle) -> None:
    with pytest.raises(UsageError, match="known: dense, sparse"):
        self_check.run(bundle, ["other"])


def test_a_broken_model_ends_in_a_sentence(tmp_path) -> None:
    broken = tiny_bundle(tmp_path / "bundle")
    (broken.path / "networks/dense/model.onnx").write_bytes(b"no model")
    with pytest.raises(BoardError, match="self-check could not run here"):
        self_check.run(broken, ["dense"], pairs=6)


def test_the_plain_loop_shares_nothing_with_the_agent(bundle) -> None:
    text = Path(plain_loop.__file__).read_text(encoding="utf-8")
    assert "sis_agent" not in text
    settings = {
        "model": str(bundle.path / "networks/dense/model.onnx"),
        "images": str(bundle.path / "data/golden_inputs.npy"),
        "mean": [0.5] * 3,
        "std": [0.25] * 3,
        "batch_size": 11,
        "threads": 1,
    }
    words = [sys.executable, plain_loop.__file__, json.dumps(settings)]
    done = subprocess.run(words, input="3\n5\n", capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(line) for line in lines] == [3, 5]
    assert np.all(np.array(lines[1]) > 0)
