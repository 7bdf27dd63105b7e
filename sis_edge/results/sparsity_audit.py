"""What TensorRT may make of each layer of a bundle, and what it made of them in a stored run: 2:4 sparsity.

Eligible is not chosen: TensorRT times sparse and dense kernels and keeps the faster. What no run has measured is None,
and `not_measured` says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from sis_agent.schema import NetworkRecord
from sis_edge.backends.tensorrt import TensorRtSettings
from sis_edge.bundles.identity import PLAIN, SPARSE_24
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.bundles.verify import Bundle
from sis_edge.exporting.sparsity import N, WeightSparsity, weights
from sis_edge.formation.granularities.nm import M
from sis_edge.profiles import DeviceProfile
from sis_edge.registries import BACKENDS, PRECISIONS
from sis_edge.results.runtimes import runtime, runtimes
from sis_edge.results.schema import StoredRun

# Trained weights are 0 by chance now and then; fewer zeros than this are no structure.
DENSE_ZEROS = 0.01
NO_RUN = "not measured: there is no stored run of this bundle"


@dataclass(frozen=True)
class LayerAudit:
    """One layer of one network: `why_not` is None for an eligible one. `chosen` is TensorRT's choice, None unknown.

    `dense_s` and `sparse_s` are its median times in the engines without and with sparse kernels, None where not known.
    """

    weights: WeightSparsity
    why_not: str | None
    chosen: bool | None
    dense_s: float | None = None
    sparse_s: float | None = None

    @property
    def is_eligible(self) -> bool:
        """Whether sparse tensor cores can compute the layer."""
        return self.why_not is None


@dataclass(frozen=True)
class NetworkAudit:
    """A network's layers, and the engines of one precision without and with sparse kernels.

    `dense_s` and `sparse_s` are median latencies of the same ONNX; None with the reason in `not_measured`.
    `layers_not_timed` says why no layer has a time of its own.
    """

    entry: NetworkEntry
    layers: tuple[LayerAudit, ...]
    precision: str | None
    dense_s: float | None
    sparse_s: float | None
    not_measured: str | None
    layers_not_timed: str | None = None


def audit(
    bundle: Bundle, profile: DeviceProfile, run: StoredRun | None = None, precision: str | None = None
) -> list[NetworkAudit]:
    """Every network of the bundle; `run` is one that measured it, in `precision` or the first that has both engines.

    Raises nothing of its own: files are as verified.
    """
    return [_network(bundle, profile, entry, run, precision) for entry in bundle.manifest.networks]


def newest_run(bundle: Bundle, runs: Sequence[StoredRun]) -> StoredRun | None:
    """The newest of the runs that measured this very bundle with TensorRT; None where there is none."""
    fitting = [run for run in runs if run.bundle_id == bundle.id and _by_tensorrt(run)]
    return max(fitting, key=lambda run: run.stored_at, default=None)


def why_not(layer: WeightSparsity, profile: DeviceProfile) -> str | None:
    """Why sparse tensor cores cannot compute a layer on this board; None where they can."""
    gpu, settings = profile.gpu, profile.settings(TensorRtSettings)
    if gpu is None or settings is None:
        return "hardware: the profile has no GPU for TensorRT"
    if not gpu.sparse_24:
        return f"hardware: compute capability {gpu.compute_capability} has no sparse tensor cores"
    if not any(PRECISIONS[precision].on_sparse_cores for precision in settings.precisions):
        return f"precision: {', '.join(settings.precisions)}, and sparse tensor cores compute fp16 and INT8"
    if layer.most is None:
        return f"channels: {layer.shape[1]} inputs do not divide by {M}"
    if layer.zeros < DENSE_ZEROS:
        return "structure: dense"
    if layer.most > N:
        return f"structure: up to {layer.most} of {M} inputs exist"
    return None


def _network(
    bundle: Bundle, profile: DeviceProfile, entry: NetworkEntry, run: StoredRun | None, wanted: str | None
) -> NetworkAudit:
    plain, sparse, reason = _records(entry, run, wanted)
    taken = None if sparse is None else _chosen(sparse)
    layers = []
    for layer in weights(bundle.path / entry.model):
        reason_not = why_not(layer, profile)
        chosen = None if taken is None or sparse is None else any(_is(sparse, name, layer.layer) for name in taken)
        times_s = [_layer_s(record, layer.layer) for record in (plain, sparse)]
        layers.append(LayerAudit(layer, reason_not, chosen, *times_s))
    precision = None if sparse is None else sparse.precision
    untimed = None
    if all(layer.dense_s is None and layer.sparse_s is None for layer in layers):
        untimed = reason or (sparse and sparse.details.get("layer_times_reason")) or "the run's record has none"
    return NetworkAudit(entry, tuple(layers), precision, _median_s(plain), _median_s(sparse), reason, untimed)


def _records(
    entry: NetworkEntry, run: StoredRun | None, precision: str | None
) -> tuple[NetworkRecord | None, NetworkRecord | None, str | None]:
    """The engines without and with sparse kernels, or why there are none; None: the first precision that has both."""
    if run is None:
        return None, None, NO_RUN
    own = [record for record in run.record.networks if record.network == entry.name]
    by = {record.name: runtime(run.record.job, record) for record in own}
    for plain in own:
        if plain.form != PLAIN or precision not in (None, plain.precision):
            continue
        same = (record for record in own if _is_sparse_form(record, plain) and by[record.name] == by[plain.name])
        if (sparse := next(same, None)) is not None:
            problem = plain.problem or sparse.problem
            return plain, sparse, None if problem is None else f"not measured: {problem.message}"
    if not own:
        return None, None, "not measured: the run did not contain this network"
    used = " ".join(filter(None, [" and ".join(runtimes(run.record.job)), precision and f"in {precision}"]))
    return None, None, f"not measured: the run used {used} without sparse kernels for it"


def _is_sparse_form(record: NetworkRecord, plain: NetworkRecord) -> bool:
    return record.form == SPARSE_24 and record.precision == plain.precision


def _chosen(record: NetworkRecord) -> list[str] | None:
    """Layers of an engine that run sparse kernels, by the builder's log, else by the inspector; None where untold."""
    told: dict[str, Any] = record.details.get("engine_told", {}).get("sparsity", {})
    by_log = told.get("chosen")
    if by_log is not None and (by_log["names"] is not None or by_log["number"] == 0):
        return list(by_log["names"] or [])
    tactics = told.get("sparse_tactics")
    return None if tactics is None else list(tactics)


def _layer_s(record: NetworkRecord | None, layer: str) -> float | None:
    """The layer's median time in an engine's profile; what TensorRT split it into is added up."""
    times: Mapping[str, Sequence[float]] = (record.details.get("layer_times_s") if record else None) or {}
    own = [median(found) for name, found in times.items() if record and found and _is(record, name, layer)]
    return sum(own) if own else None


def _is(record: NetworkRecord, told: str, layer: str) -> bool:
    """Whether TensorRT's name of a layer means this one: fused with others ("C2 + C2.relu"), or by the engine's word.

    A layer of its Myelin compiler has a name of its own, and the engine's inspector tells which nodes it computes.
    """
    if layer in [part.strip() for part in told.split("+")]:
        return True
    engine_layers: Sequence[Mapping[str, Any]] = record.details.get("engine_told", {}).get("layers") or []
    return any(layer in each.get("onnx", []) for each in engine_layers if each["name"] == told)


def _by_tensorrt(run: StoredRun) -> bool:
    return any(
        runner in BACKENDS and BACKENDS[runner].settings is TensorRtSettings for runner in runtimes(run.record.job)
    )


def _median_s(record: NetworkRecord | None) -> float | None:
    latencies: Sequence[float] = (
        [] if record is None else [value for turn in record.rounds for value in turn.latencies_s]
    )
    return median(latencies) if latencies else None
