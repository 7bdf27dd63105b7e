"""Networks with several inputs and outputs of different types through every runner of TensorRT."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sis_agent.protocol import ProblemError
from sis_agent.runners import trtexec_tensors

from .board_with_gpu import RTX, GpuBoard, gpu_board

ROWS, WORDS = 2, 5
PLAN = """
import sys, tensorrt_rtx as rtx
class Logger(rtx.ILogger):
    def log(self, severity, message): pass
builder = rtx.Builder(Logger())
network = builder.create_network(0)
assert rtx.OnnxParser(network, Logger()).parse(open(sys.argv[1], "rb").read())
config = builder.create_builder_config()
config.num_compute_capabilities = 1
config.set_compute_capability(rtx.ComputeCapability.SM86, 0)
open(sys.argv[2], "wb").write(bytes(builder.build_serialized_network(network, config)))
"""


def model(rows: int | str = "batch") -> onnx.ModelProto:
    """An image, numbers of words and a single double -> scores, and the numbers of words again."""
    table = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gather", ["table", "ids"], ["vectors"]),
        helper.make_node("ReduceMean", ["vectors"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Cast", ["shift"], ["small"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["flat", "mean"], ["sum"]),
        helper.make_node("Add", ["sum", "small"], ["scores"]),
        helper.make_node("Identity", ["ids"], ["same"]),
    ]
    graph = helper.make_graph(
        nodes,
        "several",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, [rows, 3, 8, 8]),
            helper.make_tensor_value_info("ids", TensorProto.INT64, [rows, WORDS]),
            helper.make_tensor_value_info("shift", TensorProto.DOUBLE, []),
        ],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [rows, 3]),
            helper.make_tensor_value_info("same", TensorProto.INT64, [rows, WORDS]),
        ],
        [numpy_helper.from_array(table, "table")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def tensors() -> dict[str, NDArray[Any]]:
    numbers = np.random.default_rng(1)
    image = numbers.standard_normal((ROWS, 3, 8, 8)).astype(np.float32)
    return {"image": image, "ids": numbers.integers(0, 50, (ROWS, WORDS)), "shift": np.array(0.25)}


def ask(there: GpuBoard, runner: str, proto: onnx.ModelProto, values: dict[str, NDArray[Any]]) -> Any:
    path = there.networks / "several.onnx"
    onnx.save(proto, str(path))
    np.savez(there.networks / "several.npz", **values)  # type: ignore[arg-type]  # the names are not allow_pickle
    if runner == "tensorrt_rtx":
        plan = path.with_suffix(".plan")
        done = subprocess.run([sys.executable, "-c", PLAN, str(path), str(plan)], env={**there.environment})
        assert done.returncode == 0
        path = plan
    return there.ask("several", runner, str(path), str(there.networks / "several.npz"))


@pytest.mark.parametrize(("runner", "version"), [("tensorrt", "8.2.1"), ("trtexec", "10.3.0")])
def test_several_inputs_and_types(runner: str, version: str, tmp_path: Path) -> None:
    """With fixed axes, as bundles have them."""
    there = gpu_board(tmp_path, version, trtexec=version if runner == "trtexec" else None)
    check(ask(there, runner, model(ROWS), tensors()), runner, version)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runner", "version", "rows"),
    [
        ("tensorrt", "10.3.0", "batch"),
        ("tensorrt", "11.4.0.106", ROWS),
        ("trtexec", "8.2.1", ROWS),
        ("trtexec", "11.4.0.106", "batch"),
    ],
)
def test_several_inputs_and_types_in_every_dialect(runner: str, version: str, rows: Any, tmp_path: Path) -> None:
    there = gpu_board(tmp_path, version, trtexec=version if runner == "trtexec" else None)
    check(ask(there, runner, model(rows), tensors()), runner, version)


@pytest.mark.slow
def test_several_inputs_and_types_with_tensorrt_for_rtx(tmp_path: Path) -> None:
    there = gpu_board(tmp_path, None, rtx=RTX, STANDIN_GPU_CAPABILITY="8.6")
    check(ask(there, "tensorrt_rtx", model(ROWS), tensors()), "tensorrt_rtx", RTX)


def check(found: Any, runner: str, version: str) -> None:
    assert "problem" not in found, found
    session = onnxruntime.InferenceSession(model().SerializeToString(), providers=["CPUExecutionProvider"])
    scores, same = session.run(["scores", "same"], tensors())
    assert list(found) == ["scores", "same"]
    assert np.abs(np.array(found["scores"][1]) - scores).max() < 1e-4
    assert found["same"][1] == same.tolist()
    # trtexec writes numbers without their type; TensorRT before 10 has no integers of 64 bits.
    kind = "float32" if runner == "trtexec" else "int32" if version.startswith("8.") else "int64"
    assert (found["scores"][0], found["same"][0]) == ("float32", kind)


@pytest.mark.slow
def test_integers_that_an_old_tensorrt_has_not_are_refused(tmp_path: Path) -> None:
    there = gpu_board(tmp_path, "8.2.1")
    found = ask(there, "tensorrt", model(), {**tensors(), "ids": np.full((ROWS, WORDS), 2**40)})
    assert found["problem"]["code"] == "bad-inputs", found
    assert "the input 'ids'" in found["problem"]["message"]


def test_what_trtexec_is_told_of_tensors(tmp_path: Path) -> None:
    values = tensors()
    assert trtexec_tensors.shapes(values) == "image:2x3x8x8,ids:2x5", "a single value has no shape to tell"
    for version, kind in (("8.2.1", np.int32), ("10.3.0", np.int64)):
        words = dict(word.rsplit(":", 1) for word in trtexec_tensors.write(str(tmp_path), values, version))
        assert list(words) == list(values)
        assert (np.fromfile(words["ids"], kind).reshape(ROWS, WORDS) == values["ids"]).all()
        assert np.fromfile(words["shift"], np.float32).tolist() == [0.25]
    large = {"ids": np.full((ROWS, WORDS), 2**40)}
    assert trtexec_tensors.write(str(tmp_path), large, "10.3.0")
    with pytest.raises(ProblemError, match=r"the input 'ids' has values beyond 32 bits, and TensorRT 8.2.1"):
        trtexec_tensors.write(str(tmp_path), large, "8.2.1")
    with pytest.raises(ProblemError, match="cannot be given the input 'a,b', whose name has a comma"):
        trtexec_tensors.shapes({"a,b": values["ids"]})
