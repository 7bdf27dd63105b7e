"""Tensors by name through the runners of TensorRT, on stand-ins of every dialect."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sis_agent.protocol import ProblemError
from sis_agent.runners.trtexec_files import parse_outputs

from .board_with_gpu import DIALECTS, GpuBoard, gpu_board
from .networks import preprocessed


def board(root: Path, version: str, trtexec: str | None = None) -> GpuBoard:
    there = gpu_board(root, version, trtexec=trtexec)
    np.save(there.networks / "tensors.npy", preprocessed()[:4])
    return there


@pytest.mark.parametrize("version", DIALECTS)
def test_tensors_by_name(version: str, tmp_path: Path) -> None:
    there = board(tmp_path, version)
    found = there.ask("own", "tensorrt", str(there.networks), {})
    assert "problem" not in found, found
    assert found["names"] == ["logits"]
    assert max(found["difference"], found["again"]) < 1e-6
    assert found["device_latencies"] == 2
    assert there.ask("own", "tensorrt", str(there.networks), {})["cache_hit"] is True


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"mask": {"shape": [1]}}, "has the inputs input, and input, mask were given"),
        ({"input": {"shape": [4, 3, 8]}}, "[-1, 3, 8, 8], and [4, 3, 8] was given"),
        ({"input": {"shape": [4, 3, 8, 9]}}, "[-1, 3, 8, 8], and [4, 3, 8, 9] was given"),
        ({"input": {"shape": [4, 3, 8, 8], "dtype": "int8"}}, "is float32 [4, 3, 8, 8], and int8 [4, 3, 8, 8] was"),
    ],
)
def test_inputs_that_do_not_fit_are_named(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    there = board(tmp_path, "10.3.0")
    found = there.ask("own", "tensorrt", str(there.networks), changes)
    assert found["problem"]["code"] == "bad-inputs", found
    assert text in found["problem"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["8.2.1", "11.4.0.106"])
def test_tensors_by_name_through_trtexec(version: str, tmp_path: Path) -> None:
    there = board(tmp_path, version, trtexec=version)
    found = there.ask("own", "trtexec", str(there.networks), {})
    assert "problem" not in found, found
    assert found["names"] == ["logits"]
    assert max(found["difference"], found["again"]) < 1e-4  # the tool writes six digits


def test_outputs_of_trtexec_have_their_shapes() -> None:
    text = '[{"name": "a", "dimensions": "2x1", "values": [1, nan]}, {"name": "b", "dimensions": "", "values": [3]}]'
    outputs = parse_outputs(text)
    assert {name: value.shape for name, value in outputs.items()} == {"a": (2, 1), "b": ()}
    for wrong in ('[{"name": "a", "dimensions": "3", "values": [1]}]', '[{"name": "a"}]', "[]", ""):
        with pytest.raises(ProblemError) as caught:
            parse_outputs(wrong)
        assert caught.value.problem.code == "run-failed"
