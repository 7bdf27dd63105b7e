"""A real bundle that is built in a moment: two tiny networks in ONNX, golden logits by numpy."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sis_agent.schema import Preprocess
from sis_edge.bundles.manifest import BUNDLE_VERSION, Granularities, Manifest, NetworkEntry, Provenance, Training
from sis_edge.bundles.sparse_form import Parity
from sis_edge.bundles.verify import Bundle, file_entries, write_manifest
from sis_edge.profiles import AgentSettings, Board, DeviceProfile, Measuring, Runtime, validate

MEAN, STD, CLASSES, IMAGES = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3], 10, 8


def tiny_profile(root: str = ".sis-edge", *, rounds: int = 2, architecture: str = "any") -> DeviceProfile:
    """A profile of any board that measures for a moment."""
    return validate(
        {
            "name": "tiny",
            "title": "Any board",
            "board": Board.model_validate(
                {"model": "any", "architecture": architecture, "cpu": "any", "system": "Linux", "verified": True}
            ),
            "agent": AgentSettings(root=root),
            "runtime": Runtime(threads=1),
            "measuring": Measuring(
                rounds=rounds,
                inferences_per_round=3,
                min_inferences=0,
                min_time_s=0,
                memory_repeats=1,
                processes=1,
                warmup_s=0.01,
                time_limit_s=1200,
            ),
        }
    )


def null_profile(root: str = ".sis-edge", **named: Any) -> DeviceProfile:
    """As `tiny_profile`, with the runtime that computes nothing: see `fleet.null_backend.register_null`."""
    profile = tiny_profile(root, **named)
    return profile.model_copy(update={"runtime": profile.runtime.model_copy(update={"runners": ["null"]})})


def tiny_bundle(folder: Path, *, padding_bytes: int = 0) -> Bundle:
    """Write a bundle of the networks `dense` and `sparse`; `padding_bytes` of one more file make it large."""
    numbers = np.random.default_rng(0)
    for name in ("data", "networks/dense", "networks/sparse"):
        (folder / name).mkdir(parents=True)
    images = numbers.integers(0, 256, (IMAGES, 3, 32, 32), dtype=np.uint8)
    weights = {name: numbers.normal(size=(3, CLASSES)).astype(np.float32) for name in ("dense", "sparse")}
    logits = {name: _logits(images, weight) for name, weight in weights.items()}
    np.save(folder / "data/golden_inputs.npy", images)
    np.save(folder / "data/test_images.npy", images)
    np.save(folder / "data/test_labels.npy", logits["dense"].argmax(axis=1))
    for name, weight in weights.items():
        onnx.save(_model(weight), str(folder / f"networks/{name}/model.onnx"))
        np.save(folder / f"networks/{name}/golden_logits.npy", logits[name])
    if padding_bytes:
        (folder / "data/padding.bin").write_bytes(numbers.bytes(padding_bytes))
    manifest = Manifest(
        bundle_version=BUNDLE_VERSION,
        name=folder.name,
        profile="tiny",
        build_key="0" * 64,
        dataset="digits",
        dataset_sha256="0" * 64,
        preprocess=Preprocess(MEAN, STD),
        golden_tolerance=1e-4,
        golden_inputs="data/golden_inputs.npy",
        golden_images=IMAGES,
        test_images="data/test_images.npy",
        test_labels="data/test_labels.npy",
        test_image_count=IMAGES,
        reference="dense",
        networks=tuple(_entry(name) for name in weights),
        provenance=Provenance(
            sis_edge="0", created_at="2026-01-01T00:00:00Z", python="3.11", packages={}, host_machine="x", host_cpu=None
        ),
        files=file_entries(folder),
    )
    return write_manifest(folder, manifest)


def _logits(images: np.ndarray, weight: np.ndarray) -> np.ndarray:
    mean, std = (np.asarray(part, np.float32).reshape(1, 3, 1, 1) for part in (MEAN, STD))
    return ((images.astype(np.float32) / np.float32(255) - mean) / std).mean(axis=(2, 3)) @ weight


def _model(weight: np.ndarray) -> onnx.ModelProto:
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
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _entry(name: str) -> NetworkEntry:
    return NetworkEntry(
        name=name,
        granularity=Granularities(conv="kernel", micro="neuron"),
        t_c=1.0,
        t_p=1.0,
        graph_seed=0,
        graph_sha256="0" * 64,
        conv_synapses=30,
        micro_synapses=0,
        synapses=30,
        architectural_efficiency=1.0,
        macs=30,
        macs_live=30,
        mac_ratio=1.0,
        paper_accuracy=None,
        model=f"networks/{name}/model.onnx",
        graph=f"networks/{name}/model.onnx",
        golden_logits=f"networks/{name}/golden_logits.npy",
        parity=Parity(images=IMAGES, max_abs_difference=0, top1_agreement=1),
        training=Training(
            epochs=0,
            seed=0,
            recipe="none",
            precision="float32",
            train_images=1,
            host_accuracy=1,
            host_test_images=IMAGES,
        ),
    )
