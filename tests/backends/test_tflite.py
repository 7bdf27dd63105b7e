"""TensorFlow Lite on the host's side: which files it measures, and which runtime measures which file."""

from pathlib import Path

import pytest
from given_models import hide_tflite, write, write_tflite
from results.given import given_network
from tiny_bundle import tiny_bundle

from sis_edge import profiles
from sis_edge.backends.base import Target
from sis_edge.board.jobs import job_for
from sis_edge.board.network_jobs import profile_for
from sis_edge.build.given import bundle as making
from sis_edge.build.given.request import GivenRequest
from sis_edge.bundles.manifest import Manifest
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import UsageError
from sis_edge.registries import BACKENDS

TFLITE = BACKENDS["tflite"]
TARGET = Target("local", None, None, None)


def test_it_measures_tflite_files_and_nothing_else(tmp_path: Path) -> None:
    entry = given_network("add", runtime="tflite", model="given/add/model.tflite", opset=None)
    job = TFLITE.given(entry, TARGET)
    assert job is not None
    assert (job.name, job.model, job.inputs) == ("add", "given/add/model.tflite", entry.inputs)
    assert TFLITE.given(given_network("add"), TARGET) is None
    assert BACKENDS["onnxruntime"].given(entry, TARGET) is None
    formed = tiny_bundle(tmp_path / "bundle").manifest.networks[0]
    with pytest.raises(UsageError, match=r"tflite measures .tflite files, and dense is ONNX"):
        TFLITE.jobs(formed, TARGET)
    with pytest.raises(UsageError, match="the profile local has no runtime 'trtexec'"):
        profiles.with_backend(profiles.load("local"), "trtexec")
    assert profiles.with_backend(profiles.load("local"), "tflite").runtime.runners == ["tflite"]


def chosen(profile: str, *kinds: str, asked: tuple[str, ...] = (), only: list[str] | None = None) -> list[str]:
    """The runtimes for a bundle with a file of each of these kinds, named a, b, ..."""
    given = tuple(given_network(name, runtime=kind) for name, kind in zip("ab", kinds, strict=False))
    manifest = Manifest.model_construct(networks=(), given=given)
    return profile_for(manifest, only, profiles.load(profile), asked).runtime.runners


def test_the_runtimes_are_those_that_take_the_files() -> None:
    assert chosen("local", "onnx") == ["onnxruntime"]
    assert chosen("local", "tflite", "tflite") == ["tflite"]
    assert chosen("jetson-orin-nano", "tflite") == ["tflite"]
    assert chosen("jetson-orin-nano", "onnx") == ["tensorrt", "trtexec", "onnxruntime"]
    assert chosen("desktop-rtx", "onnx") == ["tensorrt", "trtexec", "onnxruntime"], (
        "its RTX takes engines of ours alone"
    )
    assert chosen("local", "onnx", "tflite") == ["onnxruntime"], "two kinds: the user says"
    assert chosen("local", "onnx", "tflite", only=["b"]) == ["tflite"]
    assert chosen("local", "onnx", "tflite", asked=("onnxruntime", "tflite")) == ["onnxruntime", "tflite"]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Bundle, list[str]]:
    """An ONNX and a TFLite model of a machine without TFLite, and what was said on the way."""
    hide_tflite(monkeypatch)
    said: list[str] = []
    request = GivenRequest(
        onnx=(str(write("residual", tmp_path)),), tflite=(str(write_tflite(tmp_path)),), reference="add"
    )
    return making.make(request, tmp_path / "made", said.append), said


def test_a_bundle_of_both_kinds_without_tflite_here(bundle: tuple[Bundle, list[str]]) -> None:
    made, said = bundle
    reason = "this host has no TFLite (extra tflite; `sis-edge doctor` shows how to add it)"
    assert f"add: {reason}, so what a board computes is not checked" in said
    residual, add = made.manifest.given
    assert (add.runtime, add.expected, add.expected_from) == ("tflite", None, reason)
    assert [(each.name, each.dtype, each.shape) for each in add.input_tensors] == [
        ("a", "float32", (2, 3)),
        ("b", "float32", (2, 3)),
    ]
    assert residual.expected is not None
    profile = profiles.load("local")
    job = job_for(made, profile_for(made.manifest, ["add"], profile), networks=["add"])
    assert (job.runner, job.reference) == ("tflite", "add")
    with pytest.raises(UsageError, match=r"add is a .tflite file.*\(--backend onnxruntime,tflite\)"):
        job_for(made, profile)
