"""ONNX Runtime on the processor: 1.10 (the last for Python 3.6) and newer.

With the option `cache` a network is optimised once on a board and loaded optimised from then on. The optimised file
fits only this ONNX Runtime and this processor, so both are in its key.
"""

import functools
import json
import os
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from sis_agent import child
from sis_agent.board import cpu
from sis_agent.files import file_sha256
from sis_agent.native.library import Library
from sis_agent.protocol import ProblemError
from sis_agent.runners import engine_cache, engines, importing, inputs, remedies
from sis_agent.runners.base import (
    HOST_CLOCK,
    OnProgress,
    Runner,
    Session,
    Tensors,
    ignore,
    inside,
    known_options,
    none,
)
from sis_agent.runners.engine_cache import CachedEngine
from sis_agent.runners.inputs import NetworkInput
from sis_agent.schema import TimedCall
from sis_agent.tree import Tree

IMPORTS = ("numpy", "onnxruntime")
INPUT = "input"
LOGITS = "logits"
PROVIDERS = ["CPUExecutionProvider"]
OPTIMIZATIONS = {
    "disabled": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
OPTIMISE_LIMIT_S = 240.0  # below the silence that a worker may keep
# Threads that wait for the next run by spinning take the cores of the next network: with 20 sessions of two threads on
# two cores, one turn in ten took 13 times as long. Within a run they may spin, which is quicker.
STOPS_SPINNING = (1, 12)  # the first that can stop between runs; older ones must not spin at all
STOP_BETWEEN_RUNS = ("session.force_spinning_stop", "1")
NEVER_SPIN = ("session.intra_op.allow_spinning", "0")
LENDS_THREADS = (1, 17)  # the first that lends a session's threads to operators of a library
# ONNX Runtime's types -> numpy's names; numpy has none for the others (bfloat16, sequences, maps).
TYPES = {"tensor({})".format(name): name for name in ("bool", "float16", "int8", "int16", "int32", "int64")}
TYPES.update({"tensor({})".format(name): name for name in ("uint8", "uint16", "uint32", "uint64")})
TYPES.update({"tensor(float)": "float32", "tensor(double)": "float64", "tensor(string)": "str"})
EXECUTIONS = {"sequential": "ORT_SEQUENTIAL", "parallel": "ORT_PARALLEL"}


class OnnxRuntimeOptions(NamedTuple):
    """The options of this runner; the names are ONNX Runtime's own where it has one.

    optimization        disabled, basic, extended or all
    execution           sequential or parallel: whether operators that do not depend on each other run at once
    inter_op_threads    threads for that; the job's threads are those within an operator
    arena               whether memory comes from ONNX Runtime's arena, which keeps what it has had
    cache               whether the optimised network is kept on the board and loaded from there
    custom_ops          path of a library of operators (in a job, one of the network's `files`)
    """

    optimization: str = "all"
    execution: str = "sequential"
    inter_op_threads: int = 1
    arena: bool = True
    cache: bool = False
    custom_ops: Optional[str] = None


def parse(options: Dict[str, Any]) -> OnnxRuntimeOptions:
    """The options of a job; raises ProblemError `bad-option` that names the wrong one."""
    known_options(options, OnnxRuntimeOptions._fields)
    known = OnnxRuntimeOptions(**options)
    for name, choices in (("optimization", OPTIMIZATIONS), ("execution", EXECUTIONS)):
        if getattr(known, name) not in choices:
            raise _wrong(name, getattr(known, name), "one of " + ", ".join(choices))
    for name in ("arena", "cache"):
        if not isinstance(getattr(known, name), bool):
            raise _wrong(name, getattr(known, name), "true or false")
    threads = known.inter_op_threads
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise _wrong("inter_op_threads", threads, "a whole number from 1 on")
    if known.custom_ops is not None and not isinstance(known.custom_ops, str):
        raise _wrong("custom_ops", known.custom_ops, "a path")
    return known


def missing() -> Optional[str]:
    """What this board lacks for ONNX Runtime, found without importing it; None when nothing."""
    lacking = importing.not_installed(IMPORTS)
    if not lacking:
        return None
    if importing.is_32_bit():
        return (
            "{} is a 32-bit program, and there is no ONNX Runtime for those (not installed: {}); install a 64-bit "
            "system (`dpkg --print-architecture` must say arm64 or amd64)".format(sys.executable, ", ".join(lacking))
        )
    return (
        "not installed for {} (Python {}.{}) on this board: {}; install it there with {} (pip 20.3 or newer), or name "
        "another Python".format(sys.executable, *sys.version_info[:2], ", ".join(lacking), remedies.pip("onnxruntime"))
    )


def make(threads: int, batch_size: int) -> Runner:
    """ONNX Runtime with `threads` threads within an operator; the batch size comes with the batches."""
    return OnnxRuntimeRunner(threads)


class OnnxRuntimeSession(Session):
    """One InferenceSession with the input `input` and the output `logits`."""

    def __init__(self, session: Any, details: Dict[str, Any]) -> None:
        self._session = session
        self._details = details

    @property
    def inputs(self) -> List[NetworkInput]:
        """What the network takes."""
        return [
            NetworkInput(value.name, TYPES.get(value.type), value.shape or []) for value in self._session.get_inputs()
        ]

    def infer(self, images: Any) -> Any:
        """Logits float32 [N, classes] of preprocessed images, float32 [N, 3, height, width]."""
        return self._session.run([LOGITS], {INPUT: images})[0]

    def step(self, batch: Any) -> Callable[[], Any]:
        """`session.run` with its arguments bound."""
        return functools.partial(self._session.run, [LOGITS], {INPUT: batch})

    def details(self) -> Dict[str, Any]:
        """The options in force, and whether the network came optimised from the board's cache."""
        return self._details

    def timed_call(self) -> Optional[TimedCall]:
        """`session.run`: inputs are read where numpy has them, every output becomes an array."""
        return TimedCall(
            "InferenceSession.run",
            HOST_CLOCK,
            input_copy=none("the processor reads numpy's memory"),
            output_copy=inside("each output becomes a numpy array"),
            synchronisation=inside("returns when the outputs are there"),
            call_overhead=inside("one Python call that binds inputs and outputs by name"),
        )


class OnnxRuntimeTensorSession(OnnxRuntimeSession):
    """One InferenceSession with inputs and outputs of any name."""

    def __init__(self, session: Any, details: Dict[str, Any]) -> None:
        super().__init__(session, details)
        self._outputs = [value.name for value in session.get_outputs()]

    def infer(self, images: Any) -> Any:
        """Every output by name."""
        values = self._session.run(self._outputs, images)
        return {name: values[place] for place, name in enumerate(self._outputs)}

    def step(self, batch: Any) -> Callable[[], Any]:
        """`session.run` with its arguments bound."""
        return functools.partial(self._session.run, self._outputs, batch)


class OnnxRuntimeRunner(Runner):
    """Sessions on the processor, with `threads` threads within an operator."""

    def __init__(self, threads: int) -> None:
        with importing.explained("onnxruntime"):
            import numpy
            import onnxruntime
        self._ort = onnxruntime
        self._threads = threads
        self._numpy_version = numpy.__version__
        self._prepared: Dict[Tuple[str, OnnxRuntimeOptions], CachedEngine] = {}

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record; what a network's options change is in its own details."""
        return {
            "runner": "onnxruntime",
            "onnxruntime": self._ort.__version__,
            "numpy": self._numpy_version,
            "providers": PROVIDERS,
            "intra_op_threads": self._threads,
            "threads_spin": self._threads > 1 and self._spinning() == STOP_BETWEEN_RUNS,
        }

    def prepare(self, model_path: str, options: Dict[str, Any], on_progress: OnProgress = ignore) -> None:
        """Optimise a network and keep it, where the option `cache` asks for that."""
        known = parse(options)
        if known.cache:
            self._optimised(model_path, known)

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """An InferenceSession of an ONNX file; raises ProblemError `bad-model`, `bad-option` or `bad-library`."""
        session, details = self._loaded(model_path, parse(options))
        names = [value.name for value in session.get_inputs()]
        outputs = [value.name for value in session.get_outputs()]
        if names != [INPUT] or LOGITS not in outputs:
            raise ProblemError(
                "bad-model",
                "{} has the inputs {} and the outputs {}; it must have '{}' and '{}'".format(
                    model_path, names, outputs, INPUT, LOGITS
                ),
            )
        return OnnxRuntimeSession(session, details)

    def prepare_tensors(
        self, model_path: str, options: Dict[str, Any], tensors: Tensors, on_progress: OnProgress = ignore
    ) -> None:
        """As `prepare`: ONNX Runtime optimises without knowing the shapes."""
        self.prepare(model_path, options, on_progress)

    def load_tensors(self, model_path: str, options: Dict[str, Any], tensors: Tensors) -> Session:
        """An InferenceSession of an ONNX file with any inputs; raises ProblemError as `load`, and `bad-inputs`."""
        session = OnnxRuntimeTensorSession(*self._loaded(model_path, parse(options)))
        session.rows = inputs.check(model_path, session.inputs, tensors)
        return session

    def _loaded(self, model_path: str, known: OnnxRuntimeOptions) -> Tuple[Any, Dict[str, Any]]:
        """The InferenceSession, optimised now or before, and its details."""
        details = dict(known._asdict(), cached=known.cache)
        if not known.cache:
            return self._session(model_path, self.settings(known)), details
        optimised = self._optimised(model_path, known)
        settings = self.settings(known._replace(optimization="disabled"))
        details["optimised_bytes"] = optimised.plan_bytes
        return self._session(optimised.plan_path, settings), details

    def _optimised(self, model_path: str, options: OnnxRuntimeOptions) -> CachedEngine:
        """The network as ONNX Runtime optimises it for this processor, from the board's cache or made now."""
        known = self._prepared.get((model_path, options))
        if known is not None:  # so that the load time is not one of looking at files
            return known
        cache = engine_cache.of_this_job()
        processor = cpu.read(Tree("/"))
        library = _library(options)

        def build(key: str) -> Dict[str, Any]:
            # In a process of its own: what optimising takes of memory is not what the network takes.
            order = {"model": model_path, "plan": cache.path(key, ".plan"), "threads": self._threads}
            order["options"] = dict(options._asdict())
            command = child.command("sis_agent.runners.onnxruntime")
            answer = json.loads(
                engines.run_builder(command, json.dumps(order), OPTIMISE_LIMIT_S, ignore).splitlines()[-1]
            )
            if answer is not None:
                raise ProblemError(**answer)
            return {}

        parts = {
            "onnx": file_sha256(model_path),
            "onnxruntime": self._ort.__version__,
            "processor": [processor.model, processor.features],
            "optimization": options.optimization,
            "custom_ops": library and file_sha256(library),
        }
        entry = engines.get(cache, parts, build)
        self._prepared[model_path, options] = entry
        return entry

    def optimise(self, model_path: str, plan_path: str, options: OnnxRuntimeOptions) -> None:
        """Write the network as ONNX Runtime optimises it for this processor; raises ProblemError as `load`."""
        settings = self.settings(options)
        settings.optimized_model_filepath = plan_path
        self._session(model_path, settings)

    def _spinning(self) -> Tuple[str, str]:
        return STOP_BETWEEN_RUNS if _version(self._ort.__version__) >= STOPS_SPINNING else NEVER_SPIN

    def settings(self, options: OnnxRuntimeOptions) -> Any:
        """SessionOptions for these options and the threads of this runner; raises ProblemError `bad-library`."""
        settings = self._ort.SessionOptions()
        settings.intra_op_num_threads = self._threads
        settings.inter_op_num_threads = options.inter_op_threads
        if self._threads > 1:
            settings.add_session_config_entry(*self._spinning())
        settings.execution_mode = getattr(self._ort.ExecutionMode, EXECUTIONS[options.execution])
        level = getattr(self._ort.GraphOptimizationLevel, OPTIMIZATIONS[options.optimization])
        settings.graph_optimization_level = level
        settings.enable_cpu_mem_arena = options.arena
        library = _library(options)
        if library is not None:
            try:
                settings.register_custom_ops_library(library)
                if _version(self._ort.__version__) < LENDS_THREADS:
                    Library(library).set_threads(self._threads)
            except Exception as error:
                step = remedies.of_library(str(error)) or "build the bundle for this board"
                raise ProblemError(
                    "bad-library",
                    "ONNX Runtime {} cannot load the operators in {}: {}; {}".format(
                        self._ort.__version__, library, _first_line(error), step
                    ),
                )
        return settings

    def _session(self, model_path: str, settings: Any) -> Any:
        try:
            return self._ort.InferenceSession(model_path, settings, providers=PROVIDERS)
        except Exception as error:  # the binding raises classes of its own, which differ between versions
            raise ProblemError(
                "bad-model",
                "ONNX Runtime {} cannot load {}: {}".format(self._ort.__version__, model_path, _first_line(error)),
            )


def main() -> int:
    """The child that optimises one network: a line of JSON in, null or a problem out."""
    child.die_with_parent()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what native libraries print is not an answer
    order = json.loads(sys.stdin.readline())
    problem = None
    try:
        OnnxRuntimeRunner(order["threads"]).optimise(order["model"], order["plan"], parse(order["options"]))
    except ProblemError as error:
        problem = dict(error.problem._asdict())
    replies.write(json.dumps(problem) + "\n")
    replies.flush()
    return 0


def _library(options: OnnxRuntimeOptions) -> Optional[str]:
    """Path of the library of operators; raises the problem `bad-library` where the file is not there."""
    path = options.custom_ops
    if path is not None and not os.path.isfile(path):
        raise ProblemError(
            "bad-library", "the library of operators {} is not on this board; push it again".format(path)
        )
    return path


def _version(text: str) -> Tuple[int, ...]:
    """Major and minor number, for comparing."""
    return tuple(int(part) for part in text.split(".")[:2])


def _wrong(name: str, value: Any, wanted: str) -> ProblemError:
    return ProblemError("bad-option", "the option {} is {!r}, and must be {}".format(name, value, wanted))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
