"""The TensorFlow Lite runner: with the real library where it is installed, and with a stand-in of its interface."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from given_models import write_tflite

from sis_agent import runners
from sis_agent.protocol import ProblemError
from sis_agent.runners import tflite

A = np.arange(6, dtype=np.float32).reshape(2, 3)
STANDIN = '''
import pathlib

import numpy

class Interpreter:
    """float32 [-1, 3] a and b; sum = a + b."""
    def __init__(self, model_path, num_threads=None):
        if pathlib.Path(model_path).read_bytes() == b"nope":
            raise ValueError("The model is not a valid Flatbuffer buffer\\nand more")
        assert num_threads == 2
        self.shapes, self.values = {0: [1, 3], 1: [1, 3]}, {}
    def get_input_details(self):
        return [
            {"name": name, "index": index, "shape": numpy.array(self.shapes[index]),
             "shape_signature": numpy.array([-1, 3]), "dtype": numpy.float32}
            for index, name in enumerate("ab")
        ]
    def get_output_details(self):
        return [{"name": "sum", "index": 2, "shape": numpy.array([1, 3]), "dtype": numpy.float32}]
    def resize_tensor_input(self, index, shape):
        self.shapes[index] = shape
    def allocate_tensors(self):
        if self.shapes[0] != self.shapes[1]:
            raise RuntimeError("a and b differ")
    def set_tensor(self, index, value):
        assert list(value.shape) == self.shapes[index]
        self.values[index] = value
    def invoke(self):
        self.values[2] = self.values[0] + self.values[1]
    def get_tensor(self, index):
        return self.values[index].copy()
'''


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(write_tflite(tmp_path))


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package of the older name, which the runner takes where the newer one is not installed."""
    package = tmp_path / "standin" / "tflite_runtime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '2.14.0'\n__sis_simulated__ = True\n")
    (package / "interpreter.py").write_text(STANDIN)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(tflite, "LIBRARIES", ("there_is_no_such_litert", "tflite_runtime"))
    yield
    for name in ("tflite_runtime", "tflite_runtime.interpreter"):
        sys.modules.pop(name, None)


def check_session(session: Any) -> None:
    step = session.step({"a": A, "b": A})
    step()
    assert (session.infer({"a": A, "b": 2 * A})["sum"] == 3 * A).all()
    step()
    assert (session.infer({"a": A, "b": A})["sum"] == 2 * A).all()


@pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="LiteRT is not installed (pip install ai-edge-litert)"
)
def test_the_real_library(model: str, tmp_path: Path) -> None:
    assert tflite.missing() is None
    runner = runners.make("tflite", 1, 1)
    assert runner.details()["library"] == "ai_edge_litert"
    check_session(runner.load_tensors(model, {}, {"a": A, "b": A}))
    pieces = runner.load_tensors(model, {}, {"a": np.tile(A, (3, 1)), "b": np.tile(A, (3, 1))})
    assert pieces.rows == 2
    (tmp_path / "bad.tflite").write_bytes(b"nope")
    with pytest.raises(ProblemError, match=r"ai_edge_litert [\d.]+ cannot load .*bad.tflite: ") as caught:
        runner.load_tensors(str(tmp_path / "bad.tflite"), {}, {"a": A, "b": A})
    assert caught.value.problem.code == "bad-model"
    with pytest.raises(ProblemError, match=r"'b' of .* is float32 \[2, 3\], and float64 \[2, 3\] was given"):
        runner.load_tensors(model, {}, {"a": A, "b": A.astype(np.float64)})


@pytest.mark.usefixtures("standin")
def test_the_older_library_and_open_sizes(model: str, tmp_path: Path) -> None:
    assert tflite.missing() is None
    runner = runners.make("tflite", 2, 1)
    details = runner.details()
    assert (details["library"], details["tflite_runtime"], details["threads"]) == ("tflite_runtime", "2.14.0", 2)
    assert (details["simulated"], runner.on_gpu) == (True, False)
    session = runner.load_tensors(model, {}, {"a": A, "b": A})
    assert session.rows is None
    check_session(session)
    with pytest.raises(ProblemError, match=r"tflite_runtime 2.14.0 cannot prepare .*: a and b differ"):
        runner.load_tensors(model, {}, {"a": A, "b": A[:1]})
    with pytest.raises(ProblemError, match="inputs a, b, and 'b' is not given"):
        runner.load_tensors(model, {}, {"a": A})
    with pytest.raises(ProblemError, match="unknown option 'cache'"):
        runner.load_tensors(model, {"cache": True}, {"a": A, "b": A})
    Path(model).write_bytes(b"nope")
    with pytest.raises(ProblemError, match=r"not a valid Flatbuffer buffer$"):
        runner.load_tensors(model, {}, {"a": A, "b": A})
    with pytest.raises(ProblemError, match=r"takes .tflite files with inputs of their own"):
        runner.load(model, {})


def test_without_a_library_the_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "LIBRARIES", ("there_is_no_such_litert",))
    assert "there_is_no_such_litert; install it there with" in (tflite.missing() or "")
    assert "ai-edge-litert`, or name another Python" in (tflite.missing() or "")
    assert "tflite" in runners.availability()
