"""What ONNX Runtime is told: optimisation, execution, arena, libraries of operators, and the board's cache."""

import sys
from pathlib import Path
from typing import Any

import pytest

from sis_agent.protocol import ProblemError
from sis_agent.runners import onnxruntime as runner
from sis_agent.runners.onnxruntime import OnnxRuntimeOptions, OnnxRuntimeRunner, parse
from sis_agent.schema import Job, Record

from .board import Board
from .networks import write_bundle


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "root", sys.executable)


@pytest.fixture
def job(board: Board) -> Job:
    return write_bundle(board.root / "bundles" / "b1")


def measured(board: Board, job: Job, job_id: str = "j1", **options: Any) -> Record:
    networks = [network._replace(options=options) for network in job.networks]
    board.put_job(job_id, job._replace(networks=networks))
    board.call("run", "--foreground", "--job-id", job_id).answer  # noqa: B018
    return board.record(job_id)


@pytest.mark.parametrize(
    "options",
    [
        {"optimization": "disabled"},
        {"optimization": "basic", "arena": False},
        {"optimization": "extended", "execution": "parallel", "inter_op_threads": 2},
    ],
)
def test_the_options_in_force_stand_in_the_record(board: Board, job: Job, options: dict[str, Any]) -> None:
    for network in measured(board, job, **options).networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert {name: network.details[name] for name in options} == options
        assert network.details["cached"] is False


def test_the_options_reach_onnxruntime() -> None:
    import onnxruntime

    runner = OnnxRuntimeRunner(threads=3)
    chosen = OnnxRuntimeOptions("basic", "parallel", 2, arena=False)
    settings = runner.settings(chosen)
    assert settings.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert settings.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert (settings.intra_op_num_threads, settings.inter_op_num_threads) == (3, 2)
    assert settings.get_session_config_entry("session.force_spinning_stop") == "1"
    assert settings.enable_cpu_mem_arena is False
    assert runner.details()["threads_spin"] is True


def test_threads_of_old_releases_do_not_spin_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = OnnxRuntimeRunner(threads=2)
    monkeypatch.setattr(runner._ort, "__version__", "1.10.0")
    settings = runner.settings(OnnxRuntimeOptions())
    assert settings.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert runner.details()["threads_spin"] is False


def test_one_thread_waits_for_nobody() -> None:
    runner = OnnxRuntimeRunner(threads=1)
    with pytest.raises(RuntimeError, match="force_spinning_stop"):
        runner.settings(OnnxRuntimeOptions()).get_session_config_entry("session.force_spinning_stop")
    assert runner.details()["threads_spin"] is False


@pytest.mark.slow
def test_an_optimised_network_is_kept_on_the_board(board: Board, job: Job) -> None:
    first = measured(board, job, cache=True)
    kept = {path.name: path.read_bytes() for path in (board.root / "engines").iterdir()}
    assert len([name for name in kept if name.endswith(".plan")]) == 2, "one for each network"
    second = measured(board, job, "j2", cache=True)
    assert {path.name: path.read_bytes() for path in (board.root / "engines").iterdir()} == kept
    for record in (first, second):
        for network in record.networks:
            assert network.golden is not None
            assert network.golden.passed
            assert network.details["cached"] is True
            assert network.details["optimised_bytes"] > 0


@pytest.mark.slow
def test_a_damaged_cache_is_made_again(board: Board, job: Job) -> None:
    measured(board, job, cache=True)
    for plan in (board.root / "engines").glob("*.plan"):
        plan.write_bytes(b"damage")
    record = measured(board, job, "j2", cache=True)
    assert [network.problem for network in record.networks] == [None, None]
    assert all(plan.read_bytes() != b"damage" for plan in (board.root / "engines").glob("*.plan"))


def test_another_onnxruntime_makes_its_own(
    board: Board, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIS_AGENT_ENGINES", str(tmp_path / "engines"))
    path = str(board.root / "bundles" / "b1" / "dense.onnx")
    for version in ("1.0", "2.0", "2.0"):
        runner = OnnxRuntimeRunner(threads=1)
        with monkeypatch.context() as patch:
            patch.setattr(runner._ort, "__version__", version)  # the key's; the child has the real one
            runner.prepare(path, {"cache": True})
    assert len(list((tmp_path / "engines").glob("*.plan"))) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threads": 2}, "unknown option 'threads'; known: optimization, execution"),
        ({"optimization": "most"}, "the option optimization is 'most', and must be one of disabled, basic"),
        ({"execution": True}, "the option execution is True, and must be one of sequential, parallel"),
        ({"arena": 1}, "the option arena is 1, and must be true or false"),
        ({"cache": None}, "the option cache is None, and must be true or false"),
        ({"inter_op_threads": 0}, "the option inter_op_threads is 0, and must be a whole number from 1 on"),
        ({"inter_op_threads": True}, "the option inter_op_threads is True"),
        ({"custom_ops": 3}, "the option custom_ops is 3, and must be a path"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ProblemError) as raised:
        parse(options)
    assert raised.value.problem.code == "bad-option"
    assert sentence in raised.value.problem.message


@pytest.mark.slow
def test_what_cannot_be_optimised_is_the_network_s_problem(board: Board, job: Job) -> None:
    (board.root / "bundles" / "b1" / "dense.onnx").write_bytes(b"no network")
    dense, sparse = measured(board, job, cache=True).networks
    assert dense.problem is not None
    assert dense.problem.code == "bad-model"
    assert sparse.problem is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not on this board; push it again"),
        (b"no library", "cannot load the operators in"),
        (b"", "cannot load the operators in"),
    ],
)
def test_a_library_of_operators_that_cannot_be_loaded(
    board: Board, job: Job, content: bytes | None, sentence: str
) -> None:
    folder = board.root / "bundles" / "b1"
    if content is not None:
        (folder / "ops.so").write_bytes(content)
    with pytest.raises(ProblemError) as raised:
        OnnxRuntimeRunner(1).load(str(folder / "dense.onnx"), {"custom_ops": str(folder / "ops.so")})
    assert raised.value.problem.code == "bad-library"
    assert sentence in raised.value.problem.message


def test_what_is_documented_is_what_is_known() -> None:
    text = runner.OnnxRuntimeOptions.__doc__
    assert text is not None
    for name in OnnxRuntimeOptions._fields:
        assert f"    {name} " in text
