"""What TensorRT is asked to measure.

A network with 2:4 structure is built twice from the same ONNX: with sparse kernels forbidden and with them allowed.
Beside the dense network's engine that is three ways, timed in turns by one job; `results/sparse_choice.py` says which
of the two counts.
"""

from sis_agent.schema import Facts, NetworkJob
from sis_edge.bundles.manifest import NetworkEntry, Variant
from sis_edge.errors import BundleError, UsageError
from sis_edge.profiles import DeviceProfile
from sis_edge.spec import nin

# Behind the name of an engine that may use sparse kernels.
SPARSE = "sparse"
# The first version that takes the precision from the ONNX alone.
STRONGLY_TYPED_FROM = 11
# Precisions that sparse tensor cores compute.
SPARSE_PRECISIONS = ("fp16", "int8")


def jobs_for(entry: NetworkEntry, profile: DeviceProfile, facts: Facts | None = None) -> list[NetworkJob]:
    """The engines to build of a network: one for each precision, and one more where sparse kernels may help.

    The first of the profile's precisions has the network's own name, the others have theirs behind it, and the engine
    with sparse kernels `sparse` behind that. `facts` tell the TensorRT of the board: from 11 on fp16 needs the typed
    ONNX. Raises UsageError for a profile without TensorRT, BundleError where the bundle lacks a precision.
    """
    settings = profile.tensorrt
    if settings is None:
        raise UsageError(f"the profile {profile.name} has no table [tensorrt]; add it, or measure with onnxruntime")
    common = settings.model_dump(exclude={"precisions"}, exclude_defaults=True)
    if settings.workspace_bytes is None and profile.runtime.memory_limit_bytes is not None:
        common["workspace_bytes"] = profile.runtime.memory_limit_bytes
    spec = nin()
    common["input_shape"] = [spec.channels, spec.side, spec.side]  # trtexec has to be told
    found = []
    for position, precision in enumerate(settings.precisions):
        name = entry.name if position == 0 else f"{entry.name} {precision}"
        model, golden_logits, tolerance = _files(entry, precision, strongly_typed(facts))
        for suffix, allowed in (("", False), (f" {SPARSE}", True)):
            if allowed and not _may_help(entry, profile, precision):
                continue
            found.append(
                NetworkJob(
                    name + suffix,
                    model,
                    golden_logits,
                    network=entry.name,
                    options={**common, "precision": precision, "sparse_weights": allowed},
                    golden_tolerance=tolerance,
                )
            )
    return found


def strongly_typed(facts: Facts | None) -> bool:
    """Whether the board's TensorRT takes the precision from the ONNX; one of unknown version counts as not."""
    version = (facts.packages.get("tensorrt") if facts is not None else None) or ""
    major = version.split(".")[0]
    return major.isdigit() and int(major) >= STRONGLY_TYPED_FROM


def _may_help(entry: NetworkEntry, profile: DeviceProfile, precision: str) -> bool:
    has_structure = entry.granularity.startswith("nm") and entry.t_c < 1
    has_cores = profile.gpu is not None and profile.gpu.sparse_24
    return has_structure and has_cores and precision in SPARSE_PRECISIONS


def _files(entry: NetworkEntry, precision: str, typed: bool) -> tuple[str, str, float | None]:
    """Model, golden logits and their tolerance. Where TensorRT has precision flags, fp16 starts from the fp32 ONNX."""
    if precision == "fp32":
        return entry.model, entry.golden_logits, None
    variant = _variant(entry, precision)
    model = variant.model if precision == "int8" or typed else entry.model
    return model, variant.golden_logits, variant.golden_tolerance


def _variant(entry: NetworkEntry, precision: str) -> Variant:
    for variant in entry.variants:
        if variant.runtime == "tensorrt" and variant.precision == precision:
            return variant
    raise BundleError(
        f"the bundle has no {precision} form of {entry.name} for TensorRT; build it again with this profile"
    )
