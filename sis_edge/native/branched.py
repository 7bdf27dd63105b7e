"""Networks with branches: which layers stand together in one native node, and which are native at all.

A node has one input and one result, so layers stand together where what they read and add is among them or is that
input, and nothing but the last result is read elsewhere. Their costs were measured for no board, so the structure
decides by counted work.
"""

from collections.abc import Sequence

from sis_edge.formation.compaction import LayerPlan
from sis_edge.native.blob import groups
from sis_edge.native.choice import Choice, pairs_of
from sis_edge.native.graph_blob import unsaid
from sis_edge.spec import LayerSpec, added_to, sources_of

WORTH = 0.77
"""Native layers are to take at most this share of ONNX Runtime's expected time."""

SHARED = 4
"""Filters of a 1 x 1 layer that share their inputs, on average, where blocks of them are computed at once."""

CONVOLUTION, STRIDED, DEPTHWISE, POINTWISE, BLOCK_POINTWISE = 1.0, 1.3, 2.5, 2.5, 1.5
"""Time of a multiply-accumulate of the kernels over one of ONNX Runtime's dense convolution.

Estimates, set with WORTH so that the cases of `benchmarks/general_layers.py` come out as measured on one EPYC with
AVX-512, one thread; ONNX Runtime's own layers were not timed one by one, and no other processor was tried.
"""

DENSE_DEPTHWISE = 2.0
"""The same for a depthwise layer of ONNX Runtime, a guess."""


def stretches(layers: Sequence[LayerSpec], is_native: Sequence[bool]) -> list[tuple[int, int]]:
    """The layers `begin` to `end` - 1 of each native node, in order: as many as can stand together.

    Layers that are wanted native and cannot be are in none.
    """
    found: list[tuple[int, int]] = []
    begin = 0
    while begin < len(layers):
        ends = [end for end in range(begin + 1, len(layers) + 1) if _stand_together(layers, begin, end)]
        wanted = next((number for number in range(begin, len(layers)) if not is_native[number]), len(layers))
        end = max((end for end in ends if end <= wanted), default=begin)
        if end > begin:
            found.append((begin, end))
        begin = max(end, begin + 1)
    return found


def _stand_together(layers: Sequence[LayerSpec], begin: int, end: int) -> bool:
    if layers[begin].global_pool or any(unsaid(layer) for layer in layers[begin:end]):
        return False
    sources, added = sources_of(layers), added_to(layers)
    entrance = sources[begin]
    for number in range(begin, len(layers)):
        for read in (sources[number], added[number]):
            if read is None:
                continue
            if number < end and read < begin and read != entrance:
                return False
            if number >= end and begin <= read < end - 1:
                return False
    return True


def choose(plans: Sequence[LayerPlan]) -> tuple[Choice, ...]:
    """What computes each layer: native kernels where a whole stretch is expected to take less time."""
    layers = [plan.spec for plan in plans]
    is_native = [False] * len(plans)
    for begin, end in stretches(layers, [not unsaid(layer) for layer in layers]):
        own, other = (sum(costs) for costs in zip(*(_costs(plan) for plan in plans[begin:end]), strict=True))
        is_native[begin:end] = [own <= WORTH * other] * (end - begin)
    return tuple(_choice(plan, native) for plan, native in zip(plans, is_native, strict=True))


def _costs(plan: LayerPlan) -> tuple[float, float]:
    """The time of the kernels and of ONNX Runtime, in multiply-accumulates of a dense convolution of the latter."""
    spec = plan.spec
    macs = spec.synapse_count * spec.positions
    pairs = pairs_of(plan)
    existing = float(pairs.mean()) * macs
    if spec.is_depthwise:
        return DEPTHWISE * existing, DENSE_DEPTHWISE * macs
    if spec.kernel == 1:
        is_shared = len(pairs) >= SHARED * len(groups(pairs))
        return (BLOCK_POINTWISE if is_shared else POINTWISE) * existing, macs
    return (CONVOLUTION if spec.stride == 1 else STRIDED) * existing, macs


def _choice(plan: LayerPlan, is_native: bool) -> Choice:
    spec, share = plan.spec, float(pairs_of(plan).mean())
    if is_native:
        why = f"sparse: {share:.0%} of its kernels exist" if share < 1 else "between sparse layers"
        return Choice(spec, share, "native", 1, why)
    reason = unsaid(spec)
    return Choice(
        spec, share, "dense", 1, f"native kernels do not compute {reason}" if reason else "too few kernels are missing"
    )
