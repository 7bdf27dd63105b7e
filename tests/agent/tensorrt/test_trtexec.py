"""The runner over trtexec, on stand-ins of the tool: its flags by version, its JSON, its failures."""

import json
from pathlib import Path
from typing import Any

import pytest

from sis_agent.runners.trtexec import parse_times

from .board_with_gpu import DIALECTS, GpuBoard, gpu_board
from .networks import CHOSEN, SIZE

SHAPE = [3, SIZE, SIZE]


def board(root: Path, version: str) -> GpuBoard:
    """A board with trtexec and without TensorRT's Python module."""
    return gpu_board(root, None, "pycuda", version)


def load(there: GpuBoard, form: str, batch_size: int = 1, **options: Any) -> Any:
    return there.load(form, "trtexec", batch_size, **{"input_shape": SHAPE, **options})


FLAGS = {
    "8.2.1": "--verbose --buildOnly --profilingVerbosity=detailed --fp16 --noTF32 --sparsity=enable --workspace=256",
    "10.3.0": "--verbose --skipInference --profilingVerbosity=detailed --fp16 --noTF32 --sparsity=enable "
    "--memPoolSize=workspace:256 --builderOptimizationLevel=4",
    "11.4.0.106": "--verbose --skipInference --profilingVerbosity=detailed --noTF32 --memPoolSize=workspace:256 "
    "--builderOptimizationLevel=4",
}


@pytest.mark.parametrize("version", DIALECTS)
def test_every_dialect(version: str, tmp_path: Path) -> None:
    strong = version.startswith("11")
    options: dict[str, Any] = {"precision": "fp16", "sparse_weights": not strong, "workspace_bytes": 256 << 20}
    if version != "8.2.1":
        options["optimization_level"] = 4
    there = board(tmp_path, version)
    found = load(there, "sparse-fp16" if strong else "sparse", 4, **options)
    assert "problem" not in found, found
    assert found["difference"] < 1e-6
    assert len(found["latencies_s"]) == 5
    assert all(0 < latency_s < 60 for latency_s in found["latencies_s"])
    details = found["details"]
    assert details["copies"] == {"to_device_s": [pytest.approx(125e-6)] * 5, "to_host_s": [pytest.approx(62.5e-6)] * 5}
    told = details["engine_told"]
    assert told["flags"] == FLAGS[version].split()
    assert told["build_s"] > 0
    assert any(word.startswith("--optShapes=input:4x3x8x8") for word in told["command"])
    if strong:
        assert told["sparsity"]["chosen"] is None
    else:
        assert told["sparsity"]["chosen"] == {"number": 1, "names": CHOSEN}
    runner = found["runner"]
    assert runner["simulated"] is True
    assert runner["tensorrt"] == {"8.2.1": "821", "10.3.0": "100300", "11.4.0.106": "110400"}[version]
    again = load(there, "sparse-fp16" if strong else "sparse", 4, **options)["details"]
    assert (details["engine_cache_hit"], again["engine_cache_hit"]) == (False, True)
    assert not list(there.engines.glob("tmp*"))


@pytest.mark.parametrize(
    ("version", "options", "code", "said"),
    [
        ("11.4.0.106", {"sparse_weights": True}, "bad-option", "has no --sparsity"),
        ("8.2.1", {"optimization_level": 2}, "bad-option", "has no --builderOptimizationLevel"),
        ("10.3.0", {"input_shape": None}, "bad-option", "needs the option input_shape"),
        ("10.3.0", {"input_shape": "3x8x8"}, "bad-option", "channels, height, width"),
        ("11.4.0.106", {"precision": "fp16"}, "wrong-precision", "push the fp16 ONNX"),
    ],
)
def test_what_the_tool_cannot_do_is_refused(
    version: str, options: dict[str, Any], code: str, said: str, tmp_path: Path
) -> None:
    there = board(tmp_path, version)
    problem = load(there, "dense", **options)["problem"]
    assert (problem["code"], said in problem["message"]) == (code, True), problem
    assert not list(there.engines.glob("*.json"))


def test_a_failed_build_gives_the_tools_own_words(tmp_path: Path) -> None:
    there = board(tmp_path, "10.3.0")
    (there.networks / "dense.onnx").write_bytes(b"no ONNX")
    problem = load(there, "dense")["problem"]
    assert problem["code"] == "build-failed"
    assert "Failed to parse" in problem["message"]


def test_the_times_of_both_eras() -> None:
    old = [{"startInMs": 1.0, "endInMs": 1.5, "startComputeMs": 2.0, "endComputeMs": 4.5, "inMs": 0.5}]
    new = [
        {
            "startEnqMs": 0.0,
            "startH2dMs": 1.0,
            "endH2dMs": 1.5,
            "startComputeMs": 2.0,
            "endComputeMs": 4.5,
            "startD2hMs": 5.0,
            "endD2hMs": 5.25,
        }
    ]
    assert parse_times(json.dumps(old)) == [{"compute_s": 2.5e-3, "to_device_s": 0.5e-3}]
    assert parse_times(json.dumps(new)) == [{"compute_s": 2.5e-3, "to_device_s": 0.5e-3, "to_host_s": 0.25e-3}]
