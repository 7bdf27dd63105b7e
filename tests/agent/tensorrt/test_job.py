"""Whole jobs of the real archive with TensorRT: three variants in turns, on stand-ins of every dialect."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from sis_agent.schema import NetworkJob, Record

from ..board import Board
from .board_with_gpu import DIALECTS, install
from .networks import CHOSEN, ELIGIBLE, IMAGES, SIZE, job, write


def variants(version: str, **options: Any) -> list[NetworkJob]:
    """A network in three ways: dense; 2:4 with the flag off; 2:4 with it on."""
    fp16 = {"precision": "fp16", **options}
    strong = version.startswith("11")
    dense, sparse = ("dense", "sparse-fp16" if strong else "sparse")
    return [
        NetworkJob("dense", f"{dense}.onnx", f"{dense}.npy", options={} if strong else fp16),
        NetworkJob("off", f"{sparse}.onnx", f"{sparse}.npy", "sparse", {**fp16, "sparse_weights": False}),
        NetworkJob("on", f"{sparse}.onnx", f"{sparse}.npy", "sparse", {**fp16, "sparse_weights": True}, 1e-3),
    ]


def measure(
    root: Path, environment: dict[str, str], networks: list[NetworkJob], python: str = sys.executable, **fields: Any
) -> tuple[Board, Record]:
    board = Board(root, python)
    write(root / "bundles" / "b1")
    board.put_job("j1", job("b1", networks)._replace(**fields))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        board.call("run", "--foreground", "--job-id", "j1").answer  # noqa: B018
        return board, board.record("j1")


def check(record: Record, version: str, backend: str) -> None:
    assert record.problem is None
    assert record.simulated
    assert record.facts_before.runners["tensorrt"] == "available"
    assert record.runner_details["tensorrt"] == version
    assert record.runner_details["on_gpu"] is True
    assert [network.name for network in record.networks] == ["dense", "off", "on"]
    for network in record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert network.accuracy is not None
        assert network.accuracy.images == IMAGES
        assert network.memory is not None
        assert network.memory.device_bytes is not None
        assert network.memory.device_reason is None
        assert network.details["engine_cache_hit"] is False
        assert network.details["cuda_backend"] == backend
        assert len(network.rounds) == 3
        for turn in network.rounds:
            assert len(turn.latencies_s) == len(turn.device_latencies_s) == 4
            # The device's time is a part of the host's.
            assert all(0 <= gpu <= host for gpu, host in zip(turn.device_latencies_s, turn.latencies_s, strict=True))
    dense, off, on = (network.details["engine_told"] for network in record.networks)
    assert record.networks[0].accuracy is not None
    assert record.networks[0].accuracy.correct == IMAGES
    for told in (dense, off):
        assert "SPARSE_WEIGHTS" not in told["flags"]
        assert told["sparsity"]["chosen"] is None
    assert "SPARSE_WEIGHTS" in on["flags"]
    assert on["sparsity"]["eligible"]["names"] == ELIGIBLE
    assert on["sparsity"]["chosen"]["names"] == CHOSEN


@pytest.mark.slow
@pytest.mark.parametrize("version", DIALECTS)
def test_three_ways_in_turns(version: str, tmp_path: Path) -> None:
    environment = install(tmp_path / "standins", version)
    board, record = measure(tmp_path / "root", environment, variants(version))
    check(record, version, "pycuda")
    assert len(list((board.root / "engines").glob("*.plan"))) == 3
    # Building happens before loading, in a process of its own: neither the load time nor the memory holds it.
    assert all(network.load_s is not None and network.load_s < 60 for network in record.networks)

    board.call("clean", "--kind", "jobs").answer  # noqa: B018
    assert len(list((board.root / "engines").iterdir())) == 3 * 3 + 1
    cleaned = board.call("clean").answer["entries"]
    assert sum(entry["kind"] == "engines" for entry in cleaned) == 3 * 3 + 1
    assert not list((board.root / "engines").iterdir())


@pytest.mark.slow
def test_one_network_that_cannot_be_built_costs_no_other(tmp_path: Path) -> None:
    environment = install(tmp_path / "standins", "11.4.0.106")
    networks = variants("11.4.0.106")
    networks[0] = networks[0]._replace(options={"precision": "fp16"})
    _, record = measure(tmp_path / "root", environment, networks)
    dense, off, on = record.networks
    assert dense.problem is not None
    assert dense.problem.code == "wrong-precision"
    assert dense.rounds == []
    assert off.problem is on.problem is None
    assert len(on.rounds) == 3


def test_a_board_without_a_gpu_says_so_before_the_job(tmp_path: Path) -> None:
    environment = {**install(tmp_path / "standins", "10.3.0"), "STANDIN_GPUS": "0"}
    board = Board(tmp_path / "root", sys.executable)
    write(board.root / "bundles" / "b1")
    board.put_job("j1", job("b1", variants("10.3.0")))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        problem = board.call("run", "--foreground", "--job-id", "j1").problem
        facts = board.call("facts").answer
    assert problem["code"] == "no-runtime"
    assert "no CUDA-capable device" in problem["message"]
    assert problem["message"] == "the runner tensorrt cannot be used here: " + facts["runners"]["tensorrt"]
    assert facts["runners"]["onnxruntime"] == "available"


@pytest.mark.slow
def test_trtexec_measures_without_tensorrts_python_module(tmp_path: Path) -> None:
    environment = install(tmp_path / "standins", None, "pycuda", "10.3.0")
    networks = variants("10.3.0", input_shape=[3, SIZE, SIZE])[2:]
    board, record = measure(tmp_path / "root", environment, networks, runner="trtexec", rounds=1)
    assert record.problem is None
    assert record.simulated
    assert record.runner_details["trtexec"].endswith("/trtexec")
    for network in record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert [len(turn.latencies_s) for turn in network.rounds] == [4]
        assert network.rounds[0].device_latencies_s == []
    assert record.networks[0].details["engine_told"]["sparsity"]["chosen"]["names"] == CHOSEN
    assert not list((board.root / "engines").glob("tmp*"))


@pytest.mark.slow
def test_python_3_6_with_tensorrt_8_2(tmp_path: Path, python_3_6: str) -> None:
    """JetPack 4's Python with the last numpy and ONNX Runtime for it; CUDA by ctypes needs nothing installed."""
    for cuda in ("pycuda", "ctypes"):
        environment = install(tmp_path / cuda, "8.2.1", cuda)
        _, record = measure(tmp_path / f"root-{cuda}", environment, variants("8.2.1"), python_3_6)
        check(record, "8.2.1", cuda)
        shutil.rmtree(tmp_path / f"root-{cuda}")
