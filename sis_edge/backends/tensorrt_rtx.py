"""TensorRT for RTX: engines for desktop GPUs, built ahead of time on a machine that needs no GPU.

One engine serves all compute capabilities that it was built for. It is always strongly typed: the precision is the
ONNX file's. Jetsons are not among its GPUs, and TensorRT reads none of its engines; what carries over is its ONNX
parser, which is TensorRT's own. Extra `rtx`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from sis_agent.schema import NetworkJob
from sis_edge import extras
from sis_edge.backends.base import Backend, BackendSettings, Target, network_job
from sis_edge.backends.tensorrt import FP16, INT8
from sis_edge.backends.variants import VariantSpec
from sis_edge.bundles.identity import PLAIN
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.errors import BundleError, ExportError, UsageError
from sis_edge.spec import INPUT

if TYPE_CHECKING:
    from types import ModuleType


def install() -> str:
    """The step that brings it to this machine."""
    return f"install the extra: `{extras.adding('rtx')}`"


class TensorRtRtxSettings(BackendSettings):
    """TensorRT for RTX: engines are built on this machine, ahead of time, for these GPUs."""

    compute_capabilities: list[Annotated[str, Field(pattern=r"^\d+\.\d$")]] = Field(min_length=1)


class TensorRtRtx(Backend):
    """Engines come with the bundle."""

    name = table = "tensorrt_rtx"
    title = "TensorRT for RTX"
    settings = TensorRtRtxSettings
    needs_table = True
    on_gpu = True
    untried = "sis-edge has not yet used TensorRT for RTX on a GPU: it is tested with stand-ins for the library"

    def jobs(self, entry: NetworkEntry, target: Target) -> list[NetworkJob]:
        """The engines to measure of a network, one for each precision."""
        if target.settings is None:
            raise UsageError(
                f"the profile {target.profile} has no table [{self.table}]; add it, or name another runtime"
            )
        engines = {engine.precision: engine for engine in entry.engines}
        jobs = []
        for precision in target.settings.precisions:
            engine = engines.get(precision)
            if engine is None:
                raise BundleError(
                    f"the bundle has no {precision} engine of {entry.name} for {self.title}; {install()}, "
                    "and build again"
                )
            jobs.append(
                network_job(
                    entry,
                    PLAIN,
                    precision,
                    engine.plan,
                    engine.golden_logits,
                    options={"precision": precision},
                    golden_tolerance=engine.golden_tolerance,
                )
            )
        return jobs

    def variants(self, settings: BackendSettings, architecture: str) -> Sequence[VariantSpec]:
        """Its engines are built from TensorRT's files."""
        return tuple(spec for spec in (FP16, INT8) if spec.precision in settings.precisions)


BACKEND = TensorRtRtx()


@dataclass(frozen=True)
class BuiltEngine:
    """An engine's bytes, what it is for, and what its building told; `messages` are the builder's, newest last."""

    plan: bytes
    capabilities: tuple[str, ...]
    version: str
    build_s: float
    messages: tuple[str, ...]


def is_installed() -> bool:
    """Whether the extra is there; found without loading its libraries."""
    from importlib.util import find_spec

    return find_spec("tensorrt_rtx") is not None


def version() -> str:
    """The version that is installed; raises UsageError without the extra."""
    return str(_module().__version__)


def known_capabilities() -> list[str]:
    """The compute capabilities that an engine can be built for, such as "8.6"; raises UsageError without the extra."""
    members = _module().ComputeCapability.__members__
    return sorted((_dotted(name) for name in members if name.startswith("SM")), key=_numbers)


def build(path: Path, capabilities: Sequence[str], *, batch_sizes: Sequence[int] = (1,)) -> BuiltEngine:
    """Build an ONNX file's engine for these compute capabilities and for batches up to the largest of `batch_sizes`.

    The first batch size is the one that kernels are chosen for. Raises UsageError without the extra and for an unknown
    capability, ExportError with the parser's or the builder's words.
    """
    rtx = _module()
    known = known_capabilities()
    for capability in capabilities:
        if capability not in known:
            raise UsageError(
                f"TensorRT for RTX {rtx.__version__} builds nothing for compute capability {capability}; "
                f"known: {', '.join(known)}"
            )
    if not capabilities:
        raise UsageError(f"an engine needs a compute capability to be built for; known: {', '.join(known)}")
    start_s = time.perf_counter()
    logger = _logger(rtx)
    builder = rtx.Builder(logger)
    network = builder.create_network(0)
    _parse(rtx, network, logger, path)
    config = builder.create_builder_config()
    config.clear_flag(rtx.BuilderFlag.TF32)  # on by default: fp32 would then be computed with 10 bits of mantissa
    config.num_compute_capabilities = len(capabilities)
    for at, capability in enumerate(capabilities):
        config.set_compute_capability(rtx.ComputeCapability.__members__[_member(capability)], at)
    shape = tuple(network.get_input(0).shape)[1:]
    profile = builder.create_optimization_profile()
    profile.set_shape(INPUT, (1, *shape), (batch_sizes[0], *shape), (max(batch_sizes), *shape))
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ExportError(f"TensorRT for RTX cannot build {path}: {logger.last('it gave no reason')}")
    return BuiltEngine(
        plan=bytes(plan),
        capabilities=tuple(capabilities),
        version=str(rtx.__version__),
        build_s=time.perf_counter() - start_s,
        messages=tuple(logger.messages),
    )


def _parse(rtx: "ModuleType", network: Any, logger: Any, path: Path) -> None:
    parser = rtx.OnnxParser(network, logger)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}); build the bundle again") from None
    if parser.parse(content):
        if network.num_inputs == 1:  # it takes an empty file for an empty network
            return
        raise ExportError(
            f"{path} has {network.num_inputs} inputs, an exported network has one; build the bundle again"
        )
    errors = [parser.get_error(at) for at in range(parser.num_errors)]
    said = "; ".join(_sentence(error) for error in errors[:3]) or logger.last("the parser gave no reason")
    raise ExportError(f"TensorRT's parser refuses {path}: {said}; Jetsons would refuse it too")


def _sentence(error: Any) -> str:
    """A parser's error: the node, its operator, what is wrong, and the kind."""
    code = str(error.code()).rpartition(".")[2]
    name, operator = error.node_name(), error.node_operator()
    place = f"node '{name}' ({operator}): " if operator else ""
    return f"{place}{error.desc().strip().rstrip('.')} [{code}]"


def _logger(rtx: Any) -> Any:
    class Kept(rtx.ILogger):  # type: ignore[misc]  # tensorrt_rtx has no types
        """Keeps what the library says instead of printing it."""

        def __init__(self) -> None:
            super().__init__()
            self.messages: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity != rtx.ILogger.VERBOSE:
                self.messages.append(f"{severity.name}: {message.strip()}")

        def last(self, otherwise: str) -> str:
            return next((text for text in reversed(self.messages) if "ERROR" in text), otherwise)

    return Kept()


def _module() -> "ModuleType":
    try:
        import tensorrt_rtx
    except ImportError as error:
        raise UsageError(f"TensorRT for RTX is not installed here ({error}); {install()}") from None
    module: ModuleType = tensorrt_rtx
    return module


def _member(capability: str) -> str:
    return f"SM{capability.replace('.', '')}"


def _dotted(member: str) -> str:
    return f"{member[2:-1]}.{member[-1]}"


def _numbers(capability: str) -> list[int]:
    return [int(part) for part in capability.split(".")]
