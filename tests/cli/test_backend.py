"""`--backend` of build, bench and deploy: what cannot be measured or built is one sentence, before anything is done."""

from pathlib import Path

import pytest
from command import sis_edge_here
from tiny_bundle import tiny_bundle

from sis_edge import profiles
from sis_edge.backends.onnxruntime import OnnxRuntimeSettings
from sis_edge.backends.tensorrt import TensorRtSettings
from sis_edge.backends.tensorrt_rtx import TensorRtRtxSettings
from sis_edge.errors import UsageError

COMMANDS = {
    "build": ("build", "--profile", "local", "--dataset", "digits"),
    "bench": ("bench", "made"),
    "deploy": ("deploy", "--bundle", "made", "--profile", "local"),
}
REFUSED = {
    "onxruntime": "unknown runtime 'onxruntime'; did you mean onnxruntime?",
    "onnxruntime,tensorrt_": "unknown runtime 'tensorrt_'; did you mean tensorrt?",
    "trtexec, trtexec": "the runtime trtexec is named more than once; name each runtime once",
    "onnxruntime,tensorrt": "the profile local has no runtime 'tensorrt'; it has: onnxruntime",
    ",": "unknown runtime ','; known: tensorrt, trtexec",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backend")
    tiny_bundle(folder / "made")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("asked", REFUSED)
def test_a_bad_combination_is_refused(command: str, asked: str, place: Path) -> None:
    done = sis_edge_here(*COMMANDS[command], "--backend", asked, cwd=place)
    assert done.returncode == 2
    assert REFUSED[asked] in " ".join(done.stderr.split())
    assert not (place / "build").exists()
    assert not (place / "runs").exists()


def test_nothing_is_built_for_a_runtime_of_files_of_ones_own(place: Path) -> None:
    done = sis_edge_here(*COMMANDS["build"], "--backend", "onnxruntime,tflite", cwd=place)
    assert done.returncode == 2
    assert "tflite measures files of your own only" in " ".join(done.stderr.split())


def test_formed_networks_are_none_of_tflites(place: Path) -> None:
    done = sis_edge_here(*COMMANDS["bench"], "--backend", "onnxruntime,tflite", cwd=place)
    assert done.returncode == 2
    assert "tflite measures .tflite files, and dense is ONNX" in " ".join(done.stderr.split())


def test_a_build_for_some_runtimes_makes_what_they_take() -> None:
    """The desktop's profile has three tables; what a runtime that is left out would have made is not made."""
    whole = profiles.load("desktop-rtx")
    assert profiles.built_for(whole) == whole
    both = profiles.built_for(whole, "tensorrt", "onnxruntime")
    assert both.runtime.runners == ["tensorrt", "onnxruntime"]
    assert both.settings(TensorRtSettings) == whole.settings(TensorRtSettings)
    assert both.settings(OnnxRuntimeSettings) == whole.settings(OnnxRuntimeSettings)
    assert both.settings(TensorRtRtxSettings) is None
    orin = profiles.load("jetson-orin-nano")
    assert {spec.runtime for spec in orin.variant_specs} == {"tensorrt", "onnxruntime"}
    assert {spec.runtime for spec in profiles.built_for(orin, "trtexec").variant_specs} == {"tensorrt"}
    alone = profiles.built_for(orin, "onnxruntime")
    assert {spec.runtime for spec in alone.variant_specs} == {"onnxruntime"}
    with pytest.raises(UsageError, match="has no runtime 'tensorrt_rtx'"):
        profiles.built_for(orin, "tensorrt_rtx")
    pi = profiles.load("raspberry-pi-5")
    assert profiles.built_for(pi, "onnxruntime").wants_native == pi.wants_native
