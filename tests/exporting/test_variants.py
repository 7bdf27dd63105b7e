"""Other precisions of a network: which ones a profile wants, and what is said of each."""

from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import tiny_profile

from exporting.networks import images, model, saved
from sis_edge.backends.variants import VariantSpec
from sis_edge.exporting import parity
from sis_edge.exporting.quantize import ALLOWED_LOSS
from sis_edge.exporting.variants import Labelled, Original, Samples, make
from sis_edge.formation import Formation
from sis_edge.profiles import DeviceProfile, validate


def profile(**tables: object) -> DeviceProfile:
    gpu = {"name": "any", "compute_capability": "8.7", "fp16": True, "int8": True, "sparse_24": True}
    return validate({**tiny_profile().model_dump(), "gpu": gpu, **tables})


@pytest.mark.parametrize(
    ("tables", "names"),
    [
        ({}, []),
        ({"tensorrt": {}}, []),
        ({"tensorrt": {"precisions": ["fp32", "fp16"]}}, ["fp16"]),
        ({"tensorrt": {"precisions": ["int8"]}}, ["int8-tensorrt"]),
        ({"onnxruntime": {"precisions": ["fp32", "int8"]}}, ["int8-onnxruntime"]),
        (
            {
                "tensorrt": {"precisions": ["fp32", "fp16", "int8"]},
                "tensorrt_rtx": {"compute_capabilities": ["8.6"], "precisions": ["fp16"]},
                "onnxruntime": {"precisions": ["int8"]},
            },
            ["fp16", "int8-tensorrt", "int8-onnxruntime"],
        ),
    ],
)
def test_what_a_profile_asks_for(tables: dict[str, object], names: list[str]) -> None:
    assert [spec.name for spec in profile(**tables).variant_specs] == names


@pytest.mark.parametrize(("architecture", "narrow"), [("aarch64", False), ("x86_64", True), ("any", True)])
def test_seven_bits_where_sixteen_could_overflow(architecture: str, narrow: bool) -> None:
    board = tiny_profile(architecture=architecture).board.model_dump()
    (spec,) = profile(board=board, onnxruntime={"precisions": ["int8"]}).variant_specs
    assert spec.narrow_weights is narrow


@pytest.mark.parametrize("spec", [VariantSpec("fp16", "fp16", "tensorrt"), VariantSpec("i", "int8", "onnxruntime")])
def test_what_is_said_of_a_variant(tmp_path: Path, spec: VariantSpec) -> None:
    source = saved(model(Formation()), tmp_path / "model.onnx")
    x = images(24)
    labels = parity.run_onnx(source, x).argmax(axis=1)
    labels[:6] = (labels[:6] + 1) % 4
    said = make(Original(source, Samples(x, Labelled(x, labels), Labelled(x, labels), golden_images=5)), spec, tmp_path)
    logits = parity.run_onnx(tmp_path / spec.model, x)
    assert np.array_equal(np.load(tmp_path / spec.golden_logits), logits[:5])
    assert said["fp32_accuracy"] == 0.75
    assert said["host_accuracy"] == np.mean(logits.argmax(axis=1) == labels)
    assert said["host_test_images"] == 24
    assert 0 < said["agreement"]["max_abs_difference"] < said["golden_tolerance"]
    assert ("trials" in said) == (spec.precision == "int8")
    if spec.precision == "int8":
        kept = " and ".join(said["float_layers"]) or "none"
        assert said["trials"][kept] >= 0.75 - ALLOWED_LOSS or len(said["trials"]) == 4
