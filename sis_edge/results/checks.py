"""Whether the parts of a stored run fit together, beyond the kinds of its fields: a board may record anything."""

from typing import Any

from pydantic import BaseModel, ValidationError

from sis_agent.schema import RECORD_VERSION, NetworkRecord, Record
from sis_edge.bundles.manifest import Manifest

POSSIBLE_S = (1e-12, 1e6)
"""Of one inference; beside them 0, which a coarse clock may give."""


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
    _check_details(_RunnerDetails, record.runner_details, "record.runner_details")
    for network in record.networks:
        place = f"record.networks.{network.name}"
        _check_details(_NetworkDetails, network.details, f"{place}.details")
        _check_network(network, place)


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
