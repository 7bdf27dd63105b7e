"""The networks' files: two bundles of the zoo's networks, one by structure and one calibrated, and INT8 for others."""

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from quantised import int8

import sis_edge
from peer_comparison.contenders import REFERENCE_ROW, Contender
from peer_comparison.rounds import Inputs, Say
from sis_agent.schema import NetworkJob
from sis_edge import profiles
from sis_edge.board.network_jobs import network_jobs
from sis_edge.bundles.identity import PLAIN
from sis_edge.bundles.verify import Bundle
from sis_edge.zoo import samples

DATASET = "cifar10"
PROFILES = {"x86_64": "x86-64", "aarch64": "aarch64"}  # both ask for fp32, sparse kernels and INT8
BUILDS = {"default build": False, "calibrated": True}
RUNTIME = "onnxruntime"
CALIBRATION_IMAGES = 256


@dataclass(frozen=True)
class Material:
    """What is compared, with what inputs, and the most that fewer multiply-accumulates can bring each network."""

    contenders: list[Contender]
    inputs: Inputs
    ceilings: dict[str, float]


def material(networks: Sequence[str], folder: Path, images: int, say: Say = lambda text: None) -> Material:
    """Build or reuse everything in `folder`, with so many test images at most; raises what a build raises."""
    folder.mkdir(parents=True, exist_ok=True)
    profile = PROFILES[platform.machine()]
    bundles = {
        build: sis_edge.bundle(
            networks,
            profile=profile,
            dataset=DATASET,
            calibrated=calibrated,
            folder=folder,
            name=build.split()[0],
            on_step=lambda step: say(f"{step.network}: {step.stage}"),
        )
        for build, calibrated in BUILDS.items()
    }
    plain = bundles["default build"]
    preprocess = plain.manifest.preprocess
    assert preprocess is not None  # these networks are formed
    mean, std = (np.array(part, np.float32)[:, None, None] for part in (preprocess.mean, preprocess.std))
    inputs = _inputs(plain, folder, images, mean, std)
    ours = [each for build, bundle in bundles.items() for each in of_bundle(bundle, profile, build)]
    others = [each for name in networks for each in _others(name, plain, folder, mean, std)]
    stock = [each for each in of_bundle(plain, profile, "") if not each.ours]
    order = {"fp32": 0, "bf16": 1, "int8": 2}
    found = [*stock, *(each for each in ours if each.ours), *others]
    ceilings = {entry.name: entry.ceiling for entry in plain.manifest.networks}
    return Material(sorted(found, key=lambda each: order.get(each.precision, 3)), inputs, ceilings)


def of_bundle(bundle: Bundle, profile: str, build: str) -> Iterator[Contender]:
    """Every form that a board with ONNX Runtime would measure of a bundle; ours are those that are not plain."""
    for job in network_jobs(bundle.manifest, None, profiles.load(profile), [RUNTIME]):
        files = {option: str(bundle.path / path) for option, path in job.files.items()}
        yield Contender(
            network=job.network or job.name,
            row=_row(job, build),
            runtime=RUNTIME,
            precision=job.precision,
            model=str(bundle.path / job.model),
            options={**job.options, **files},
            ours=job.form != PLAIN,
        )


def _row(job: NetworkJob, build: str) -> str:
    if job.form == PLAIN:
        return REFERENCE_ROW if job.precision == "fp32" else f"ONNX Runtime {job.precision.upper()}, the bundle's Q/DQ"
    form = "" if job.form == "native" else f" ({job.form})"
    precision = job.precision if job.precision == "fp32" else job.precision.upper()
    return f"ours {precision}{form}, {build}"


def _inputs(bundle: Bundle, folder: Path, count: int, mean: np.ndarray, std: np.ndarray) -> Inputs:
    """The bundle's test images as the networks take them."""
    manifest = bundle.manifest
    images, labels = (np.load(bundle.path / str(part))[:count] for part in (manifest.test_images, manifest.test_labels))
    np.save(folder / "images.npy", ((images / np.float32(255) - mean) / std).astype(np.float32))
    return Inputs(folder / "images.npy", labels)


def _others(network: str, bundle: Bundle, folder: Path, mean: np.ndarray, std: np.ndarray) -> Iterator[Contender]:
    """The other runtimes: the bundle's file in fp32, and in INT8 every layer, by filter or by tensor."""
    entry = next(each for each in bundle.manifest.networks if each.name == network)
    fp32 = bundle.path / entry.model
    sample = samples.load(DATASET)
    assert sample is not None  # it comes with sis-edge
    train = sample.train.images[:CALIBRATION_IMAGES]
    images = ((train / np.float32(255) - mean) / std).astype(np.float32)
    yield Contender(network, "OpenVINO fp32", "openvino", "fp32", str(fp32), {"INFERENCE_PRECISION_HINT": "f32"})
    yield Contender(network, "OpenVINO bf16", "openvino", "bf16", str(fp32), {"INFERENCE_PRECISION_HINT": "bf16"})
    yield Contender(network, "DeepSparse fp32", "deepsparse", "fp32", str(fp32))
    yield Contender(network, "MNN fp32", "mnn", "fp32", str(fp32))
    for words, per_filter in (("every layer", True), ("every layer, per tensor", False)):
        path = folder / f"{entry.graph_sha256[:12]}-{'filter' if per_filter else 'tensor'}.onnx"
        if not path.exists():
            onnx.save(int8(onnx.load(fp32), images, per_filter=per_filter), path)
        yield Contender(network, f"ONNX Runtime INT8, {words}", RUNTIME, "int8", str(path))
        # f32: what is left in float computes in fp32, as everywhere else
        hint = {"INFERENCE_PRECISION_HINT": "f32"}
        yield Contender(network, f"OpenVINO INT8, {words}", "openvino", "int8", str(path), hint)
        yield Contender(network, f"DeepSparse INT8, {words}", "deepsparse", "int8", str(path))
    config = _for_mnn(folder, train, mean, std)
    yield Contender(network, "MNN INT8, its own quantiser", "mnn", "int8", str(fp32), {"quantize": str(config)})


def _for_mnn(folder: Path, images: np.ndarray, mean: np.ndarray, std: np.ndarray) -> Path:
    """The settings of MNN's quantiser, and the calibration images as files: it takes no others."""
    from PIL import Image

    place = folder / "calibration"
    if not place.exists():
        place.mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image.transpose(1, 2, 0)).save(place / f"{number}.png")
    height, width = images.shape[2:]
    settings: dict[str, Any] = {"format": "RGB", "mean": [255 * float(part) for part in mean.ravel()]}
    settings |= {"normal": [1 / (255 * float(part)) for part in std.ravel()], "width": width, "height": height}
    settings |= {"path": f"{place}/", "used_image_num": len(images)}
    settings |= {"feature_quantize_method": "KL", "weight_quantize_method": "MAX_ABS"}
    path = folder / "mnn.json"
    path.write_text(json.dumps(settings))
    return path
