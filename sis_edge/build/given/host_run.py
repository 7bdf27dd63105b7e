"""A model run once on this machine: that it can be loaded, its outputs, and what a board is expected to compute."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.bundles.manifest import TensorSpec
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORT = "ONNX Runtime on this host"
TFLITE = "TFLite on this host"
TFLITE_PACKAGE = "ai-edge-litert"


@dataclass(frozen=True)
class HostRun:
    """Outputs by name; where there are none, `reason` says why."""

    outputs: "Mapping[str, NDArray[Any]]"
    source: str
    reason: str | None = None

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        """The outputs as they came."""
        return tuple(
            TensorSpec(name=name, dtype=str(array.dtype), shape=array.shape) for name, array in self.outputs.items()
        )


def by_onnxruntime(model: Path, name: str, inputs: "Mapping[str, NDArray[Any]]") -> HostRun:
    """Run the model once; raises UsageError with the runtime's own words where it cannot."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its words go into the error
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        found = session.run(names, dict(inputs))
    except Exception as error:  # its errors have no common base
        raise UsageError(
            f"ONNX Runtime {onnxruntime.__version__} on this host cannot run {name}: {_words(error)}"
        ) from None
    for output, value in zip(names, found, strict=True):
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            raise UsageError(f"{name} gives {output} as {type(value).__name__}, and only numbers can be compared")
        if not value.size:
            raise UsageError(f"{name} gives nothing in {output} ({value.shape}) for these inputs; give it others")
    return HostRun(dict(zip(names, found, strict=True)), ORT)


def tflite_version() -> str | None:
    """This machine's; None without it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(TFLITE_PACKAGE)
    except PackageNotFoundError:
        return None


def by_tflite(model: Path, name: str, inputs: "Mapping[str, NDArray[Any]]") -> HostRun:
    """Run the model once where this machine has TFLite; raises UsageError with its words where it cannot."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return HostRun({}, TFLITE, "this host has no TFLite (extra tflite; `sis-edge doctor` shows how to add it)")
    try:
        with _without_a_word():
            interpreter = Interpreter(model_path=str(model))
            for each in interpreter.get_input_details():
                interpreter.resize_tensor_input(each["index"], inputs[each["name"]].shape)
            interpreter.allocate_tensors()
            for each in interpreter.get_input_details():
                interpreter.set_tensor(each["index"], inputs[each["name"]])
            interpreter.invoke()
            found = {each["name"]: interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()}
    except Exception as error:  # RuntimeError or ValueError, with its words
        raise UsageError(f"TFLite on this host cannot run {name}: {_words(error)}") from None
    return HostRun(found, TFLITE)


def _without_source(text: str) -> str:
    """The text without the file, the line and the function that it names.

    >>> _without_source("On load: /onnxruntime_src/core/graph.cc:7 void f(const g<int>&, h (*)(int)) const Too new")
    'On load: Too new'
    """
    place = re.search(r"/onnxruntime_src/\S+?:\d+ [^(]*", text)
    if place is None:
        return text
    depth = 0
    for at in range(place.end(), len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            rest = re.sub(r"^( const)?( \[with [^]]*\])? ?", "", text[at + 1 :])
            return text[: place.start()] + rest if rest else text
    return text


@contextmanager
def _without_a_word() -> Iterator[None]:
    """Without what a native library prints to standard error: TFLite greets there, and raises what matters."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _words(error: Exception) -> str:
    """The runtime's words as one line, without the number of its error and the place in its source."""
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", " ".join(str(error).split()))
    text = re.sub(r"^Load model from \S+ failed: ?", "", text)  # a folder that the user never sees
    text = _without_source(text)
    return _shorter(text.rstrip(".")) or type(error).__name__


def _shorter(text: str) -> str:
    """The runtime's words, with what to do where that is known.

    >>> _shorter("Fatal error: mine:Odd(-1) is not a registered function/op")
    "Fatal error: mine:Odd(-1) is not a registered function/op; export it with ONNX's own operators"
    """
    if found := re.search(r"Opset (\d+) is under development.*domain (\S+) is till opset (\d+)", text):
        used, domain, newest = found.groups()
        return f"it uses opset {used} of {domain}, which is newer than {newest}; export it with {newest} or older"
    if text.endswith("is not a registered function/op"):
        return f"{text}; export it with ONNX's own operators"
    return text
