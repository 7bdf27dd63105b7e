"""What ONNX Runtime is asked to measure of a network: what the bundle has and the profile asks for."""

from types import SimpleNamespace

import pytest
from tiny_bundle import tiny_bundle

from sis_edge.backends.base import Target
from sis_edge.backends.onnxruntime import BACKEND, OnnxRuntimeSettings
from sis_edge.bundles.identity import NATIVE, PLAIN
from sis_edge.bundles.manifest import NetworkEntry


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> NetworkEntry:
    """A network with native kernels and an INT8 variant."""
    plain = tiny_bundle(tmp_path_factory.mktemp("ort") / "bundle").manifest.networks[0]
    variant = SimpleNamespace(
        form=PLAIN,
        runtime="onnxruntime",
        precision="int8",
        model="int8.onnx",
        golden_logits="int8.npy",
        golden_tolerance=0.25,
        library=None,
    )
    other = SimpleNamespace(**{**vars(variant), "runtime": "tensorrt"})
    native = SimpleNamespace(
        **{
            **vars(variant),
            "form": NATIVE,
            "model": "native.onnx",
            "library": "native/library.so",
            "golden_tolerance": 0,
        }
    )
    network = SimpleNamespace(model="sparse.onnx", library="native/library.so")
    return plain.model_copy(update={"sparse": SimpleNamespace(network=network), "variants": (variant, native, other)})


def measured(entry: NetworkEntry, **settings: object) -> list[tuple[str, str]]:
    target = Target("p", None, None, OnnxRuntimeSettings.model_validate(settings))
    return [(job.form, job.precision) for job in BACKEND.jobs(entry, target)]


def test_only_what_the_profile_asks_for_is_measured(entry: NetworkEntry) -> None:
    assert measured(entry) == [(PLAIN, "fp32")]
    assert measured(entry, sparse=True) == [(PLAIN, "fp32"), (NATIVE, "fp32")]
    assert measured(entry, precisions=["int8"]) == [(PLAIN, "int8")]
    assert measured(entry, precisions=["int8"], sparse=True) == [(PLAIN, "int8"), (NATIVE, "int8")]
    both = measured(entry.model_copy(update={"sparse": None}), precisions=["fp32", "int8"], sparse=True)
    assert both == [(PLAIN, "fp32"), (PLAIN, "int8"), (NATIVE, "int8")]


def test_a_variant_is_held_against_its_own_golden_logits(entry: NetworkEntry) -> None:
    target = Target(
        "p", None, None, OnnxRuntimeSettings.model_validate({"precisions": ["fp32", "int8"], "sparse": True})
    )
    plain, native, int8, both = BACKEND.jobs(entry, target)
    assert (plain.golden_logits, plain.golden_tolerance) == (entry.golden_logits, None)
    assert (native.model, native.golden_logits, native.files) == (
        "sparse.onnx",
        entry.golden_logits,
        {"custom_ops": "native/library.so"},
    )
    assert (int8.model, int8.golden_logits, int8.golden_tolerance) == ("int8.onnx", "int8.npy", 0.25)
    assert (both.model, both.golden_tolerance, both.files) == ("native.onnx", 0, {"custom_ops": "native/library.so"})
