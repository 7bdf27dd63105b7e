"""What ONNX Runtime is asked to measure of a network: what the bundle has and the profile asks for."""

from types import SimpleNamespace

import pytest
from results.factory import network_entry
from tiny_bundle import tiny_bundle

from sis_edge import profiles
from sis_edge.backends.base import Target
from sis_edge.backends.onnxruntime import BACKEND, OnnxRuntimeSettings
from sis_edge.board.network_jobs import left_out
from sis_edge.bundles.identity import NATIVE, PLAIN
from sis_edge.bundles.manifest import NetworkEntry

from .test_tensorrt import VARIANTS


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


@pytest.mark.parametrize("settings", [{"precisions": ["fp32", "fp16"]}, {"precisions": ["fp16"], "sparse": True}])
def test_half_precision_needs_native_kernels_and_a_form_for_other_processors(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="precisions has fp16, which native kernels alone compute here"):
        OnnxRuntimeSettings.model_validate(settings)


def test_precisions_that_the_profile_does_not_ask_for_are_named(tmp_path) -> None:
    plain = tiny_bundle(tmp_path / "bundle").manifest
    entries = (plain.networks[0], network_entry("cifar10-sis1", variants=VARIANTS))
    manifest = plain.model_copy(update={"networks": entries, "profile": "x86-64"})
    local = profiles.load("local")
    assert left_out(manifest, None, local) == (
        "not measured: the bundle's networks in int8, for the profile local does not ask for them; "
        "to measure them too: --profile x86-64"
    )
    assert left_out(manifest, ["cifar10-sis1"], local)
    assert left_out(manifest, [plain.networks[0].name], local) is None
    assert left_out(manifest, None, profiles.load("x86-64")) is None
