"""Networks of the user's own: tensors by name, expected outputs, labels, two runtimes in one job."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sis_agent.protocol import ProblemError
from sis_agent.runners import make
from sis_agent.schema import JOB_VERSION, Job, NetworkJob, Record

from .board import Board

pytest.importorskip("onnxruntime")
ROWS, CLASSES = 6, 7
INPUTS = {
    "scores": np.random.default_rng(0).normal(size=(ROWS, CLASSES)).astype(np.float32),
    "shift": np.arange(CLASSES, dtype=np.int64),
}


def two_inputs(rows: int | str = "n", operator: str = "Add") -> onnx.ModelProto:
    """total = scores + shift, largest = ArgMax(total): two inputs of two types, two outputs of two types."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["shift"], ["shift_float"], to=TensorProto.FLOAT),
            helper.make_node(operator, ["scores", "shift_float"], ["total"]),
            helper.make_node("ArgMax", ["total"], ["largest"], axis=1, keepdims=0),
        ],
        "two",
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [rows, CLASSES]),
            helper.make_tensor_value_info("shift", TensorProto.INT64, [CLASSES]),
        ],
        [
            helper.make_tensor_value_info("total", TensorProto.FLOAT, [rows, CLASSES]),
            helper.make_tensor_value_info("largest", TensorProto.INT64, [rows]),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def write(folder: Path) -> Job:
    """A bundle with the network alone, and a job that measures it with ONNX Runtime and with the null runner."""
    folder.mkdir(parents=True)
    onnx.save(two_inputs(), str(folder / "two.onnx"))
    total = INPUTS["scores"] + INPUTS["shift"].astype(np.float32)
    np.savez(folder / "inputs.npz", **INPUTS)
    np.savez(folder / "expected.npz", total=total, largest=total.argmax(axis=1))
    np.save(folder / "labels.npy", np.array([*total.argmax(axis=1)[:4], 0, 0]))
    given = NetworkJob(
        "two",
        "two.onnx",
        inputs="inputs.npz",
        expected="expected.npz",
        labels="labels.npy",
        golden_tolerance=1e-5,
        golden_relative_tolerance=1e-5,
    )
    return Job(
        job_version=JOB_VERSION,
        bundle_id=folder.name,
        networks=[given, given._replace(name="two@null", network="two", runner="null")],
        golden_inputs=None,
        golden_tolerance=0.0,
        preprocess=None,
        rounds=3,
        inferences_per_round=4,
        warmup_s=0.02,
    )


def measured(root: Path, **fields: Any) -> Record:
    board = Board(root, sys.executable)
    job = write(root / "bundles" / "own")
    board.put_job("j1", job._replace(networks=[network._replace(**fields) for network in job.networks]))
    assert board.call("run", "--foreground", "--job-id", "j1").answer
    return board.record("j1")


def test_a_network_with_two_inputs_in_two_runtimes(tmp_path: Path) -> None:
    record = measured(tmp_path)
    assert record.problem is None
    two, null = record.networks
    assert (two.problem, null.problem) == (None, None)
    assert (two.runner, null.runner) == ("onnxruntime", "null")
    assert (two.network, null.network) == ("two", "two")
    assert two.golden is not None
    assert two.golden.passed
    assert (two.golden.images, two.golden.top1_agreement) == (ROWS, 1.0)
    assert two.golden.max_abs_difference < 1e-5
    assert two.accuracy is not None
    assert (two.accuracy.images, two.accuracy.correct, two.accuracy.wrong) == (ROWS, 4, [4, 5])
    assert two.accuracy.correct_top5 is not None
    assert 4 <= two.accuracy.correct_top5 < ROWS  # class 0 is shifted least, and among the last of most rows
    assert (null.golden, null.accuracy) == (None, None)
    # The rounds are interleaved in the same processes; a process for memory has its own runtime only.
    assert [len(network.rounds) for network in record.networks] == [3, 3]
    assert {turn.process for network in record.networks for turn in network.rounds} == {0}
    assert two.memory is not None
    assert null.memory is not None
    assert null.memory.baseline_rss_bytes is not None
    assert two.memory.baseline_rss_bytes is not None
    assert null.memory.baseline_rss_bytes < 0.7 * two.memory.baseline_rss_bytes
    assert record.runner_details["runner"] == "onnxruntime"
    assert record.runner_details["other_runners"] == {"null": {"runner": "null", "on_gpu": False}}


def test_without_expected_outputs_and_labels_nothing_is_checked(tmp_path: Path) -> None:
    for network in measured(tmp_path, expected=None, labels=None).networks:
        assert (network.problem, network.golden, network.accuracy) == (None, None, None)
        assert network.rounds


def test_wrong_labels_keep_what_was_checked_before(tmp_path: Path) -> None:
    two, null = measured(tmp_path, labels="inputs.npz").networks
    assert two.problem is not None
    assert two.problem.code == "bad-bundle"
    assert two.golden is not None
    assert len(null.rounds) == 3


@pytest.fixture
def model(tmp_path: Path) -> str:
    onnx.save(two_inputs(), str(tmp_path / "two.onnx"))
    return str(tmp_path / "two.onnx")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"shift": None}, "inputs scores, shift, and 'shift' is not given"),
        ({"mask": np.zeros(1)}, "no input 'mask'; its inputs: scores, shift"),
        ({"shift": np.zeros(CLASSES)}, r"'shift' of .* is int64 \[7\], and float64 \[7\] was given"),
        ({"shift": np.zeros(3, dtype=np.int64)}, r"is int64 \[7\], and int64 \[3\] was given"),
        ({"scores": np.zeros(CLASSES, dtype=np.float32)}, r"is float32 \[n, 7\], and float32 \[7\] was given"),
    ],
)
def test_inputs_that_do_not_fit_are_named(model: str, change: dict[str, Any], text: str) -> None:
    tensors = {name: value for name, value in {**INPUTS, **change}.items() if value is not None}
    with pytest.raises(ProblemError, match=text) as caught:
        make("onnxruntime", 1, 1).load_tensors(model, {}, tensors)
    assert caught.value.problem.code == "bad-inputs"


def test_an_unknown_operator_is_named_in_the_runtimes_words(tmp_path: Path) -> None:
    onnx.save(two_inputs(operator="Frobnicate"), str(tmp_path / "two.onnx"))
    with pytest.raises(ProblemError, match=r"ONNX Runtime .*Frobnicate") as caught:
        make("onnxruntime", 1, 1).load_tensors(str(tmp_path / "two.onnx"), {}, INPUTS)
    assert caught.value.problem.code == "bad-model"


def test_a_fixed_batch_is_run_in_pieces(tmp_path: Path) -> None:
    """The network takes two rows at a time, and six are given, with one shift a row."""
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "fixed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "m.onnx")
    from sis_agent.worker import tensors

    x = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
    session = make("onnxruntime", 1, 1).load_tensors(str(tmp_path / "m.onnx"), {}, {"x": x})
    assert session.rows == 2
    assert (tensors.infer(session, {"x": x})["y"] == np.maximum(x, 0)).all()
    with pytest.raises(ProblemError, match=r"is float32 \[2, 3\], and float32 \[5, 3\]"):
        make("onnxruntime", 1, 1).load_tensors(str(tmp_path / "m.onnx"), {}, {"x": x[:5]})
