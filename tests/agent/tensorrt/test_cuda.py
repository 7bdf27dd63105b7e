"""CUDA through each of its providers, which are stand-ins, and the answers of a machine that has none."""

import sys
from pathlib import Path

import pytest

from ..interpreters import find
from .board_with_gpu import GpuBoard, install

PROVIDERS = ("pycuda", "cuda-python", "ctypes")


def board(root: Path, *, tensorrt: str | None = None, cuda: str | None = "pycuda", **fields: str) -> GpuBoard:
    return GpuBoard(root, install(root / "standins", tensorrt, cuda), **fields)


# pycuda gives page-locked memory as a numpy array, which this machine's oldest Python does not have.
@pytest.mark.parametrize(
    ("cuda", "version"),
    [(cuda, None) for cuda in PROVIDERS] + [("cuda-python", "3.6"), ("ctypes", "3.6")],
)
def test_a_round_trip_through_the_device(cuda: str, version: str | None, tmp_path: Path) -> None:
    there = board(tmp_path, cuda=cuda, python=find(version) if version else sys.executable)
    found = there.ask("device", "auto")
    device = found["device"]
    assert (device["backend"], device["simulated"]) == (cuda, True)
    assert (device["name"], device["compute_capability"]) == ("Orin (stand-in)", "8.7")
    assert (device["unified"], device["device_count"]) == (True, 1)
    assert "." in device["driver_version"]
    assert "." in device["runtime_version"]
    assert found["same"]
    assert 0 <= found["elapsed_s"] < 60
    assert found["handle"] > 0
    assert 0 < found["free"] <= found["total"]


@pytest.mark.parametrize("cuda", PROVIDERS)
def test_a_refused_call_is_named(cuda: str, tmp_path: Path) -> None:
    too_big, outside = board(tmp_path, cuda=cuda).ask("refusals", cuda)
    assert "out of memory" in too_big or "MemoryAllocation" in too_big
    if cuda != "ctypes":  # the C stand-in does not know what it has allocated
        assert "invalid" in outside.lower()


def test_the_first_provider_with_a_device_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "standins"
    for cuda in PROVIDERS:
        environment = install(folder, None, cuda)
    there = GpuBoard(tmp_path, environment)
    assert there.ask("device", "auto")["device"]["backend"] == "pycuda"
    assert there.ask("device", "ctypes")["device"]["backend"] == "ctypes"
    problem = there.ask("device", "opencl")["problem"]
    assert problem["code"] == "bad-option"
    assert "auto, pycuda, cuda-python, ctypes" in problem["message"]


def test_a_provider_that_cannot_be_imported_is_passed_over(tmp_path: Path) -> None:
    there = board(tmp_path, cuda="cuda-python")
    broken = tmp_path / "standins" / "pycuda"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('libcuda.so.1: cannot open shared object file')")
    assert there.ask("device", "auto")["device"]["backend"] == "cuda-python"
    assert "libcuda.so.1" in there.ask("device", "pycuda")["problem"]["message"]


@pytest.mark.parametrize("cuda", PROVIDERS)
def test_a_machine_without_a_device_says_of_each_provider_why(cuda: str, tmp_path: Path) -> None:
    found = board(tmp_path, cuda=cuda).ask("device", "auto", STANDIN_GPUS="0")["problem"]
    assert found["code"] == "no-gpu"
    assert f"{cuda}: " in found["message"]
    assert "no CUDA-capable device" in found["message"] or "cudaErrorNoDevice" in found["message"]
    for other in PROVIDERS[:2]:
        if other != cuda:
            assert f"{other}: not installed" in found["message"]


def test_this_machine_as_it_is(tmp_path: Path) -> None:
    found = board(tmp_path, cuda=None).ask("device", "auto")
    if "problem" not in found:
        assert found["device"]["simulated"] is False
        assert found["same"]
        return
    assert found["problem"]["code"] == "no-gpu"
    assert all(f"{name}: " in found["problem"]["message"] for name in PROVIDERS)


def test_builder_logs_are_read_under_the_oldest_python(tmp_path: Path) -> None:
    there = board(tmp_path, cuda=None, python=find("3.6"))
    found = there.ask("log_report", str(Path(__file__).parent / "logs" / "tensorrt-10.txt"))
    assert found["chosen"] == {"number": 1, "names": ["conv3"]}


def test_a_board_without_a_gpu_is_reported_before_tensorrt_is_touched(tmp_path: Path) -> None:
    found = board(tmp_path, tensorrt="10.3.0").ask("looks", "auto", STANDIN_GPUS="0")
    assert found["device"] is None
    assert found["runners"]["tensorrt"] == found["problem"]
    assert "measure with onnxruntime" in found["problem"]
    assert found["runners"]["onnxruntime"] == "available"


def test_a_driver_that_crashes_costs_a_sentence(tmp_path: Path) -> None:
    there = board(tmp_path, tensorrt="10.3.0")
    code = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    (tmp_path / "standins" / "pycuda" / "__init__.py").write_text(code)
    assert "the first call of CUDA was ended by SIGSEGV" in there.ask("looks", "auto")["runners"]["tensorrt"]


def test_a_board_with_a_gpu_is_ready(tmp_path: Path) -> None:
    found = board(tmp_path, tensorrt="10.3.0").ask("looks", "auto")
    assert found["problem"] is None
    assert found["runners"]["tensorrt"] == "available"


def test_a_board_without_tensorrt_says_where_it_comes_from(tmp_path: Path) -> None:
    lack = board(tmp_path).ask("looks", "auto")["runners"]
    assert "JetPack" in lack["tensorrt"]
    assert "python3-libnvinfer" in lack["tensorrt"]
    assert "trtexec" in lack["trtexec"]
