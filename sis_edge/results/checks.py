"""Whether the parts of a stored run fit together, beyond the kinds of its fields: a board may record anything."""

from collections.abc import Sequence
from math import log
from typing import Any

from pydantic import BaseModel, ValidationError

from sis_agent.schema import BUCKET_RATIO, RECORD_VERSION, NetworkRecord, PowerTrace, Record
from sis_edge.bundles.manifest import Manifest

POSSIBLE_S = (1e-12, 1e6)
"""Of one inference; beside them 0, which a coarse clock may give."""

BUCKETS = tuple(round(log(edge_s) / log(BUCKET_RATIO)) for edge_s in POSSIBLE_S)
"""The same as buckets of a histogram."""

MOST_READING = 1e15
"""Of seconds, watts or joules of a sensor: what overflows as soon as it is multiplied is none."""


class _Layers(BaseModel):
    number: int
    names: list[str] | None


class _Sparsity(BaseModel):
    eligible: _Layers | None = None
    chosen: _Layers | None = None
    sparse_tactics: list[str] | None = None


class _EngineLayer(BaseModel):
    name: str
    onnx: list[str] = []


class _Engine(BaseModel):
    sparsity: _Sparsity = _Sparsity()
    layers: list[_EngineLayer] | None = None


class _NetworkDetails(BaseModel):
    """What reports read of a network's details; runtimes add what they like."""

    engine_told: _Engine = _Engine()
    layer_times_s: dict[str, list[float]] | None = None
    layer_times_reason: str | None = None


class _RunnerDetails(BaseModel):
    """The same of a runtime's."""

    harness_latencies_s: list[float] | None = None
    other_runners: dict[str, dict[str, Any]] | None = None


def check(manifest: Manifest, record: Record) -> None:
    """Raise ValueError with the first thing that cannot be: an unknown network, a negative latency, more hits than
    images, details of another form."""
    if record.record_version != RECORD_VERSION:
        raise ValueError(f"record.record_version is {record.record_version}, this sis-edge reads {RECORD_VERSION}")
    names = [network.name for network in record.networks]
    for place, each in (("manifest", manifest.names), ("record", names)):
        if twice := {name for name in each if each.count(name) > 1}:
            raise ValueError(f"{place}.networks holds {sorted(twice)[0]} more than once")
    known = set(manifest.names)
    if strangers := {str(network.network) for network in record.networks if network.network not in known}:
        raise ValueError(f"record.networks holds {sorted(strangers)[0]}, which the manifest does not know")
    if unasked := set(names) - {network.name for network in record.job.networks}:
        raise ValueError(f"record.networks holds {sorted(unasked)[0]}, which its job did not ask for")
    for trace in record.power.traces:
        _check_trace(trace)
    _check_details(_RunnerDetails, record.runner_details, "record.runner_details")
    _check_sustained(record, names)
    for network in record.networks:
        place = f"record.networks.{network.name}"
        _check_details(_NetworkDetails, network.details, f"{place}.details")
        _check_network(network, place)


def _check_sustained(record: Record, names: list[str]) -> None:
    for window in record.sustained_windows:
        place = f"record.sustained_windows of {window.network}"
        if window.network not in names:
            raise ValueError(f"{place}: the record knows no such network")
        if not window.start_s < window.end_s:
            raise ValueError(f"{place} holds one that ends at {window.end_s:g} s and starts at {window.start_s:g} s")
        for histogram in (window.service, window.latency):
            if histogram is None:
                continue
            if len(histogram.buckets) != len(histogram.counts):
                raise ValueError(f"{place} holds {len(histogram.buckets)} buckets and {len(histogram.counts)} counts")
            if any(count < 1 for count in histogram.counts):
                raise ValueError(f"{place} holds a bucket without a latency")
            ends_s = [latency_s for latency_s in (histogram.min_s, histogram.max_s) if latency_s]
            if any(not BUCKETS[0] <= bucket <= BUCKETS[1] for bucket in histogram.buckets) or any(
                not POSSIBLE_S[0] <= latency_s <= POSSIBLE_S[1] for latency_s in ends_s
            ):
                raise ValueError(f"{place} holds a latency that cannot be")


def _check_trace(trace: PowerTrace) -> None:
    readings = trace.power_w or trace.energy_j
    series: dict[str, Sequence[float | None]] = {"the time": trace.times_s, **readings}
    for name, values in series.items():
        if strange := next((value for value in values if value is not None and abs(value) > MOST_READING), None):
            raise ValueError(f"record.power holds {strange:g} as a reading of {name}")
    for rail in trace.rails:
        count = len(readings.get(rail, ()))
        if count != len(trace.times_s):
            raise ValueError(f"record.power has {count} readings of {rail} at {len(trace.times_s)} times")


def _check_network(network: NetworkRecord, place: str) -> None:
    for turn in network.rounds:
        for latencies_s in (turn.latencies_s, turn.device_latencies_s):
            if any(latency_s < 0 for latency_s in latencies_s):
                raise ValueError(f"{place} holds a negative latency")
            for latency_s in latencies_s:
                if latency_s and not POSSIBLE_S[0] <= latency_s <= POSSIBLE_S[1]:
                    raise ValueError(f"{place} holds a latency of {latency_s:g} s")
    if (accuracy := network.accuracy) is not None:
        for hits in (accuracy.correct, accuracy.correct_top5):
            if hits is not None and not 0 <= hits <= accuracy.images:
                raise ValueError(f"{place} has {hits} correct ones of {accuracy.images} images")


def _check_details(kind: type[BaseModel], details: dict[str, Any], place: str) -> None:
    try:
        kind.model_validate(details)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join([place, *map(str, first['loc'])])}: {first['msg']}") from None
