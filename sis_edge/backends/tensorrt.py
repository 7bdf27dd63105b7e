"""TensorRT: by its Python module, or by its tool trtexec where a board lacks the module.

A network with 2:4 structure is built twice from the same ONNX: with sparse kernels forbidden and with them allowed.
With the dense network's engine that is three ways, timed in the rounds of one job; `results/kernel_choice.py` says
which of the two counts.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from sis_agent.schema import Facts, NetworkJob
from sis_edge.backends.base import Backend, BackendSettings, Target, given_job, network_job
from sis_edge.backends.precisions import REFERENCE
from sis_edge.backends.variants import VariantSpec
from sis_edge.bundles.identity import PLAIN, SPARSE_24
from sis_edge.bundles.manifest import GivenNetwork, NetworkEntry, Variant
from sis_edge.errors import BundleError, UsageError
from sis_edge.registries import GRANULARITIES, PRECISIONS
from sis_edge.spec import nin

Positive = Annotated[int, Field(ge=1)]

# The first version that takes the precision from the ONNX alone.
STRONGLY_TYPED_FROM = 11

FP16 = VariantSpec("fp16", "fp16", "tensorrt")
INT8 = VariantSpec("int8-tensorrt", "int8", "tensorrt")


class TensorRtSettings(BackendSettings):
    """TensorRT's builder. None leaves a choice to TensorRT itself; what was in force is in the record."""

    optimization_level: Annotated[int, Field(ge=0, le=5)] | None = None
    workspace_bytes: Positive | None = None
    tactic_sources: list[str] | None = None
    timing_cache: bool = True
    tf32: bool = False
    build_limit_s: float = Field(default=1800, gt=0)


class TensorRt(Backend):
    """Engines are built on the board, by its own TensorRT."""

    name = "tensorrt"
    title = "TensorRT"
    takes = "onnx"
    table = "tensorrt"
    settings = TensorRtSettings
    needs_table = True
    on_gpu = True
    untried = "sis-edge has not yet used TensorRT on a GPU: it is tested with stand-ins for the library"

    def jobs(self, entry: NetworkEntry, target: Target) -> list[NetworkJob]:
        """The engines to build of a network: one for each precision, and one more where sparse kernels may help.

        `target.facts` tell the board's TensorRT: from 11 on fp16 needs the typed ONNX.
        """
        settings, common = self._common(target)
        spec = nin()
        common["input_shape"] = [spec.channels, spec.side, spec.side]  # trtexec has to be told
        jobs = []
        for precision in settings.precisions:
            model, golden_logits, tolerance = _files(entry, precision, strongly_typed(target.facts))
            for form in (PLAIN, SPARSE_24):
                is_sparse = form == SPARSE_24
                if is_sparse and not _may_help(entry, target, precision):
                    continue
                options = {**common, "precision": precision, "sparse_weights": is_sparse}
                jobs.append(
                    network_job(
                        entry, form, precision, model, golden_logits, options=options, golden_tolerance=tolerance
                    )
                )
        return jobs

    def given(self, network: GivenNetwork, target: Target) -> NetworkJob | None:
        """An engine of any ONNX file, in the precision that the file is in; TensorRT may refuse its operators."""
        if network.runtime != self.takes:
            return None
        return given_job(network, options={**self._common(target)[1], "precision": REFERENCE})

    def _common(self, target: Target) -> tuple[TensorRtSettings, dict[str, Any]]:
        """The table, and the options that all engines have."""
        settings = target.settings
        if not isinstance(settings, TensorRtSettings):
            raise UsageError(
                f"the profile {target.profile} has no table [{self.table}]; add it, or measure with onnxruntime"
            )
        common = settings.model_dump(exclude={"precisions"}, exclude_defaults=True)
        if settings.workspace_bytes is None and target.memory_limit_bytes is not None:
            common["workspace_bytes"] = target.memory_limit_bytes
        return settings, common

    def variants(self, settings: BackendSettings, architecture: str) -> Sequence[VariantSpec]:
        """Typed half precision and INT8 in the layout that it fuses."""
        return tuple(spec for spec in (FP16, INT8) if spec.precision in settings.precisions)


class Trtexec(TensorRt):
    """The same engines by the tool that comes with TensorRT, which is a process for each round."""

    name = "trtexec"
    title = "trtexec"
    rounds_in_process = False


TENSORRT = TensorRt()
TRTEXEC = Trtexec()


def strongly_typed(facts: Facts | None) -> bool:
    """Whether the board's TensorRT takes the precision from the ONNX; one of unknown version counts as not."""
    version = (facts.packages.get("tensorrt") if facts is not None else None) or ""
    major = version.split(".")[0]
    return major.isdigit() and int(major) >= STRONGLY_TYPED_FROM


def _may_help(entry: NetworkEntry, target: Target, precision: str) -> bool:
    """Whether sparse tensor cores can make use of the network in that precision on that board."""
    conv = entry.granularity.conv
    has_structure = entry.t_c < 1 and conv in GRANULARITIES and GRANULARITIES[conv].fits_sparse_cores
    has_cores = target.gpu is not None and target.gpu.sparse_24
    return has_structure and has_cores and PRECISIONS[precision].on_sparse_cores


def _files(entry: NetworkEntry, precision: str, typed: bool) -> tuple[str, str, float | None]:
    """Model, golden logits and their tolerance. Where TensorRT has precision flags, fp16 starts from the fp32 ONNX."""
    if precision == REFERENCE:
        return entry.model, entry.golden_logits, None
    variant = _variant(entry, precision)
    model = entry.model if precision == FP16.precision and not typed else variant.model
    return model, variant.golden_logits, variant.golden_tolerance


def _variant(entry: NetworkEntry, precision: str) -> Variant:
    for variant in entry.variants:
        if variant.runtime == TensorRt.name and variant.precision == precision:
            return variant
    raise BundleError(
        f"the bundle has no {precision} form of {entry.name} for TensorRT; build it again with this profile, or "
        "choose another runtime with --backend"
    )
