"""The runner over trtexec, on stand-ins of the tool: its flags by version, its JSON, its failures."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sis_agent.protocol import ProblemError
from sis_agent.runners import streamed_json
from sis_agent.runners.tensorrt.options import EngineOptions
from sis_agent.runners.trtexec_files import parse_logits, parse_times
from sis_agent.runners.trtexec_flags import Flags, version_of

from .board_with_gpu import DIALECTS, GpuBoard, gpu_board
from .networks import CHOSEN, SIZE

SHAPE = [3, SIZE, SIZE]
SIX_DIGITS = 1e-5  # what the tool writes of a logit near 1, and its half-digit twice


def board(root: Path, version: str) -> GpuBoard:
    """A board with trtexec and without TensorRT's Python module."""
    return gpu_board(root, None, "pycuda", version)


def load(there: GpuBoard, form: str, batch_size: int = 1, **options: Any) -> Any:
    return there.load(form, "trtexec", batch_size, **{"input_shape": SHAPE, **options})


COMMON = "--profilingVerbosity=detailed"
FLAGS = {
    "8.2.1": f"--verbose --buildOnly {COMMON} --fp16 --noTF32 --sparsity=enable --workspace=256",
    "10.3.0": f"--verbose --skipInference {COMMON} --fp16 --noTF32 --sparsity=enable --memPoolSize=workspace:256 "
    "--builderOptimizationLevel=4",
    "11.4.0.106": f"--verbose --skipInference {COMMON} --noTF32 --sparsity=enable --memPoolSize=workspace:256 "
    "--builderOptimizationLevel=4",
}
# Whatever a version does by itself, a run has its copies and no CUDA graph.
RUN_FLAGS = {
    "8.2.1": "--streams=1 --duration=0 --avgRuns=1",
    "10.3.0": "--infStreams=1 --duration=0 --avgRuns=1",
    "11.4.0.106": "--infStreams=1 --duration=0 --avgRuns=1 --includeDataTransfers --noCudaGraph --noSpinWait",
}


@pytest.mark.parametrize("version", DIALECTS)
def test_every_dialect(version: str, tmp_path: Path) -> None:
    strong = version.startswith("11")
    options: dict[str, Any] = {"precision": "fp16", "sparse_weights": True, "workspace_bytes": 256 << 20}
    if version != "8.2.1":
        options["optimization_level"] = 4
    there = board(tmp_path, version)
    found = load(there, "sparse-fp16" if strong else "sparse", 4, **options)
    assert "problem" not in found, found
    assert found["difference"] < SIX_DIGITS
    assert len(found["latencies_s"]) == 5
    assert all(0 < latency_s < 60 for latency_s in found["latencies_s"])
    details = found["details"]
    assert details["copies"] == {"to_device_s": [pytest.approx(125e-6)] * 5, "to_host_s": [pytest.approx(62.5e-6)] * 5}
    told = details["engine_told"]
    assert told["flags"] == FLAGS[version].split()
    assert details["run_flags"] == RUN_FLAGS[version].split()
    assert told["build_s"] > 0
    assert any(word.startswith("--optShapes=input:4x3x8x8") for word in told["command"])
    assert told["sparsity"]["chosen"] == {"number": 1, "names": CHOSEN}
    runner = found["runner"]
    assert (runner["simulated"], found["on_gpu"]) == (True, True)
    assert runner["tensorrt"] == version[:6]
    again = load(there, "sparse-fp16" if strong else "sparse", 4, **options)["details"]
    assert (details["engine_cache_hit"], again["engine_cache_hit"]) == (False, True)
    assert not list(there.engines.glob("tmp*"))


@pytest.mark.parametrize(
    ("version", "options", "code", "said"),
    [
        ("11.4.0.106", {"tactic_sources": ["CUBLAS"]}, "bad-option", "known: EDGE_MASK_CONVOLUTIONS, JIT_CONVOLUTIONS"),
        ("8.2.1", {"optimization_level": 2}, "bad-option", "has no --builderOptimizationLevel"),
        ("10.3.0", {"input_shape": None}, "bad-option", "needs the option input_shape"),
        ("10.3.0", {"input_shape": "3x8x8"}, "bad-option", "channels, height, width"),
        ("11.4.0.106", {"precision": "fp16"}, "wrong-precision", "which is fp32; push the fp16 ONNX"),
        ("11.4.0.106", {"precision": "int8"}, "wrong-precision", "no QuantizeLinear nodes; push the quantised ONNX"),
        ("10.3.0", {"precision": "int8"}, "wrong-precision", "no QuantizeLinear nodes; push the quantised ONNX"),
    ],
)
def test_what_the_tool_cannot_do_is_refused(
    version: str, options: dict[str, Any], code: str, said: str, tmp_path: Path
) -> None:
    there = board(tmp_path, version)
    problem = load(there, "dense", **options)["problem"]
    assert (problem["code"], said in problem["message"]) == (code, True), problem
    assert not list(there.engines.glob("*.json"))


def test_a_typed_onnx_is_not_taken_for_float32(tmp_path: Path) -> None:
    problem = load(board(tmp_path, "11.4.0.106"), "sparse-fp16", precision="fp32")["problem"]
    assert (problem["code"], "which is fp16; push the fp32" in problem["message"]) == ("wrong-precision", True)


@pytest.mark.slow
@pytest.mark.parametrize("version", DIALECTS)
def test_int8_from_the_quantised_onnx(version: str, tmp_path: Path) -> None:
    there = board(tmp_path, version)
    found = load(there, "sparse-int8", precision="int8")
    assert "problem" not in found, found
    assert found["difference"] < SIX_DIGITS
    assert ("--int8" in found["details"]["engine_told"]["flags"]) == (not version.startswith("11"))
    problem = load(there, "sparse-int8", precision="fp32")["problem"]
    assert (problem["code"], "the ONNX is quantised; push the fp32" in problem["message"]) == ("wrong-precision", True)


def test_sources_and_timings_as_asked_for(tmp_path: Path) -> None:
    found = load(board(tmp_path, "10.3.0"), "dense", tactic_sources=["CUDNN"], timing_cache=False)
    flags, command = (found["details"]["engine_told"][name] for name in ("flags", "command"))
    assert "--noBuilderCache" in flags
    assert "--tacticSources=-CUBLAS,-CUBLAS_LT,+CUDNN,-EDGE_MASK_CONVOLUTIONS,-JIT_CONVOLUTIONS" in flags
    assert not [word for word in command if word.startswith("--timingCacheFile")]


def test_a_tool_without_the_flag_refuses_sparse_kernels() -> None:
    old = Flags("&&&& RUNNING TensorRT.trtexec [TensorRT v7200] # trtexec --help\n --workspace=N --fp16")
    assert old.version == "7.2.0"
    with pytest.raises(ProblemError, match=r"7\.2\.0 has no --sparsity"):
        old.of_build(EngineOptions(sparse_weights=True))


@pytest.mark.parametrize(
    ("code", "version"), [("8201", "8.2.1"), ("8502", "8.5.2"), ("100300", "10.3.0"), ("101303", "10.13.3")]
)
def test_the_version_that_the_tool_says(code: str, version: str) -> None:
    assert version_of(f"&&&& RUNNING TensorRT.trtexec [TensorRT v{code}] [b9] # trtexec --help") == version
    assert version_of("command not found") is None


def test_a_failed_build_gives_the_tools_own_words(tmp_path: Path) -> None:
    there = board(tmp_path, "10.3.0")
    (there.networks / "dense.onnx").write_bytes(b"no ONNX")
    problem = load(there, "dense")["problem"]
    assert problem["code"] == "build-failed"
    assert "Failed to parse" in problem["message"]


def test_the_times_of_both_eras() -> None:
    old = [
        {"startInMs": 1.0, "endInMs": 1.5, "startComputeMs": 2.0, "endComputeMs": 4.5, "inMs": 0.5, "computeMs": 2.5}
    ]
    new = [{"startComputeMs": 2.0, "endComputeMs": 4.5, "h2dMs": 0.5, "computeMs": 2.5, "d2hMs": 0.25}]
    assert parse_times(json.dumps(old)) == [{"compute_s": 2.5e-3, "to_device_s": 0.5e-3}]
    assert parse_times(json.dumps(new)) == [{"compute_s": 2.5e-3, "to_device_s": 0.5e-3, "to_host_s": 0.25e-3}]


def test_times_are_the_tools_own_durations() -> None:
    """Stamps of six digits: by subtraction the two would be 70 us and 60 us."""
    text = """[
      { "startH2dMs" : 1200.1, "endH2dMs" : 1200.1, "h2dMs" : 0, "startComputeMs" : 1200.11, "endComputeMs" : 1200.18,
        "computeMs" : 0.0712, "startD2hMs" : 1200.18, "endD2hMs" : 1200.19, "d2hMs" : 0.0043 },
      { "startH2dMs" : 1200.18, "endH2dMs" : 1200.18, "h2dMs" : 0, "startComputeMs" : 1200.2, "endComputeMs" : 1200.26,
        "computeMs" : 0.0714, "startD2hMs" : 1200.26, "endD2hMs" : 1200.27, "d2hMs" : nan }
    ]"""
    first, second = parse_times(text)
    assert first == pytest.approx({"compute_s": 71.2e-6, "to_device_s": 0.0, "to_host_s": 4.3e-6})
    assert second == pytest.approx({"compute_s": 71.4e-6, "to_device_s": 0.0}), "an unknown copy is no copy of 0 s"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"startComputeMs": 2.0, "endComputeMs": 4.5}]', "no compute time for inference 1 of 1 (computeMs: missing)"),
        ('[{"computeMs": 1.0}, {"computeMs": nan}]', "inference 2 of 2 (computeMs: nan)"),
        ('[{"computeMs": -inf}]', "(computeMs: -inf)"),
        ('[{"computeMs": 0}]', "(computeMs: 0)"),
        ('[{"computeMs": 0.0712}, {"comp', "times cannot be read"),
        ("", "the file is empty or missing"),
        ('{"computeMs": 1}', "no list of objects"),
    ],
)
def test_times_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ProblemError) as raised:
        parse_times(text)
    assert raised.value.problem.code == "run-failed"
    assert said in raised.value.problem.message


def test_logits_that_are_no_numbers_are_read() -> None:
    """Not a fault of the JSON: the golden check says that the network gives NaN."""
    text = (
        '[{"name": "nan", "values": [1]}, {"name": "logits", "dimensions": "2x2", "values": [-nan, inf, -inf, 1e-3]}]'
    )
    logits = parse_logits(text, 2)
    assert logits.shape == (2, 2)
    assert [str(value) for value in logits.ravel()] == ["nan", "inf", "-inf", "0.001"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[{"name": "logits", "values": [1, 2, 3]}]', "run-failed"),
        ('[{"name": "logits", "values": []}]', "run-failed"),
        ('[{"name": "logits", "values": [1, ', "run-failed"),
        ('[{"name": "scores", "values": [1, 2]}]', "bad-model"),
    ],
)
def test_logits_that_cannot_be_used(text: str, code: str) -> None:
    with pytest.raises(ProblemError) as raised:
        parse_logits(text, 2)
    assert raised.value.problem.code == code


@given(st.text(), st.floats())
def test_json_as_a_stream_writes_it(text: str, number: float) -> None:
    """A name stays as it is, whatever is in it; a number comes as repr and C++ write it."""
    read = streamed_json.loads(f"{{{json.dumps(text)} : [{number!r}, {json.dumps(text)}]}}")
    assert repr(read) == repr({text: [number, text]})
