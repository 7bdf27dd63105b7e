"""TensorRT through its own tool `trtexec`: a second path, and the only one on a board without TensorRT's Python module.

Every flag is given on purpose (`trtexec_flags.py`). Each turn is a process of its own that loads the engine, warms up
and times itself: the latency is the GPU's compute time, copies are apart in the details.
Options: `tensorrt.options.EngineOptions`, of which `input_shape` is needed here. Counting the accuracy takes about a
second for every INFER_BATCH images.
"""

import os
import shutil
import subprocess
import tempfile
from typing import Any, Callable, Dict, List, Optional

from sis_agent import clock
from sis_agent.cuda.base import SIMULATED_MARK
from sis_agent.cuda.preflight import preflight
from sis_agent.files import file_sha256
from sis_agent.protocol import ProblemError
from sis_agent.runners import engine_cache, engines, importing, inputs, sparsity, trtexec_tensors
from sis_agent.runners.base import RUNTIME_CLOCK, OnProgress, Runner, Session, Tensors, ignore, outside
from sis_agent.runners.engine_cache import CachedEngine
from sis_agent.runners.tensorrt.log import TAIL_LINES
from sis_agent.runners.tensorrt.options import EngineOptions, parse
from sis_agent.runners.trtexec_files import parse_logits, parse_outputs, parse_times
from sis_agent.runners.trtexec_flags import Flags
from sis_agent.schema import TimedCall, to_json

IMPORTS = ("numpy",)
INPUT = "input"
# From trtexec's words for an ONNX without open sizes.
STATIC = "Static model does not take explicit shapes"
JETPACK_PATH = "/usr/src/tensorrt/bin"
# The engine takes batches from 1 to at least this many, so that accuracy needs few processes.
INFER_BATCH = 32
WARMUP_MS = 200
RUN_LIMIT_S = 280.0  # below the silence that a worker may keep


def find() -> Optional[str]:
    """The tool's path: on PATH, or where JetPack puts it."""
    return shutil.which("trtexec", path=os.pathsep.join([os.environ.get("PATH", os.defpath), JETPACK_PATH]))


def missing() -> Optional[str]:
    """What this board lacks for trtexec; None when nothing."""
    if find() is None:
        return (
            "trtexec is neither on PATH nor in {} on this board; on a Jetson it comes with JetPack "
            "(`apt install libnvinfer-bin`)".format(JETPACK_PATH)
        )
    if importing.not_installed(IMPORTS):
        return "trtexec is on this board, and numpy, which reads its answers, is not; install numpy there"
    return preflight().problem


def make(threads: int, batch_size: int) -> Runner:
    """The tool with batches of `batch_size`; the threads are the GPU's own business."""
    path = find()
    if path is None:
        raise ProblemError("no-runtime", missing() or "trtexec is not on this board")
    return TrtexecRunner(path, batch_size)


class TrtexecRunner(Runner):
    """One trtexec, its version and the flags that it has."""

    on_gpu = True

    def __init__(self, path: str, batch_size: int) -> None:
        self._path = path
        self._batch_size = batch_size
        self._flags = Flags(_run([path, "--help"]))
        self._version = self._flags.version
        self._cache = engine_cache.of_this_job()
        self._device = preflight().device

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record."""
        return {
            "runner": "trtexec",
            "trtexec": self._path,
            "tensorrt": self._version,
            "device": to_json(self._device),
            "power_mode": self._cache.power_mode,
            "simulated": SIMULATED_MARK in self._flags.help or bool(self._device and self._device.simulated),
        }

    def prepare(self, model_path: str, options: Dict[str, Any], on_progress: OnProgress = ignore) -> None:
        """Build the network's engine unless the board has it."""
        self._engine(model_path, parse(options), on_progress)

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """The network's engine, to be loaded by each turn anew."""
        wanted = parse(options)
        engine = self._engine(model_path, wanted, ignore)
        return TrtexecSession(self._path, engine, self._cache.folder, to_json(wanted), self._flags.of_run())

    def prepare_tensors(
        self, model_path: str, options: Dict[str, Any], tensors: Tensors, on_progress: OnProgress = ignore
    ) -> None:
        """Build the engine for the shapes of these tensors unless the board has it."""
        self._engine(model_path, parse(options), on_progress, tensors)

    def load_tensors(self, model_path: str, options: Dict[str, Any], tensors: Tensors) -> Session:
        """The engine for the shapes of these tensors, to be loaded by each turn anew."""
        wanted = parse(options)
        engine = self._engine(model_path, wanted, ignore, tensors)
        flags, version = self._flags.of_run(), self._version or ""
        return TrtexecTensorSession(self._path, engine, self._cache.folder, to_json(wanted), flags, version)

    def _engine(
        self, model_path: str, options: EngineOptions, on_progress: OnProgress, tensors: Optional[Tensors] = None
    ) -> CachedEngine:
        if options.input_shape is None and tensors is None:
            raise ProblemError("bad-option", "trtexec needs the option input_shape: channels, height, width")
        flags = self._flags.of_build(options)
        _check_quantised(options, model_path)
        place = {
            "builder": "trtexec",
            "tensorrt": self._version,
            "gpu": self._device and self._device.name,
            "compute_capability": self._device and self._device.compute_capability,
        }
        parts: Dict[str, Any] = dict(place, flags=flags, onnx_sha256=file_sha256(model_path))
        if tensors is None:
            parts["batch_size"] = self._batch_size
        else:
            parts["shapes"] = inputs.shapes(tensors)

        def build(key: str) -> Dict[str, Any]:
            layers_path = self._cache.path(key, ".layers")
            command = [self._path, "--onnx=" + model_path, "--saveEngine=" + self._cache.path(key, ".plan"), *flags]
            shapes = self._shape_flags(options, tensors)
            if options.timing_cache and self._flags.has("--timingCacheFile"):
                command.append("--timingCacheFile=" + self._cache.timing_path(**place))
            if self._flags.has("--exportLayerInfo"):
                command.append("--exportLayerInfo=" + layers_path)
            start_s = clock.now_s()
            try:
                output = engines.run_builder(command + shapes, "", options.build_limit_s, on_progress)
            except ProblemError as error:
                if tensors is None or STATIC not in error.problem.message:
                    raise
                # The ONNX fixes all shapes itself, and the tool then refuses to be given any.
                output = engines.run_builder(command, "", options.build_limit_s, on_progress)
            lines = output.splitlines()
            build_s = clock.now_s() - start_s
            with open(self._cache.path(key, ".log"), "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            layers = sparsity.from_inspector(_text(layers_path))
            self._check_precision(options, layers)
            return {
                "command": command + shapes,
                "build_s": build_s,
                "flags": flags,
                "sparsity": sparsity.summary(sparsity.from_log(lines), layers),
                "layers": to_json(layers),
                "log_tail": lines[-TAIL_LINES:],
            }

        return engines.get(self._cache, parts, build)

    def _shape_flags(self, options: EngineOptions, tensors: Optional[Tensors]) -> List[str]:
        if tensors is not None:
            known = trtexec_tensors.shapes(tensors)
            return ["--{}Shapes={}".format(which, known) for which in ("min", "opt", "max")] if known else []
        flags = []
        for which, batch in (("min", 1), ("opt", self._batch_size), ("max", max(INFER_BATCH, self._batch_size))):
            flags.append(
                "--{}Shapes={}".format(which, trtexec_tensors.shape(INPUT, [batch, *(options.input_shape or [])]))
            )
        return flags

    def _check_precision(self, options: EngineOptions, layers: List[sparsity.LayerTactic]) -> None:
        """A strongly typed engine in another precision than was asked for is not what was to be measured."""
        precisions = [layer.precision.lower() for layer in layers if layer.precision is not None]
        if self._flags.has("--fp16") or options.precision == "int8" or not precisions:
            return
        given = "fp16" if any(mark in text for mark in ("fp16", "half") for text in precisions) else "fp32"
        if given != options.precision:
            raise ProblemError(
                "wrong-precision",
                "{0} was asked for, and TensorRT {1} takes the precision from the ONNX alone, which is {2}; push the "
                "{0} ONNX of the network".format(options.precision, self._version, given),
            )


def _check_quantised(options: EngineOptions, model_path: str) -> None:
    """Refuse INT8 without quantised weights, and the reverse: the tool would take each for the other."""
    with open(model_path, "rb") as file:
        quantised = b"QuantizeLinear" in file.read()  # the name of an operator, which is plain text in the file
    if quantised != (options.precision == "int8"):
        has, push = ("is quantised", options.precision) if quantised else ("has no QuantizeLinear nodes", "quantised")
        text = "{} was asked for, and the ONNX {}; push the {} ONNX of the network"
        raise ProblemError("wrong-precision", text.format(options.precision, has, push))


class TrtexecSession(Session):
    """One engine file; every call starts the tool."""

    times_itself = True
    in_process = False

    def __init__(
        self, path: str, engine: CachedEngine, folder: str, options: Dict[str, Any], run_flags: List[str]
    ) -> None:
        self._path = path
        self._engine = engine
        self._folder = folder
        self._options = options
        self._run_flags = run_flags
        self._copies: Dict[str, List[float]] = {"to_device_s": [], "to_host_s": []}

    def infer(self, images: Any) -> Any:
        """Logits of images, INFER_BATCH at a time."""
        import numpy

        logits = []
        for start in range(0, len(images), INFER_BATCH):
            piece = images[start : start + INFER_BATCH]
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                output = os.path.join(scratch, "output.json")
                self._call(scratch, piece, ["--iterations=1", "--warmUp=0", "--exportOutput=" + output])
                logits.append(parse_logits(_text(output), len(piece)))
        return numpy.concatenate(logits)

    def step(self, batch: Any) -> Callable[[], Any]:
        """One inference in a process of its own; `timer` reports what it took."""
        run = self.timer(batch)
        return lambda: run(1)

    def timer(self, batch: Any) -> Callable[[int], List[float]]:
        """The GPU's compute times of `count` inferences in a process of their own, after its warm-up."""

        def run(count: int) -> List[float]:
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                times = os.path.join(scratch, "times.json")
                self._call(
                    scratch,
                    batch,
                    ["--iterations={}".format(count), "--warmUp={}".format(WARMUP_MS), "--exportTimes=" + times],
                )
                traces = parse_times(_text(times))[-count:]
            if len(traces) < count:
                text = "trtexec timed {} of {} inferences; the job's log.txt may say why"
                raise ProblemError("run-failed", text.format(len(traces), count))
            for name in self._copies:
                self._copies[name] += [trace[name] for trace in traces if name in trace]
            return [trace["compute_s"] for trace in traces]

        return run

    def details(self) -> Dict[str, Any]:
        """The engine, its build, the copies."""
        entry = self._engine
        return {
            "options": self._options,
            "run_flags": self._run_flags,
            "engine_bytes": entry.plan_bytes,
            "engine_sha256": entry.plan_sha256,
            "engine_cache_hit": not entry.is_new,
            "engine_told": entry.report,
            "copies": self._copies,
            "latency": "GPU compute time by trtexec",
        }

    def timed_call(self) -> Optional[TimedCall]:
        """The GPU's compute time, by the tool's own events."""
        return TimedCall(
            "GPU compute time by trtexec",
            RUNTIME_CLOCK,
            input_copy=outside("timed apart by trtexec"),
            output_copy=outside("timed apart by trtexec"),
            synchronisation=outside("events on the GPU enclose the kernels alone"),
            call_overhead=outside("no call of Python's is timed"),
        )

    def _call(self, scratch: str, images: Any, words: List[str]) -> None:
        import numpy

        path = os.path.join(scratch, "input.bin")
        numpy.ascontiguousarray(images, dtype=numpy.float32).tofile(path)
        command = [
            self._path,
            "--loadEngine=" + self._engine.plan_path,
            "--shapes=" + trtexec_tensors.shape(INPUT, images.shape),
        ]
        command.append("--loadInputs={}:{}".format(INPUT, path))
        _run(command + self._run_flags + words)


class TrtexecTensorSession(TrtexecSession):
    """One engine file for tensors by name, as this `version` of the tool takes them."""

    def __init__(
        self,
        path: str,
        engine: CachedEngine,
        folder: str,
        options: Dict[str, Any],
        run_flags: List[str],
        version: str,
    ) -> None:
        super().__init__(path, engine, folder, options, run_flags)
        self._version = version

    def infer(self, images: Any) -> Any:
        """Every output by name."""
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            output = os.path.join(scratch, "output.json")
            self._call(scratch, images, ["--iterations=1", "--warmUp=0", "--exportOutput=" + output])
            return parse_outputs(_text(output))

    def _call(self, scratch: str, images: Any, words: List[str]) -> None:
        command = [self._path, "--loadEngine=" + self._engine.plan_path]
        shapes = trtexec_tensors.shapes(images)
        command += ["--shapes=" + shapes] if shapes else []
        command.append("--loadInputs=" + ",".join(trtexec_tensors.write(scratch, images, self._version)))
        _run(command + self._run_flags + words)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _run(command: List[str]) -> str:
    """The tool's output; raises ProblemError `run-failed` with its last error."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=RUN_LIMIT_S,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        raise ProblemError("run-failed", "trtexec did not end within {:g} s".format(RUN_LIMIT_S))
    except OSError as error:
        raise ProblemError("no-runtime", "{} cannot be started: {}".format(command[0], error))
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        errors = [line for line in text.splitlines() if "[E]" in line] or ["it gave no reason"]
        raise ProblemError("run-failed", "trtexec failed: {}".format(errors[0]))
    return text
