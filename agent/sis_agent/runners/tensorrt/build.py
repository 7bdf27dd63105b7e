"""Building an engine, in a process of its own: the builder takes gigabytes and minutes, and may crash.

The child is this module's `main`: one line of JSON in, one out. It writes the plan and the log to the given paths.
"""

import importlib
import json
import os
import sys
import traceback
from typing import Any, Dict, List, NamedTuple, Optional

from sis_agent import child, clock
from sis_agent.cuda import open_driver
from sis_agent.files import disk_full_is_a_problem
from sis_agent.protocol import ProblemError
from sis_agent.runners import sparsity
from sis_agent.runners.tensorrt.dialects import Dialect, dialect_of
from sis_agent.runners.tensorrt.log import Log, make_logger
from sis_agent.runners.tensorrt.options import EngineOptions
from sis_agent.schema import Problem, to_json

INPUT = "input"
LOGITS = "logits"
# Of what is built from the same ONNX and options. 2: a network of one shape instead of an optimisation profile.
RECIPE = 2


class BuildOrder(NamedTuple):
    """What the child is asked for; the batch size is the engine's only one.

    `shapes` are those of a network with any inputs, by name; its batch size does not count.
    """

    model_path: str
    plan_path: str
    log_path: str
    timing_path: Optional[str]
    batch_size: int
    options: Dict[str, Any]
    shapes: Optional[Dict[str, List[int]]] = None


def build(order: BuildOrder) -> Dict[str, Any]:
    """Build the engine and write its plan; returns the report on it. Raises ProblemError."""
    options = EngineOptions(**order.options)
    driver = open_driver(options.cuda_backend)  # before TensorRT, which crashes without a device
    trt = importlib.import_module("tensorrt")
    log, dialect = Log(), dialect_of(trt)
    logger = make_logger(trt, log)  # one for all: TensorRT keeps the first, and older ones do not keep it alive
    try:
        free_before_bytes, _ = driver.memory()
        builder = trt.Builder(logger)
        network = _parsed(trt, builder, dialect, order.model_path, logger, log)
        if order.shapes is None:
            _check_names(network, order.model_path)
        _check_precision(trt, builder, network, dialect, options, driver.device().compute_capability)
        config = builder.create_builder_config()
        flags = _configure(config, dialect, options)
        settings = _in_force(config, dialect)
        if order.shapes is None:
            _fix_batch(network, order.batch_size)
        else:
            _fix_shapes(network, order.model_path, order.shapes)
        cache = _load_timing_cache(config, order.timing_path)
        start_s = clock.now_s()
        plan = builder.build_serialized_network(network, config)
        build_s = clock.now_s() - start_s
        if plan is None:
            raise ProblemError(
                "build-failed",
                "TensorRT {} cannot build an engine of {}: {}".format(
                    trt.__version__, order.model_path, log.last_error()
                ),
            )
        data = bytes(plan)
        _write(order.plan_path, data)
        if cache is not None and order.timing_path is not None:
            _write(order.timing_path, bytes(config.get_timing_cache().serialize()))
        layers = _inspect(trt, logger, data)
    finally:
        with disk_full_is_a_problem(), open(order.log_path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in log.lines))
    return {
        "dialect": dialect.name,
        "build_s": build_s,
        "flags": flags,
        "settings": dict(settings, timing_cache=cache is not None),
        "memory_free_before_bytes": free_before_bytes,
        "sparsity": sparsity.summary(sparsity.from_log(log.lines), layers),
        "layers": to_json(layers),
        "log_tail": log.tail(),
    }


def _parsed(trt: Any, builder: Any, dialect: Dialect, model_path: str, logger: Any, log: Log) -> Any:
    """The network of an ONNX file."""
    network = builder.create_network(dialect.creation_flags())
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(model_path):
        errors = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        first = errors[0].splitlines()[0] if errors and errors[0] else log.last_error()
        raise ProblemError("bad-model", "TensorRT {} cannot read {}: {}".format(trt.__version__, model_path, first))
    return network


def _check_names(network: Any, model_path: str) -> None:
    """Raise the problem `bad-model` unless the network has one input and the logits."""
    inputs = [network.get_input(index).name for index in range(network.num_inputs)]
    outputs = [network.get_output(index).name for index in range(network.num_outputs)]
    if inputs != [INPUT] or outputs != [LOGITS]:
        raise ProblemError(
            "bad-model",
            "{} has the inputs {} and the outputs {}; it must have '{}' and '{}'".format(
                model_path, inputs, outputs, INPUT, LOGITS
            ),
        )


def onnx_precision(trt: Any, network: Any) -> str:
    """What the network itself says of precision: int8 where it quantises, fp16 where a tensor is half, else fp32."""
    precision = "fp32"
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type == trt.LayerType.QUANTIZE:
            return "int8"
        if any(layer.get_output(place).dtype == trt.DataType.HALF for place in range(layer.num_outputs)):
            precision = "fp16"
    return precision


def _check_precision(
    trt: Any, builder: Any, network: Any, dialect: Dialect, options: EngineOptions, capability: str
) -> None:
    """Refuse what would silently run in another precision than was asked for."""
    wanted, given = options.precision, onnx_precision(trt, network)
    if wanted == "int8" and given != "int8":
        raise ProblemError(
            "wrong-precision",
            "int8 was asked for, and the ONNX has no QuantizeLinear nodes; push the quantised ONNX of the network",
        )
    if wanted != "int8" and given == "int8":
        raise ProblemError(
            "wrong-precision",
            "the ONNX is quantised to int8, and {} was asked for; ask for int8, or push the {} ONNX".format(
                wanted, wanted
            ),
        )
    if not dialect.precision_flags("fp16") and given != wanted:
        raise ProblemError(
            "wrong-precision",
            "{} was asked for, and TensorRT {} takes the precision from the ONNX alone, which is {}; push the {} "
            "ONNX of the network".format(wanted, trt.__version__, given, wanted),
        )
    # A board without INT8 arithmetic would build the engine in another precision, or not at all.
    if wanted == "int8" and not getattr(builder, "platform_has_fast_int8", True):
        raise ProblemError(
            "wrong-precision",
            "this GPU (compute capability {}) has no INT8 arithmetic that TensorRT uses; ask for fp16".format(
                capability
            ),
        )


def _configure(config: Any, dialect: Dialect, options: EngineOptions) -> List[str]:
    """Set every setting on purpose; returns the names of the builder flags that are on."""
    trt = dialect.trt
    members = trt.BuilderFlag.__members__
    wanted = dict.fromkeys(dialect.precision_flags(options.precision), True)
    wanted.update(
        TF32=options.tf32, SPARSE_WEIGHTS=options.sparse_weights, DISABLE_TIMING_CACHE=not options.timing_cache
    )
    for name, on in wanted.items():
        (config.set_flag if on else config.clear_flag)(members[name])
    # The inspector then reports the tactics. TensorRT 8.0 (JetPack 4.6) has another name for it, and no inspector.
    verbosity = trt.ProfilingVerbosity.__members__
    config.profiling_verbosity = verbosity["DETAILED" if "DETAILED" in verbosity else "VERBOSE"]
    if options.workspace_bytes is not None:
        dialect.set_workspace(config, options.workspace_bytes)
    if options.optimization_level is not None:
        if not hasattr(config, "builder_optimization_level"):
            raise ProblemError(
                "bad-option",
                "TensorRT {} has no optimization_level (8.6 and later have); leave it out".format(trt.__version__),
            )
        config.builder_optimization_level = options.optimization_level
    if options.tactic_sources is not None:
        config.set_tactic_sources(_tactic_sources(trt, options.tactic_sources))
    return sorted(name for name, flag in members.items() if config.get_flag(flag))


def _in_force(config: Any, dialect: Dialect) -> Dict[str, Any]:
    """What the builder goes by, read back from it: also what was left to TensorRT. None: this version has no such."""
    sources = config.get_tactic_sources()
    return {
        "workspace_bytes": dialect.workspace(config),
        "optimization_level": getattr(config, "builder_optimization_level", None),
        "tactic_sources": sorted(
            name for name, source in dialect.trt.TacticSource.__members__.items() if sources >> int(source) & 1
        ),
    }


def _tactic_sources(trt: Any, names: List[str]) -> int:
    members = trt.TacticSource.__members__
    mask = 0
    for name in names:
        if name not in members:
            raise ProblemError(
                "bad-option",
                "TensorRT {} has no tactic source '{}'; known: {}".format(trt.__version__, name, ", ".join(members)),
            )
        mask |= 1 << int(members[name])
    return mask


def _fix_batch(network: Any, batch_size: int) -> None:
    """One shape, as if the ONNX had no other: TensorRT tunes for the batch that is timed, and nothing else can be run.

    An optimisation profile of one shape would not do: before TensorRT 10 two contexts of an engine cannot share one,
    and the pass that times layers has a context of its own.
    """
    tensor = network.get_input(0)
    given = tuple(tensor.shape)
    shape = (batch_size, *given[1:])
    if given[0] not in (-1, batch_size) or min(shape) < 1:
        raise ProblemError(
            "bad-model",
            "the ONNX takes inputs of shape {}, which is not a batch of {}; export it with a dynamic batch".format(
                list(given), batch_size
            ),
        )
    tensor.shape = list(shape)


def _fix_shapes(network: Any, model_path: str, shapes: Dict[str, List[int]]) -> None:
    """Every input's shape, as `_fix_batch` does it; raises the problem `bad-inputs` that names the input."""
    tensors = [network.get_input(index) for index in range(network.num_inputs)]
    names = [tensor.name for tensor in tensors]
    if sorted(names) != sorted(shapes):
        raise ProblemError(
            "bad-inputs",
            "{} has the inputs {}, and {} were given".format(model_path, ", ".join(names), ", ".join(shapes) or "none"),
        )
    for tensor in tensors:
        shape = tuple(tensor.shape)
        wanted = shapes[tensor.name]
        if len(shape) != len(wanted) or any(size not in (-1, wanted[place]) for place, size in enumerate(shape)):
            raise ProblemError(
                "bad-inputs",
                "the input '{}' of {} is {}, and {} was given".format(tensor.name, model_path, list(shape), wanted),
            )
        if -1 in shape:
            tensor.shape = wanted


def _load_timing_cache(config: Any, path: Optional[str]) -> Any:
    """The builder's earlier timings; those that cannot be used are forgotten. None: no timing cache."""
    if path is None:
        return None
    data = b""
    if os.path.exists(path):
        with open(path, "rb") as file:
            data = file.read()
    cache = config.create_timing_cache(data)
    if cache is None or not config.set_timing_cache(cache, False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache


def _inspect(trt: Any, logger: Any, plan: bytes) -> List[sparsity.LayerTactic]:
    """The layers of the engine that was built; empty where it cannot be loaded, which the load reports, or asked."""
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None or not hasattr(engine, "create_engine_inspector"):
        return []
    inspector = engine.create_engine_inspector()
    return sparsity.from_inspector(inspector.get_engine_information(trt.LayerInformationFormat.JSON))


def _write(path: str, data: bytes) -> None:
    part = path + ".part"
    with disk_full_is_a_problem():
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, path)


def main() -> int:
    """The child: out without destructors, which TensorRT does not survive in every order."""
    child.die_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # native libraries print to standard output
    try:
        answer: Dict[str, Any] = {"report": build(BuildOrder(**json.loads(sys.stdin.readline())))}
    except ProblemError as error:
        answer = {"problem": error.problem}
    except MemoryError:
        answer = {"problem": Problem("out-of-memory", "the board ran out of memory while building the engine")}
    except OSError as error:
        answer = {"problem": Problem("build-failed", "the engine cannot be written: {}".format(error))}
    except Exception as error:  # TensorRT raises classes of its own
        traceback.print_exc()
        text = (str(error).splitlines() or [""])[0]
        answer = {"problem": Problem("build-failed", "{} ({})".format(text, type(error).__name__))}
    answers.write(json.dumps(to_json(answer)) + "\n")
    answers.flush()
    os._exit(0)
