"""How a network's engine is built: the job's `options` for it, checked."""

from typing import Any, Dict, List, NamedTuple, Optional

from sis_agent.cuda import AUTO, check_backend
from sis_agent.protocol import ProblemError
from sis_agent.runners.base import known_options

PRECISIONS = ("fp32", "fp16", "int8")
OPTIMIZATION_LEVELS = range(6)


class EngineOptions(NamedTuple):
    """The options of the runners `tensorrt` and `trtexec`.

    precision            fp32, fp16 or int8 (INT8 where the ONNX has Q/DQ nodes; elsewhere FP16, from TensorRT 11 on
                         what the ONNX says)
    sparse_weights       whether TensorRT may use kernels for 2:4 structured sparsity
    tf32                 whether fp32 may be computed with TF32 tensor cores (10 bits of mantissa)
    workspace_bytes      the most device memory that a tactic may use; None: TensorRT's own limit
    optimization_level   how long the builder searches, 0 to 5 (TensorRT 8.6 and later); None: TensorRT's own
    tactic_sources       names of the libraries that tactics may come from; None: TensorRT's own choice
    timing_cache         whether the builder reuses timings of earlier builds on this board
    engine_name          a name for people in logs and the record
    build_limit_s        how long a build may take
    cuda_backend         auto, pycuda, cuda-python or ctypes
    input_shape          channels, height, width; needed by `trtexec`; `tensorrt` reads them from the ONNX
    """

    precision: str = "fp32"
    sparse_weights: bool = False
    tf32: bool = False
    workspace_bytes: Optional[int] = None
    optimization_level: Optional[int] = None
    tactic_sources: Optional[List[str]] = None
    timing_cache: bool = True
    engine_name: Optional[str] = None
    build_limit_s: float = 1800.0
    cuda_backend: str = AUTO
    input_shape: Optional[List[int]] = None

    def build_parts(self) -> Dict[str, Any]:
        """The options that change the engine, as JSON."""
        kept = dict(self._asdict())
        for name in ("timing_cache", "engine_name", "build_limit_s", "cuda_backend", "input_shape"):
            del kept[name]
        return kept


def parse(options: Dict[str, Any]) -> EngineOptions:
    """The options of a job; raises ProblemError `bad-option` that names the wrong one."""
    known_options(options, EngineOptions._fields)
    known = EngineOptions(**options)
    if known.precision not in PRECISIONS:
        raise _wrong("precision", known.precision, "one of " + ", ".join(PRECISIONS))
    for name in ("sparse_weights", "tf32", "timing_cache"):
        if not isinstance(getattr(known, name), bool):
            raise _wrong(name, getattr(known, name), "true or false")
    if known.workspace_bytes is not None and not _is_number(known.workspace_bytes, int, 1):
        raise _wrong("workspace_bytes", known.workspace_bytes, "a whole number of bytes")
    if known.optimization_level is not None and known.optimization_level not in OPTIMIZATION_LEVELS:
        raise _wrong("optimization_level", known.optimization_level, "a whole number from 0 to 5")
    if not _is_number(known.build_limit_s, (int, float), 1):
        raise _wrong("build_limit_s", known.build_limit_s, "a number of seconds")
    shape = known.input_shape
    if shape is not None and not (isinstance(shape, list) and all(_is_number(size, int, 1) for size in shape)):
        raise _wrong("input_shape", shape, "whole numbers: channels, height, width")
    sources = known.tactic_sources
    if sources is not None and not (isinstance(sources, list) and all(isinstance(name, str) for name in sources)):
        raise _wrong("tactic_sources", sources, "a list of names")
    check_backend(known.cuda_backend)
    return known


def _is_number(value: Any, kind: Any, least: float) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and least <= value < float("inf")


def _wrong(name: str, value: Any, wanted: str) -> ProblemError:
    return ProblemError("bad-option", "the option {} is {!r}, and must be {}".format(name, value, wanted))
