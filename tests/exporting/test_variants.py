"""Other precisions of a network: which ones a profile wants, and what is said of each."""

from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import tiny_profile

from exporting.networks import images, model, saved
from sis_edge.backends.variants import VariantSpec
from sis_edge.bundles.manifest import PairedTest, Variant
from sis_edge.exporting import parity
from sis_edge.exporting.quantize import SIGNIFICANCE
from sis_edge.exporting.variants import DECIDING_IMAGES, Labelled, Original, VariantSamples, make, split
from sis_edge.formation import Formation
from sis_edge.profiles import DeviceProfile, validate
from sis_edge.zoo import samples


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
    said = make(
        Original(source, VariantSamples(x, Labelled(x, labels), Labelled(x, labels), golden_images=5)), spec, tmp_path
    )
    logits = parity.run_onnx(tmp_path / spec.model, x)
    assert np.array_equal(np.load(tmp_path / spec.golden_logits), logits[:5])
    assert said["fp32_accuracy"] == 0.75
    assert said["host_accuracy"] == np.mean(logits.argmax(axis=1) == labels)
    assert said["host_test_images"] == 24
    assert 0 < said["agreement"]["max_abs_difference"] < said["golden_tolerance"]
    assert ("trials" in said) == ("paired_tests" in said) == (spec.precision == "int8")
    if spec.precision == "int8":
        kept = " and ".join(said["float_layers"]) or "none"
        assert said["trials"].keys() == said["paired_tests"].keys()
        test = PairedTest.model_validate(said["paired_tests"][kept])
        assert test.images == 24
        assert said["trials"][kept] == 0.75 + (test.won - test.lost) / 24
        assert test.lost <= test.won or test.p_value >= SIGNIFICANCE or len(said["trials"]) == 4


def test_each_figure_of_a_variant_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four images float32 gets all right and the variant two; the golden logits are the variant's first two."""
    source = saved(model(Formation()), tmp_path / "model.onnx")
    x, labels = images(4), np.array([0, 1, 2, 3])
    reference = np.eye(4, dtype=np.float32)
    own = np.array([[3, 0, 0, 0], [0, -4, 5, 0], [0, 9, 0, 0], [0, 0, 0, 1]], np.float32)
    monkeypatch.setattr(parity, "run_onnx", lambda path, images: reference if path == source else own)
    said = make(
        Original(source, VariantSamples(x, Labelled(x, labels), Labelled(x, labels), golden_images=2)),
        VariantSpec("fp16", "fp16", "tensorrt"),
        tmp_path,
    )
    assert (said["host_accuracy"], said["fp32_accuracy"]) == (0.5, 1.0)
    assert said["agreement"] == {"images": 4, "max_abs_difference": 9.0, "top1_agreement": 0.5}
    assert said["golden_tolerance"] == pytest.approx(0.02 * 5)
    assert np.array_equal(np.load(next(tmp_path.glob("*.npy"))), own[:2])


@pytest.mark.parametrize("count", [2, 64, 500, 700, 756, 5256, 50_000])
def test_no_image_both_calibrates_and_decides(count: int) -> None:
    numbers = np.arange(count)
    calibrating, deciding = (numbers[part] for part in split(count))
    assert calibrating.size
    assert deciding.size == min(DECIDING_IMAGES, count - calibrating.size)
    assert not np.intersect1d(calibrating, deciding).size
    assert calibrating[0] == 0
    assert deciding[-1] == count - 1


def test_the_zoos_sample_decides_with_all_that_it_has() -> None:
    sample = samples.load("cifar10")
    assert sample is not None
    calibrating, deciding = split(len(sample.train))
    assert calibrating.stop == samples.FIRST_IMAGES
    assert deciding == slice(samples.FIRST_IMAGES, samples.FIRST_IMAGES + samples.LAST_IMAGES)


def test_a_variant_of_before_the_paired_tests_is_read() -> None:
    old = {
        **{
            "name": "int8-onnxruntime",
            "precision": "int8",
            "runtime": "onnxruntime",
            "model": "m",
            "golden_logits": "g",
        },
        **{"golden_tolerance": 0.1, "host_accuracy": 0.9, "fp32_accuracy": 0.9, "host_test_images": 500},
        "agreement": {"images": 500, "max_abs_difference": 0.1, "top1_agreement": 0.99},
        **{"float_layers": ["C1"], "trials": {"none": 0.896, "C1": 0.9}},
    }
    variant = Variant.model_validate(old)
    assert variant.float_layers == ("C1",)
    assert variant.paired_tests == {}
