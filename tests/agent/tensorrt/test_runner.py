"""The TensorRT runner on stand-ins of every version: engines are built, kept, loaded, timed, and refused."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from .board_with_gpu import DIALECTS, VERSIONS, GpuBoard, gpu_board
from .networks import CHOSEN, ELIGIBLE, model

NAMES = {"8": "tensors", "10": "tensors", "11": "strongly-typed"}


def form_for(version: str, precision: str) -> str:
    """TensorRT 11 takes the precision from the ONNX, so it gets another one."""
    if precision == "fp32":
        return "dense"
    return (
        "sparse-fp16"
        if precision == "fp16" and version.startswith("11")
        else {"fp16": "sparse"}.get(precision, "sparse-int8")
    )


def problem(answer: Any) -> tuple[str, str]:
    return answer["problem"]["code"], answer["problem"]["message"]


@pytest.mark.parametrize(
    ("version", "precision"),
    [(version, precision) for version in DIALECTS for precision in ("fp32", "fp16", "int8")]
    + [(version, "fp16") for version in VERSIONS if version not in DIALECTS],
)
def test_every_version_and_every_dialect_in_every_precision(version: str, precision: str, tmp_path: Path) -> None:
    sparse = precision != "fp32"
    there = gpu_board(tmp_path, version)
    found = there.load(form_for(version, precision), precision=precision, sparse_weights=sparse, batch_size=4)
    assert "problem" not in found, found
    runner, details = found["runner"], found["details"]
    name = "bindings" if version == "8.2.1" else NAMES[version.split(".")[0]]
    assert (runner["tensorrt"], runner["dialect"], runner["simulated"]) == (version, name, True)
    # The numbers are right through the last, unfilled batch: 11 images in batches of 4.
    assert found["difference"] < 1e-6
    assert len(found["latencies_s"]) == 5
    assert all(0 <= latency_s < 60 for latency_s in found["latencies_s"])
    assert found["again"] == []
    assert len(details["copies"]["to_device_s"]) == len(details["copies"]["to_host_s"]) == 50
    assert details["cuda_backend"] == "pycuda"
    assert details["simulated"] is True
    told = details["engine_told"]
    precision_flags = {"fp32": [], "fp16": ["FP16"], "int8": ["FP16", "INT8"]}[precision]
    wanted = [] if version.startswith("11") else precision_flags
    assert told["flags"] == sorted(wanted + ["SPARSE_WEIGHTS"] * sparse)
    assert told["build_s"] > 0
    # What was left to TensorRT is read back from it: the stand-in's own limit is the device's memory.
    settings = told["settings"]
    assert settings["workspace_bytes"] == (0 if version == "8.2.1" else 8 << 30)
    assert settings["optimization_level"] == (None if version in ("8.2.1", "8.5.2") else 3)
    assert "JIT_CONVOLUTIONS" in settings["tactic_sources"] or version == "8.2.1"
    assert settings["timing_cache"] is True
    sparsity = told["sparsity"]
    if sparse:
        assert sparsity["eligible"] == {"number": 2, "names": ELIGIBLE}
        assert sparsity["chosen"] == {"number": 1, "names": CHOSEN}
        assert sparsity["sparse_tactics"] == (None if version == "8.2.1" else CHOSEN)
    else:
        assert (sparsity["eligible"], sparsity["chosen"]) == (None, None)
    # Each layer's times, from a pass of its own; the stand-in's sparse kernels take half as long.
    layers = details["layer_times_s"]
    assert details["layer_times_reason"] is None
    assert {len(times) for times in layers.values()} == {20}
    assert all(set(times) == {0.25e-3 if sparse and name in CHOSEN else 0.5e-3} for name, times in layers.items())
    assert set(CHOSEN) <= set(layers)
    memory = details["device_memory"]
    assert 0 < memory["free_after_bytes"] < memory["free_before_bytes"] < memory["total_bytes"]
    assert details["device_bytes"] == memory["free_before_bytes"] - memory["free_after_bytes"]
    assert details["context_memory_bytes"] == 1 << 20


@pytest.mark.parametrize("cuda", ["cuda-python", "ctypes"])
@pytest.mark.parametrize("version", DIALECTS)
def test_the_other_ways_to_cuda(version: str, cuda: str, tmp_path: Path) -> None:
    found = gpu_board(tmp_path, version, cuda).load("dense", batch_size=3, cuda_backend=cuda)
    assert "problem" not in found, found
    assert found["difference"] < 1e-6
    assert found["details"]["cuda_backend"] == cuda
    assert found["details"]["simulated"] is True


@pytest.fixture
def orin(tmp_path: Path) -> GpuBoard:
    return gpu_board(tmp_path, "10.3.0")


def files(there: GpuBoard, ending: str) -> list[Path]:
    return sorted(there.engines.glob(f"*{ending}"))


def test_an_engine_is_built_once(orin: GpuBoard) -> None:
    first = orin.load("sparse", precision="fp16", sparse_weights=True)["details"]
    plan = files(orin, ".plan")[0].stat().st_mtime_ns
    again = orin.load("sparse", precision="fp16", sparse_weights=True, engine_name="another name")["details"]
    assert (first["engine_cache_hit"], again["engine_cache_hit"]) == (False, True)
    assert again["engine_name"] == "another name"
    for key in ("engine_told", "engine_sha256", "engine_bytes"):
        assert first[key] == again[key]
    assert [path.stat().st_mtime_ns for path in files(orin, ".plan")] == [plan]
    assert len(files(orin, ".log")) == 1
    assert "(Sparsity) Chose 1" in files(orin, ".log")[0].read_text()


@pytest.mark.slow
def test_another_engine_for_another_of_whatever_it_depends_on(orin: GpuBoard) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"form": "dense"},
        {"precision": "fp16"},
        {"sparse_weights": True},
        {"tf32": True},
        {"workspace_bytes": 1 << 28},
        {"optimization_level": 5},
        {"tactic_sources": ["CUBLAS"]},
        {"batch_size": 2},
        {"STANDIN_GPU_NAME": "Thor"},
        {"SIS_AGENT_POWER_MODE": "MAXN"},
    ]
    for number, change in enumerate(changes, 1):
        variables = {key: value for key, value in change.items() if key.isupper()}
        options = {key: value for key, value in change.items() if key.islower() and key not in ("form", "batch_size")}
        words = ["tensorrt", change.get("batch_size", 1), str(orin.networks), change.get("form", "sparse"), options]
        found = orin.ask("load", *words, **variables)
        assert "problem" not in found, found
        assert found["details"]["engine_cache_hit"] is False, change
        assert len(files(orin, ".plan")) == number, change


def test_a_damaged_engine_is_built_again(orin: GpuBoard) -> None:
    orin.load("dense")
    files(orin, ".plan")[0].write_bytes(b"half a plan")
    found = orin.load("dense")
    assert found["details"]["engine_cache_hit"] is False
    assert found["difference"] < 1e-6


def test_an_engine_that_tensorrt_refuses_is_built_again(orin: GpuBoard) -> None:
    """As after a driver was reinstalled: the bytes are whole and the key is right."""
    orin.load("dense")
    plan, seal = files(orin, ".plan")[0], files(orin, ".json")[0]
    data = plan.read_bytes().replace(b'"10.3.0"', b'"10.2.9"')
    plan.write_bytes(data)
    sealed = json.loads(seal.read_text())
    sealed["plan_sha256"] = __import__("hashlib").sha256(data).hexdigest()
    seal.write_text(json.dumps(sealed))
    found = orin.load("dense")
    assert found["details"]["engine_cache_hit"] is False
    assert found["difference"] < 1e-6


def test_what_was_set_is_what_is_in_force(orin: GpuBoard) -> None:
    wanted = {"workspace_bytes": 1 << 28, "optimization_level": 5, "tactic_sources": ["CUBLAS"], "timing_cache": False}
    assert orin.load("dense", **wanted)["details"]["engine_told"]["settings"] == wanted


def test_tensorrt_8_0_has_no_inspector_and_another_word(tmp_path: Path) -> None:
    """JetPack 4.6 without its later releases: what is missing there is missing, and no more."""
    there = gpu_board(tmp_path, "8.2.1", STANDIN_GPU_CAPABILITY="5.3")
    standin_code(
        there,
        "import enum\n"
        "del ICudaEngine.create_engine_inspector\n"
        "ProfilingVerbosity = enum.IntEnum('ProfilingVerbosity', 'DEFAULT NONE VERBOSE', start=0)\n",
    )
    found = there.load("dense", precision="fp16")
    assert "problem" not in found, found
    assert found["difference"] < 1e-6
    assert found["details"]["engine_told"]["layers"] == []
    assert found["details"]["engine_told"]["sparsity"]["sparse_tactics"] is None


@pytest.mark.parametrize("version", ["8.2.1", "8.5.2", "8.6.1", "10.3.0"])
def test_weights_that_the_file_holds_in_int8(version: str, tmp_path: Path) -> None:
    """TensorRT 8 takes no INT8 constants: the exporter must write float weights behind a pair of Q and DQ."""
    there = gpu_board(tmp_path, version)
    network = model("sparse-int8")
    pairs = {node.output[0]: node for node in network.graph.node if node.op_type == "QuantizeLinear"}
    for value in network.graph.initializer:
        pair = next((node for node in pairs.values() if node.input[0] == value.name), None)
        if pair is not None:
            scale = next(s for s in network.graph.initializer if s.name == pair.input[1])
            kept = np.round(onnx.numpy_helper.to_array(value) / onnx.numpy_helper.to_array(scale)).astype(np.int8)
            network.graph.node.remove(pair)
            value.CopyFrom(onnx.numpy_helper.from_array(kept, pair.output[0]))
    onnx.save(network, str(there.networks / "sparse-int8.onnx"))
    found = there.load("sparse-int8", precision="int8")
    if version.startswith("8"):
        code, message = problem(found)
        assert (code, "only activation types allowed" in message) == ("bad-model", True), message
    else:
        assert found["difference"] < 1e-6


@pytest.mark.slow
def test_timings_are_kept_between_builds(orin: GpuBoard) -> None:
    orin.load("dense")
    (timings,) = orin.engines.glob("timing-*")
    after_one = timings.read_bytes()
    orin.load("sparse")
    assert timings.read_bytes().startswith(after_one)
    assert len(timings.read_bytes()) > len(after_one)
    timings.write_bytes(b"damaged")
    assert "problem" not in orin.load("sparse", precision="fp16")
    assert timings.read_bytes().startswith(b"standin-timing")
    before = timings.read_bytes()
    found = orin.load("sparse", tf32=True, timing_cache=False)
    assert timings.read_bytes() == before
    assert "DISABLE_TIMING_CACHE" in found["details"]["engine_told"]["flags"]


def test_the_gpus_own_times_are_of_the_last_steps(orin: GpuBoard) -> None:
    assert orin.ask("many_steps", "dense", str(orin.networks), 1100) == 1024


def test_steps_go_on_with_their_own_batch(orin: GpuBoard) -> None:
    assert orin.ask("steps_between", "dense", str(orin.networks)) is True


@pytest.mark.parametrize(
    ("version", "form", "options", "code", "said"),
    [
        ("11.4.0.106", "sparse", {"precision": "fp16"}, "wrong-precision", "which is fp32; push the fp16 ONNX"),
        ("11.4.0.106", "sparse-fp16", {"precision": "fp32"}, "wrong-precision", "which is fp16; push the fp32 ONNX"),
        ("11.4.0.106", "sparse", {"precision": "int8"}, "wrong-precision", "no QuantizeLinear"),
        ("8.2.1", "sparse", {"precision": "int8"}, "wrong-precision", "push the quantised ONNX"),
        ("10.3.0", "sparse-int8", {"precision": "fp16"}, "wrong-precision", "quantised to int8"),
        ("8.2.1", "dense", {"optimization_level": 3}, "bad-option", "8.6 and later have"),
        ("8.5.2", "dense", {"optimization_level": 3}, "bad-option", "8.6 and later have"),
        ("11.4.0.106", "dense", {"tactic_sources": ["CUBLAS"]}, "bad-option", "known: EDGE_MASK_CONVOLUTIONS"),
        ("10.3.0", "dense", {"precision": "bf16"}, "bad-option", "one of fp32, fp16, int8"),
        ("10.3.0", "dense", {"sparse": True}, "bad-option", "unknown option 'sparse'; known: precision"),
        ("10.3.0", "dense", {"sparse_weights": 1}, "bad-option", "true or false"),
        ("10.3.0", "dense", {"workspace_bytes": 0}, "bad-option", "whole number of bytes"),
        ("10.3.0", "dense", {"optimization_level": 6}, "bad-option", "from 0 to 5"),
        ("10.3.0", "dense", {"cuda_backend": "opencl"}, "bad-option", "unknown CUDA backend 'opencl'"),
        ("10.3.0", "dense", {"cuda_backend": "cuda-python"}, "no-gpu", "cuda-python: not installed"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    version: str, form: str, options: dict[str, Any], code: str, said: str, tmp_path: Path
) -> None:
    there = gpu_board(tmp_path, version)
    found_code, message = problem(there.load(form, **options))
    assert (found_code, said in message) == (code, True), message
    assert files(there, ".json") == []


def test_a_gpu_without_int8_refuses_it(tmp_path: Path) -> None:
    there = gpu_board(tmp_path, "8.2.1", STANDIN_GPU_CAPABILITY="5.3")
    code, message = problem(there.load("sparse-int8", precision="int8"))
    assert (code, "5.3" in message) == ("wrong-precision", True)


def test_a_gpu_without_sparse_tensor_cores_finds_none(tmp_path: Path) -> None:
    there = gpu_board(tmp_path, "8.2.1", STANDIN_GPU_CAPABILITY="5.3")
    found = there.load("sparse", precision="fp16", sparse_weights=True)
    assert found["details"]["engine_told"]["sparsity"]["eligible"] == {"number": 0, "names": []}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cut", "Failed to parse the ONNX model"),
        ("op", "No importer registered for op: Dance"),
        ("names", "it must have 'input' and 'logits'"),
        ("batch", "export it with a dynamic batch"),
    ],
)
def test_an_onnx_that_tensorrt_cannot_take(change: str, said: str, orin: GpuBoard) -> None:
    network = model("dense")
    if change == "op":
        network.graph.node[2].op_type = "Dance"
    if change == "names":
        network.graph.node[-1].output[0] = network.graph.output[0].name = "classes"
    if change == "batch":
        network.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 7
    data = network.SerializeToString()
    (orin.networks / "dense.onnx").write_bytes(data[: len(data) // 2] if change == "cut" else data)
    code, message = problem(orin.load("dense"))
    assert (code, said in message) == ("bad-model", True), message


def test_a_static_batch_of_the_right_size_is_taken(orin: GpuBoard) -> None:
    network = model("dense")
    for value in (network.graph.input[0], network.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(network, str(orin.networks / "dense.onnx"))
    found = orin.load("dense", batch_size=4)
    assert "problem" not in found, found
    assert found["difference"] < 1e-6


def standin_code(there: GpuBoard, code: str) -> None:
    """Add something to the stand-in's module."""
    path = there.root / "standins" / "tensorrt" / "__init__.py"
    path.write_text(path.read_text() + code)


def test_a_builder_that_crashes_costs_the_network_and_not_the_worker(orin: GpuBoard) -> None:
    standin_code(
        orin,
        "import os, signal\n"
        "Builder.build_serialized_network = lambda self, network, config: os.kill(os.getpid(), signal.SIGSEGV)\n",
    )
    code, message = problem(orin.load("dense"))
    assert (code, "SIGSEGV" in message) == ("build-crashed", True)
    assert files(orin, ".json") == []


def test_a_builder_that_gives_up_says_why(orin: GpuBoard) -> None:
    standin_code(
        orin,
        "def fail(self, network, config):\n"
        "    self._logger.log(ILogger.ERROR, 'Could not find any implementation for node conv2')\n"
        "Builder.build_serialized_network = fail\n",
    )
    code, message = problem(orin.load("dense"))
    assert code == "build-failed"
    assert "Could not find any implementation for node conv2" in message
    assert "Could not find" in files(orin, ".log")[0].read_text()


def test_an_import_that_fails_is_a_sentence(orin: GpuBoard) -> None:
    standin_code(orin, "raise ImportError('libnvinfer.so.10: cannot open shared object file')\n")
    code, message = problem(orin.load("dense"))
    assert (code, "libnvinfer.so.10" in message) == ("no-runtime", True)


def test_a_build_that_takes_too_long_is_ended(orin: GpuBoard) -> None:
    standin_code(
        orin, "import time\nBuilder.build_serialized_network = lambda self, network, config: time.sleep(600)\n"
    )
    answer = orin.load("dense", build_limit_s=1)
    code, message = problem(answer)
    assert (code, "within 1 s" in message) == ("build-too-long", True)


def test_no_memory_for_the_context_is_reported(orin: GpuBoard) -> None:
    standin_code(orin, "ICudaEngine.create_execution_context = lambda self: None\n")
    assert problem(orin.load("dense"))[0] == "out-of-memory"


def test_the_reason_is_heard_for_every_network(orin: GpuBoard) -> None:
    """TensorRT speaks to the first logger of a process only."""
    message, _ = orin.ask("second_without_room", "dense", str(orin.networks))
    assert "Cuda failure 2: out of memory" in message


def test_layers_that_cannot_be_timed_cost_nothing_else(orin: GpuBoard) -> None:
    standin_code(
        orin,
        "execute = IExecutionContext.execute_async_v3\n"
        "IExecutionContext.execute_async_v3 = lambda self, stream: self.profiler is None and execute(self, stream)\n",
    )
    found = orin.load("dense")
    assert "problem" not in found, found
    assert found["details"]["layer_times_s"] is None
    assert "an inference with the profiler failed" in found["details"]["layer_times_reason"]


def test_a_failed_inference_is_an_error(orin: GpuBoard) -> None:
    standin_code(orin, "IExecutionContext.execute_async_v3 = lambda self, stream_handle: False\n")
    with pytest.raises(AssertionError, match="could not enqueue"):
        orin.load("dense")


def test_a_plan_holds_its_onnx(orin: GpuBoard) -> None:
    """What the stand-in computes comes from the plan, not from the bundle: the numbers above prove the engine."""
    orin.load("dense")
    data = files(orin, ".plan")[0].read_bytes()
    (size,) = struct.unpack_from("<I", data, len(b"standin-plan"))
    start = len(b"standin-plan") + 4 + size
    assert data[start:] == (orin.networks / "dense.onnx").read_bytes()
    assert re.match(rb'\{"version": "10.3.0"', data[start - size : start])
    assert np.load(orin.networks / "dense.npy").shape == (11, 10)
