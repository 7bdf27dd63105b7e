"""Real jobs with ONNX Runtime: under the host's interpreter, and under Python 3.6 with the last version for it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sis_agent.schema import Job, Record

from .board import Board
from .networks import IMAGES, write_bundle
from .sparse import write_sparse_bundle
from .test_calibrate import check_answer, with_probes


@dataclass(frozen=True)
class Tiny:
    """A board with the bundle of two tiny networks, whose golden logits are numpy's and not ONNX Runtime's."""

    board: Board
    bundle: Path
    job: Job

    def measure(self, **fields: Any) -> Record:
        self.board.put_job("j1", self.job._replace(**fields))
        self.board.call("run", "--foreground", "--job-id", "j1").answer  # noqa: B018
        return self.board.record("j1")

    @property
    def state(self) -> dict[str, Any]:
        return self.board.call("status", "j1").answer


def tiny(root: Path, python: str) -> Tiny:
    board = Board(root, python)
    bundle = root / "bundles" / "b1"
    return Tiny(board, bundle, write_bundle(bundle))


@pytest.fixture
def here(tmp_path: Path) -> Tiny:
    return tiny(tmp_path / "root", sys.executable)


def check_whole_record(record: Record, job: Job) -> None:
    assert record.problem is None
    assert record.facts_before.runners["onnxruntime"] == "available"
    assert record.runner_details["intra_op_threads"] == job.threads
    assert record.runner_details["on_gpu"] is False
    assert [network.name for network in record.networks] == ["dense", "sparse"]
    for network in record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert network.golden.images == IMAGES
        assert network.golden.max_abs_difference < 1e-5
        assert network.accuracy is not None
        assert network.accuracy.images == IMAGES
        assert network.load_s is not None
        assert network.first_inference_s is not None
        assert network.memory is not None
        baseline, loaded, peak, reason = network.memory[:4]
        assert baseline is not None
        assert loaded is not None
        assert peak is not None
        assert 0 < baseline < loaded <= peak
        assert reason is None
        assert network.warmup_latencies_s
        assert isinstance(network.warmup_steady, bool)
        assert [len(turn.latencies_s) for turn in network.rounds] == [job.inferences_per_round] * job.rounds
        assert 0 < min(value for turn in network.rounds for value in turn.latencies_s) < network.load_s
    dense, sparse = record.networks
    assert dense.accuracy is not None
    assert sparse.accuracy is not None
    assert dense.accuracy.correct == IMAGES  # the labels are this network's own classes
    assert sparse.accuracy.correct < IMAGES


@pytest.mark.parametrize(("threads", "batch_size"), [(1, 1), (2, 3)])
def test_a_whole_job(here: Tiny, threads: int, batch_size: int) -> None:
    record = here.measure(threads=threads, batch_size=batch_size)
    check_whole_record(record, here.job._replace(threads=threads))
    assert here.state["state"] == "done"
    sizes = [(here.bundle / network.model).stat().st_size for network in here.job.networks]
    assert [network.model_bytes for network in record.networks] == sizes


def test_without_test_images_accuracy_is_unknown(here: Tiny) -> None:
    record = here.measure(test_images=None, test_labels=None)
    assert [network.accuracy for network in record.networks] == [None, None]
    assert all(network.rounds for network in record.networks)


def test_one_damaged_network_does_not_stop_the_other(here: Tiny) -> None:
    (here.bundle / here.job.networks[0].model).write_bytes(b"not an ONNX file")
    record = here.measure()
    dense, sparse = record.networks
    assert dense.problem is not None
    assert dense.problem.code == "bad-model"
    assert "ONNX Runtime" in dense.problem.message
    assert dense.rounds == []
    assert (sparse.problem, len(sparse.rounds)) == (None, here.job.rounds)
    assert here.state["state"] == "done"


def test_when_no_network_works_the_job_has_failed(here: Tiny) -> None:
    for network in here.job.networks:
        (here.bundle / network.model).write_bytes(b"not an ONNX file")
    record = here.measure()
    assert record.problem is not None
    assert record.problem.code == "bad-model"
    assert here.state["state"] == "failed"
    assert here.state["record_sha256"] is not None


def test_other_logits_fail_the_golden_check_and_are_still_timed(here: Tiny) -> None:
    path = here.bundle / here.job.networks[1].golden_logits
    np.save(path, np.load(path) + np.float32(0.5))
    dense, sparse = here.measure().networks
    assert dense.golden is not None
    assert dense.golden.passed
    assert sparse.golden is not None
    assert not sparse.golden.passed
    assert sparse.golden.max_abs_difference == pytest.approx(0.5, abs=1e-5)
    assert len(sparse.rounds) == here.job.rounds


def test_damaged_test_labels_keep_the_checks_before_them(here: Tiny) -> None:
    assert here.job.test_labels is not None
    (here.bundle / here.job.test_labels).write_bytes(b"")
    dense = here.measure().networks[0]
    assert dense.problem is not None
    assert dense.problem.code == "bad-bundle"
    assert dense.golden is not None
    assert dense.accuracy is None


def test_a_missing_file_is_reported_before_the_job_starts(here: Tiny) -> None:
    (here.bundle / here.job.golden_inputs).unlink()
    here.board.put_job("j1", here.job)
    problem = here.board.call("run", "--job-id", "j1").problem
    assert problem["code"] == "bad-bundle"
    assert here.job.golden_inputs in problem["message"]
    assert here.state["state"] == "queued"


def test_a_broken_installation_is_a_sentence(here: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken" / "onnxruntime"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libonnx.so.9: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    record = here.measure()
    assert record.problem is not None
    assert record.problem.code == "no-runtime"
    assert "libonnx.so.9" in record.problem.message
    assert here.state["state"] == "failed"


@pytest.mark.slow
def test_python_3_6_with_its_last_onnxruntime(tmp_path: Path, python_3_6: str) -> None:
    there = tiny(tmp_path / "root", python_3_6)
    record = there.measure()
    check_whole_record(record, there.job)
    assert record.runner_details["onnxruntime"] == "1.10.0"
    assert record.clock == "perf_counter"
    assert record.facts_before.packages == {"onnxruntime": "1.10.0", "numpy": "1.19.5"}


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_python_3_6_with_sparse_nodes(tmp_path: Path, python_3_6: str, threads: int) -> None:
    board = Board(tmp_path / "root", python_3_6)
    job = write_sparse_bundle(board.root / "bundles" / "b1")
    networks = [network._replace(options={"cache": True}) for network in job.networks]
    board.put_job("j1", job._replace(networks=networks, threads=threads))
    board.call("run", "--foreground", "--job-id", "j1").answer  # noqa: B018
    record = board.record("j1")
    assert record.runner_details["onnxruntime"] == "1.10.0"
    for network in record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert len(network.rounds) == job.rounds


@pytest.mark.slow
def test_python_3_6_calibrates(tmp_path: Path, python_3_6: str) -> None:
    check_answer(with_probes(Board(tmp_path / "root", python_3_6)).call("calibrate", "calibration").answer)
