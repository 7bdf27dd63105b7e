"""ONNX Runtime on the processor: 1.10 (the last for Python 3.6) and newer."""

import functools
import importlib.util
import sys
from typing import Any, Callable, Dict, Optional

from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Runner, Session, known_options

INPUT = "input"
LOGITS = "logits"
PROVIDERS = ["CPUExecutionProvider"]


def missing() -> Optional[str]:
    """What this board lacks for ONNX Runtime, found without importing it; None when nothing."""
    lacking = [name for name in ("onnxruntime", "numpy") if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    return (
        "not installed for {python} (Python {major}.{minor}) on this board: {what}; install it there with "
        "`{python} -m pip install --user onnxruntime` (pip 20.3 or newer), or name another Python".format(
            what=", ".join(lacking), python=sys.executable, major=sys.version_info[0], minor=sys.version_info[1]
        )
    )


def make(threads: int, batch_size: int) -> Runner:
    """ONNX Runtime with `threads` threads within an operator; the batch size comes with the batches."""
    return OnnxRuntimeRunner(threads)


class OnnxRuntimeSession(Session):
    """One InferenceSession with the input `input` and the output `logits`."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def infer(self, images: Any) -> Any:
        """Logits float32 [N, classes] of preprocessed images, float32 [N, 3, height, width]."""
        return self._session.run([LOGITS], {INPUT: images})[0]

    def step(self, batch: Any) -> Callable[[], Any]:
        """`session.run` with its arguments bound."""
        return functools.partial(self._session.run, [LOGITS], {INPUT: batch})


class OnnxRuntimeRunner(Runner):
    """Sequential execution, one thread between operators, all graph optimisations."""

    def __init__(self, threads: int) -> None:
        try:
            import numpy
            import onnxruntime
        except ImportError as error:
            raise ProblemError(
                "no-runtime",
                "onnxruntime is installed for {} but cannot be imported ({}); reinstall it on the board".format(
                    sys.executable, error
                ),
            )
        self._ort = onnxruntime
        self._threads = threads
        self._numpy_version = numpy.__version__

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record."""
        return {
            "runner": "onnxruntime",
            "onnxruntime": self._ort.__version__,
            "numpy": self._numpy_version,
            "providers": PROVIDERS,
            "intra_op_threads": self._threads,
            "inter_op_threads": 1,
            "execution_mode": "sequential",
            "graph_optimization": "all",
        }

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """An InferenceSession of an ONNX file; raises ProblemError `bad-model`. There are no options yet."""
        known_options(options, ())
        return self._session(model_path)

    def _session(self, model_path: str) -> Session:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.execution_mode = self._ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = self._ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        try:
            session = self._ort.InferenceSession(model_path, options, providers=PROVIDERS)
        except Exception as error:  # the binding raises classes of its own, which differ between versions
            raise ProblemError(
                "bad-model",
                "ONNX Runtime {} cannot load {}: {}".format(self._ort.__version__, model_path, _first_line(error)),
            )
        inputs = [value.name for value in session.get_inputs()]
        outputs = [value.name for value in session.get_outputs()]
        if inputs != [INPUT] or LOGITS not in outputs:
            raise ProblemError(
                "bad-model",
                "{} has the inputs {} and the outputs {}; it must have '{}' and '{}'".format(
                    model_path, inputs, outputs, INPUT, LOGITS
                ),
            )
        return OnnxRuntimeSession(session)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
