"""TensorFlow Lite on the processor: LiteRT (`ai_edge_litert`) where it is installed, else `tflite_runtime`.

It takes .tflite files with tensors by name. The inputs are set before the clock starts: a latency is one `invoke`.
No options. XNNPACK computes what it can, as the library's default is.
"""

import importlib
import importlib.util
import sys
from typing import Any, Callable, Dict, List, Optional

from sis_agent.protocol import ProblemError
from sis_agent.runners import importing, inputs, remedies
from sis_agent.runners.base import HOST_CLOCK, Runner, Session, Tensors, inside, known_options, outside
from sis_agent.schema import TimedCall

# In the order in which they are looked for; both have the module `interpreter`.
LIBRARIES = ("ai_edge_litert", "tflite_runtime")


def library() -> str:
    """The library that is installed; the first where none is."""
    return next((name for name in LIBRARIES if importlib.util.find_spec(name) is not None), LIBRARIES[0])


IMPORTS = ("numpy", library())


def missing() -> Optional[str]:
    """What this board lacks for TensorFlow Lite, found without importing it; None when nothing."""
    lacking = importing.not_installed(("numpy", library()))
    if not lacking:
        return None
    package = "ai-edge-litert" if sys.version_info >= (3, 9) else "tflite-runtime"
    return (
        "not installed for {} (Python {}.{}) on this board: {}; install it there with {}, or name another "
        "Python".format(sys.executable, *sys.version_info[:2], ", ".join(lacking), remedies.pip(package))
    )


def make(threads: int, batch_size: int) -> Runner:
    """TensorFlow Lite with `threads` threads; the batch size is the tensors' own."""
    return TfliteRunner(threads)


class TfliteSession(Session):
    """One interpreter, its tensors allocated for the shapes that it is run with."""

    def __init__(self, interpreter: Any, details: Dict[str, Any]) -> None:
        self._interpreter = interpreter
        self._details = details
        self._inputs = {one["name"]: one["index"] for one in interpreter.get_input_details()}
        self._outputs = {one["name"]: one["index"] for one in interpreter.get_output_details()}
        self._timed: Tensors = {}

    def infer(self, images: Any) -> Any:
        """Every output by name."""
        self._put(images)
        self._interpreter.invoke()
        outputs = {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}
        if self._timed:  # the steps go on with their own tensors
            self._put(self._timed)
        return outputs

    def step(self, batch: Any) -> Callable[[], Any]:
        """`invoke`, the inputs being set."""
        self._timed = batch
        self._put(batch)
        invoke: Callable[[], Any] = self._interpreter.invoke
        return invoke

    def details(self) -> Dict[str, Any]:
        """What a latency is."""
        return self._details

    def timed_call(self) -> Optional[TimedCall]:
        """`invoke` alone."""
        return TimedCall(
            "Interpreter.invoke",
            HOST_CLOCK,
            input_copy=outside("set_tensor before the clock starts"),
            output_copy=outside("stay in the interpreter's tensors"),
            synchronisation=inside("returns when the outputs are there"),
            call_overhead=inside("one Python call without arguments"),
        )

    def _put(self, tensors: Tensors) -> None:
        for name, value in tensors.items():
            self._interpreter.set_tensor(self._inputs[name], value)


class TfliteRunner(Runner):
    """Interpreters on the processor, with `threads` threads each."""

    def __init__(self, threads: int) -> None:
        self._library = library()
        with importing.explained(self._library):
            import numpy

            package = importlib.import_module(self._library)
            self._interpreter = importlib.import_module(self._library + ".interpreter").Interpreter
        self._version = getattr(package, "__version__", None)
        self._simulated = bool(getattr(package, "__sis_simulated__", False))
        self._threads = threads
        self._numpy = numpy

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record."""
        return {
            "runner": "tflite",
            "library": self._library,
            self._library: self._version,
            "numpy": self._numpy.__version__,
            "threads": self._threads,
            "simulated": self._simulated,
        }

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """Raises the problem `bad-model`: formed networks are ONNX."""
        raise ProblemError(
            "bad-model", "the runner tflite takes .tflite files with inputs of their own, and not {}".format(model_path)
        )

    def load_tensors(self, model_path: str, options: Dict[str, Any], tensors: Tensors) -> Session:
        """An interpreter of a .tflite file; raises ProblemError `bad-option`, `bad-model` or `bad-inputs`."""
        known_options(options, ())
        try:
            interpreter = self._interpreter(model_path=model_path, num_threads=self._threads)
        except Exception as error:  # ValueError and RuntimeError, and what else a version may raise
            raise self._refused("bad-model", "cannot load", model_path, error)
        wanted = [self._input(one) for one in interpreter.get_input_details()]
        rows = inputs.check(model_path, wanted, tensors)
        shapes = inputs.shapes(tensors, rows)
        try:
            for one in interpreter.get_input_details():
                if shapes[one["name"]] != [int(size) for size in one["shape"]]:
                    interpreter.resize_tensor_input(one["index"], shapes[one["name"]])
            interpreter.allocate_tensors()
        except Exception as error:
            raise self._refused("bad-model", "cannot prepare", model_path, error)
        session = TfliteSession(interpreter, {"latency": "one invoke, its inputs set before"})
        session.rows = rows
        return session

    def _input(self, detail: Dict[str, Any]) -> inputs.NetworkInput:
        # The signature has -1 for an open size; old libraries and files without one have the shape alone.
        shape = detail.get("shape_signature")
        sizes: List[Any] = [int(size) for size in (detail["shape"] if shape is None or not len(shape) else shape)]
        kind = self._numpy.dtype(detail["dtype"])
        return inputs.NetworkInput(detail["name"], "str" if kind.kind in "OSU" else kind.name, sizes)

    def _refused(self, code: str, what: str, model_path: str, error: Exception) -> ProblemError:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        return ProblemError(code, "{} {} {} {}: {}".format(self._library, self._version, what, model_path, first_line))
