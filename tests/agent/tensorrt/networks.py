"""A small convolutional network in the forms that TensorRT is given: fp32, typed fp16, quantised; dense and 2:4."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sis_agent.schema import JOB_VERSION, Job, NetworkJob, Preprocess

HOW = Preprocess([0.5, 0.4, 0.3], [0.2, 0.25, 0.3])
CLASSES, SIZE, IMAGES = 10, 8, 11
FORMS = ("dense", "sparse", "sparse-fp16", "sparse-int8")

# In the 2:4 network: conv2 and conv3 can use sparse kernels, and the stand-in chooses them for conv2 only.
ELIGIBLE, CHOSEN = ["conv2", "conv3"], ["conv2"]


def weights(sparse: bool) -> dict[str, NDArray[np.float32]]:
    """conv1 [8, 3, 3, 3], conv2 [16, 8, 3, 3], conv3 [10, 16, 1, 1]; the first two of four inputs where sparse."""
    numbers = np.random.default_rng(0)
    shapes = {"conv1": (8, 3, 3, 3), "conv2": (16, 8, 3, 3), "conv3": (CLASSES, 16, 1, 1)}
    found = {name: numbers.normal(scale=0.3, size=shape).astype(np.float32) for name, shape in shapes.items()}
    if sparse:
        for name in ELIGIBLE:
            found[name][:, [channel for channel in range(found[name].shape[1]) if channel % 4 > 1]] = 0
    return found


def model(form: str) -> onnx.ModelProto:
    """The network in one of the FORMS, opset 13, with the input `input` and the output `logits` in float32."""
    half, quantised = form.endswith("fp16"), form.endswith("int8")
    nodes: list[NodeProto] = []
    constants = []
    flow = "input"
    if half:
        nodes.append(helper.make_node("Cast", [flow], ["half"], name="to_half", to=TensorProto.FLOAT16))
        flow = "half"
    for name, weight in weights(form != "dense").items():
        kept, fan = weight.astype(np.float16) if half else weight, "weight_" + name
        if quantised:
            scale = np.float32(np.abs(weight).max() / 127)
            constants += [
                numpy_helper.from_array(weight, fan + "_float"),
                numpy_helper.from_array(np.asarray(scale), fan + "_scale"),
                numpy_helper.from_array(np.asarray(0, dtype=np.int8), fan + "_zero"),
                numpy_helper.from_array(np.asarray(np.float32(0.1)), name + "_in_scale"),
            ]
            around = [name + "_in_scale", fan + "_zero"]
            nodes += [
                helper.make_node(
                    "QuantizeLinear", [fan + part for part in ("_float", "_scale", "_zero")], [fan + "_q"]
                ),
                helper.make_node("DequantizeLinear", [fan + part for part in ("_q", "_scale", "_zero")], [fan]),
                helper.make_node("QuantizeLinear", [flow, *around], [name + "_in_q"]),
                helper.make_node("DequantizeLinear", [name + "_in_q", *around], [name + "_in"]),
            ]
            flow = name + "_in"
        else:
            constants.append(numpy_helper.from_array(kept, fan))
        pads = [weight.shape[2] // 2] * 4
        nodes.append(helper.make_node("Conv", [flow, fan], [name], name=name, pads=pads))
        flow = name
        if name != "conv3":
            nodes.append(helper.make_node("Relu", [flow], ["relu_" + name], name="relu_" + name))
            flow = "relu_" + name
    nodes.append(helper.make_node("GlobalAveragePool", [flow], ["pooled"], name="pool"))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat" if half else "logits"], name="flatten"))
    if half:
        nodes.append(helper.make_node("Cast", ["flat"], ["logits"], name="to_float", to=TensorProto.FLOAT))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def images() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (IMAGES, 3, SIZE, SIZE), dtype=np.uint8)


def preprocessed() -> NDArray[np.float32]:
    mean, std = (np.asarray(part, dtype=np.float32).reshape(1, 3, 1, 1) for part in (HOW.mean, HOW.std))
    return (images().astype(np.float32) / np.float32(255) - mean) / std


def write(folder: Path) -> None:
    """Every form with its logits by ONNX Runtime, the images, and the classes of `dense` as labels."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", images())
    for form in FORMS:
        path = folder / f"{form}.onnx"
        onnx.save(model(form), str(path))
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        np.save(folder / f"{form}.npy", session.run(None, {"input": preprocessed()})[0])
    np.save(folder / "labels.npy", np.load(folder / "dense.npy").argmax(axis=1))


def job(bundle_id: str, networks: list[NetworkJob], runner: str = "tensorrt") -> Job:
    """A short job for these variants."""
    return Job(
        job_version=JOB_VERSION,
        bundle_id=bundle_id,
        networks=networks,
        golden_inputs="images.npy",
        golden_tolerance=1e-4,
        preprocess=HOW,
        test_images="images.npy",
        test_labels="labels.npy",
        runner=runner,
        rounds=3,
        inferences_per_round=4,
        warmup_s=0.01,
    )
