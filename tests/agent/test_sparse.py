"""Networks with sparse nodes in real jobs: next to plain ones, from the cache, and what goes wrong with one of them."""

import sys
from pathlib import Path
from typing import Any

import onnx
import pytest

from sis_agent.runners.onnxruntime import OnnxRuntimeRunner, parse
from sis_agent.schema import Job, Record

from .board import Board
from .sparse import LIBRARY, of_another_architecture, write_sparse_bundle


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "root", sys.executable)


@pytest.fixture
def job(board: Board) -> Job:
    return write_sparse_bundle(board.root / "bundles" / "b1")


def measured(board: Board, job: Job, job_id: str = "j1", **fields: Any) -> Record:
    board.put_job(job_id, job._replace(**fields))
    board.call("run", "--foreground", "--job-id", job_id).answer  # noqa: B018
    return board.record(job_id)


@pytest.mark.parametrize(("threads", "batch_size"), [(1, 1), (2, 3)])
def test_both_forms_in_one_job(board: Board, job: Job, threads: int, batch_size: int) -> None:
    record = measured(board, job, threads=threads, batch_size=batch_size)
    assert record.problem is None
    for network in record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert len(network.rounds) == job.rounds
    plain, sparse = record.networks
    assert plain.details["custom_ops"] is None
    assert sparse.details["custom_ops"] == str(board.root / "bundles" / "b1" / LIBRARY)


@pytest.mark.slow
def test_an_optimised_network_keeps_its_sparse_nodes(board: Board, job: Job) -> None:
    cached = [network._replace(options={"cache": True}) for network in job.networks]
    measured(board, job, networks=cached)
    plans = {path.name: path.read_bytes() for path in (board.root / "engines").glob("*.plan")}
    kinds = [[node.op_type for node in onnx.load_from_string(plan).graph.node] for plan in plans.values()]
    assert sorted("SparseChain" in found for found in kinds) == [False, True]
    for network in measured(board, job, "j2", networks=cached).networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert network.details["cached"] is True
    assert {path.name: path.read_bytes() for path in (board.root / "engines").glob("*.plan")} == plans


@pytest.mark.parametrize("cache", [False, True])
def test_a_library_of_another_architecture_costs_that_network_only(board: Board, job: Job, cache: bool) -> None:
    of_another_architecture(board.root / "bundles" / "b1" / LIBRARY)
    plain, sparse = measured(
        board, job, networks=[network._replace(options={"cache": cache}) for network in job.networks]
    ).networks
    assert sparse.problem is not None
    assert sparse.problem.code == "bad-library"
    assert LIBRARY in sparse.problem.message
    assert "build the bundle for this board" in sparse.problem.message
    assert (plain.problem, len(plain.rounds)) == (None, job.rounds)


def test_a_malformed_node_costs_that_network_only(board: Board, job: Job) -> None:
    path = board.root / "bundles" / "b1" / "sparse.onnx"
    model = onnx.load(path)
    (node,) = (node for node in model.graph.node if node.op_type == "SparseChain")
    (chain,) = (attribute for attribute in node.attribute if attribute.name == "chain")
    chain.s = chain.s[:-4] + b"\x00\x00\x80\x3f"
    onnx.save(model, path)
    plain, sparse = measured(board, job).networks
    assert sparse.problem is not None
    assert sparse.problem.code == "bad-model"
    assert "weights of a node SparseChain are damaged" in sparse.problem.message
    assert (plain.problem, len(plain.rounds)) == (None, job.rounds)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("native/other.so", "the bundle lacks native/other.so"), ("../../lock", "is not inside the bundle")],
)
def test_a_file_that_is_not_the_bundles_is_reported_before_the_job_starts(
    board: Board, job: Job, name: str, sentence: str
) -> None:
    plain, sparse = job.networks
    board.put_job("j1", job._replace(networks=[plain, sparse._replace(files={"custom_ops": name})]))
    problem = board.call("run", "--job-id", "j1").problem
    assert problem["code"] == "bad-bundle"
    assert sentence in problem["message"]


@pytest.mark.parametrize(("version", "told"), [("1.10.0", [3]), ("1.16.3", [3]), ("1.17.0", []), ("1.23.2", [])])
def test_an_old_runtime_lends_no_threads_so_the_library_is_reported(
    board: Board, job: Job, monkeypatch: pytest.MonkeyPatch, version: str, told: list[int]
) -> None:
    from sis_agent.runners import onnxruntime as runner

    threads: list[int] = []
    monkeypatch.setattr(runner.Library, "set_threads", lambda self, count: threads.append(count))
    runner = OnnxRuntimeRunner(threads=3)
    monkeypatch.setattr(runner._ort, "__version__", version)
    runner.settings(parse({"custom_ops": str(board.root / "bundles" / "b1" / LIBRARY)}))
    assert threads == told
