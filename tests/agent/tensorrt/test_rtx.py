"""The runner of TensorRT for RTX on a stand-in: engines that the host's own module built ahead of time."""

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .board_with_gpu import RTX, STANDINS, GpuBoard, gpu_board

SURFACE = json.loads((STANDINS / "surface_rtx.json").read_text())[RTX]
CAPABILITIES = ["8.6", "8.9"]
BUILD = """
import sys
from pathlib import Path
from sis_edge.backends import tensorrt_rtx
engine = tensorrt_rtx.build(Path(sys.argv[1]), sys.argv[3].split(","), batch_sizes=(1, 4))
Path(sys.argv[2]).write_bytes(engine.plan)
"""


def board(tmp_path: Path, form: str = "dense", capability: str = "8.6", **more: Any) -> GpuBoard:
    """A desktop with a GPU of this capability, and an engine of the form, built by the host with the stand-in."""
    there = gpu_board(tmp_path, None, rtx=RTX, STANDIN_GPU_CAPABILITY=capability, **more)
    words = [str(there.networks / f"{form}.onnx"), str(there.networks / f"{form}.plan"), ",".join(CAPABILITIES)]
    subprocess.run([sys.executable, "-c", BUILD, *words], env={**there.environment, "HOME": "/"}, check=True)
    return there


def load(there: GpuBoard, form: str = "dense", batch_size: int = 1, **options: Any) -> Any:
    return there.ask("load", "tensorrt_rtx", batch_size, str(there.networks), form, options, ".plan")


@pytest.mark.parametrize(
    ("form", "capability", "batch_size", "cuda"),
    [("dense", "8.6", 1, "pycuda"), ("sparse-fp16", "8.9", 4, "cuda-python"), ("sparse-int8", "8.6", 4, "ctypes")],
)
def test_an_engine_of_the_host_s_runs_here(
    tmp_path: Path, form: str, capability: str, batch_size: int, cuda: str
) -> None:
    found = load(board(tmp_path, form, capability, cuda=cuda), form, batch_size, precision="fp16")
    assert "problem" not in found, found
    assert (found["runner"]["tensorrt_rtx"], found["runner"]["simulated"]) == (RTX, True)
    assert found["on_gpu"] is True
    assert found["difference"] < 1e-6
    assert len(found["latencies_s"]) == 5
    details = found["details"]
    assert (details["precision"], details["cuda_backend"], details["simulated"]) == ("fp16", cuda, True)
    assert details["engine_bytes"] == (tmp_path / "networks" / f"{form}.plan").stat().st_size
    assert details["device_bytes"] > 0 or cuda == "ctypes"  # whose stand-in does not count
    assert {"conv1", "conv2", "conv3"} <= set(details["layer_times_s"])


def test_a_gpu_that_the_engine_was_not_built_for(tmp_path: Path) -> None:
    found = load(board(tmp_path, capability="12.0"))
    assert found["problem"]["code"] == "bad-engine"
    assert "compute capability 12.0" in found["problem"]["message"]
    assert "not compatible" in found["problem"]["message"]


def test_a_batch_that_the_engine_was_not_built_for(tmp_path: Path) -> None:
    found = load(board(tmp_path), batch_size=8)
    assert (found["problem"]["code"], found["problem"]["message"]) == (
        "bad-engine",
        "the engine does not take batches of 8",
    )


def test_an_option_that_it_does_not_have(tmp_path: Path) -> None:
    there = board(tmp_path)
    assert load(there, sparse_weights=True)["problem"]["code"] == "bad-option"
    assert "known: auto" in load(there, cuda_backend="opencl")["problem"]["message"]


def test_what_a_board_lacks(tmp_path: Path) -> None:
    nothing = gpu_board(tmp_path / "nothing", None).ask("looks", "auto")["runners"]["tensorrt_rtx"]
    if importlib.util.find_spec("tensorrt_rtx") is None:
        assert "pip install tensorrt-rtx" in nothing
    no_device = gpu_board(tmp_path / "cpu", None, rtx=RTX, STANDIN_GPUS="0").ask("looks", "auto")["runners"]
    assert no_device["tensorrt_rtx"] != "available"
    assert gpu_board(tmp_path / "gpu", None, rtx=RTX).ask("looks", "auto")["runners"]["tensorrt_rtx"] == "available"


@pytest.mark.rtx
@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="the extra 'rtx' is not installed")
def test_the_stand_in_has_the_names_of_the_real_library_and_no_others() -> None:
    rtx = importlib.import_module("tensorrt_rtx")
    assert rtx.__version__ == RTX
    for name, text in SURFACE["classes"].items():
        assert {key for key in dir(getattr(rtx, name)) if not key.startswith("_")} == set(text.split())
    for name, text in SURFACE["enums"].items():
        assert list(getattr(rtx, name).__members__) == text.split()
