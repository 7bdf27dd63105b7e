"""Two tiny networks in ONNX whose reference logits are numpy's, as files of a bundle on a board."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sis_agent.schema import JOB_VERSION, Job, NetworkJob, Preprocess

HOW = Preprocess([0.5, 0.4, 0.3], [0.2, 0.25, 0.3])
CLASSES, IMAGES = 10, 8


def write_bundle(folder: Path) -> Job:
    """Write the networks `dense` and `sparse` with golden and test images; returns a short job for them.

    The test labels are the classes that `dense` gives, so its accuracy is 1.
    """
    folder.mkdir(parents=True)
    numbers = np.random.default_rng(0)
    images = numbers.integers(0, 256, (IMAGES, 3, 32, 32), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    for name in ("dense", "sparse"):
        weight = numbers.normal(size=(3, CLASSES)).astype(np.float32)
        logits = _reference(images, weight)
        onnx.save(_model(weight), str(folder / f"{name}.onnx"))
        np.save(folder / f"{name}.npy", logits)
        if name == "dense":
            np.save(folder / "labels.npy", logits.argmax(axis=1))
    return Job(
        job_version=JOB_VERSION,
        bundle_id=folder.name,
        networks=[NetworkJob(name, f"{name}.onnx", f"{name}.npy") for name in ("dense", "sparse")],
        golden_inputs="images.npy",
        golden_tolerance=1e-5,
        preprocess=HOW,
        test_images="images.npy",
        test_labels="labels.npy",
        rounds=4,
        inferences_per_round=5,
        warmup_s=0.05,
    )


def _reference(images: NDArray[np.uint8], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    mean, std = (np.asarray(part).reshape(1, 3, 1, 1) for part in (HOW.mean, HOW.std))
    pooled = ((images / 255 - mean) / std).mean(axis=(2, 3))
    return (pooled @ weight).astype(np.float32)


def _model(weight: NDArray[np.float32]) -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(weight, "weight")],
    )
    # What ONNX Runtime 1.10 reads: opset 13, IR version 8.
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
