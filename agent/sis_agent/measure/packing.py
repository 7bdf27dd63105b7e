"""Samples as JSON that is quickly written and read, for the journal: lists of numbers are base64 of doubles.

A thousand latencies as text take a small board longer than the journal may take of a round.
"""

import array
import base64
import sys
from typing import Any, Dict, List, Optional, Sequence

from sis_agent.measure.sampler import SamplerOutput
from sis_agent.schema import (
    Accuracy,
    GoldenCheck,
    LatencyCounts,
    Memory,
    NetworkRecord,
    PowerTrace,
    Problem,
    RoundSamples,
    StateSample,
    SustainedWindow,
    TimedCall,
    TimedPart,
    to_json,
)

NAN = float("nan")


def packed_network(network: NetworkRecord) -> Dict[str, Any]:
    """A network's record as JSON, without its rounds."""
    fields: Dict[str, Any] = to_json(network._replace(rounds=[], warmup_latencies_s=[]))
    return dict(fields, warmup_latencies_s=pack(network.warmup_latencies_s))


def unpacked_network(fields: Dict[str, Any]) -> NetworkRecord:
    """The record again."""
    kinds = {"memory": Memory, "golden": GoldenCheck, "accuracy": Accuracy, "problem": Problem}
    parts: Dict[str, Any] = {name: kind(**fields[name]) for name, kind in kinds.items() if fields[name] is not None}
    parts["timed_call"] = unpacked_timed_call(fields["timed_call"])
    return NetworkRecord(**dict(fields, warmup_latencies_s=unpack(fields["warmup_latencies_s"]), **parts))


def unpacked_timed_call(fields: Optional[Dict[str, Any]]) -> Optional[TimedCall]:
    """A timed call from JSON; None stays None."""
    if fields is None:
        return None
    parts: Dict[str, Any] = {
        name: TimedPart(**part) if isinstance(part, dict) else part for name, part in fields.items()
    }
    return TimedCall(**parts)


def packed_turn(turn: RoundSamples) -> Dict[str, Any]:
    """A turn as JSON."""
    lists = {name: pack(getattr(turn, name)) for name in ("latencies_s", "device_latencies_s")}
    return dict(turn._asdict(), **lists)


def unpacked_turn(fields: Dict[str, Any]) -> RoundSamples:
    """The turn again."""
    return RoundSamples(
        **dict(fields, **{name: unpack(fields[name]) for name in ("latencies_s", "device_latencies_s")})
    )


def unpacked_window(**fields: Any) -> SustainedWindow:
    """A window of a sustained run from its JSON."""
    parts = {name: LatencyCounts(**fields[name]) for name in ("service", "latency") if fields[name] is not None}
    return SustainedWindow(**dict(fields, **parts))


def packed_samples(samples: SamplerOutput) -> Dict[str, Any]:
    """What was sampled as JSON."""
    traces = []
    for trace in samples.traces:
        values = {
            name: {rail: pack(each) for rail, each in getattr(trace, name).items()} for name in ("power_w", "energy_j")
        }
        traces.append(dict(trace._asdict(), times_s=pack(trace.times_s), **values))
    cost = [samples.cpu_s, samples.wall_s]
    return {"traces": traces, "states": to_json(samples.states), "cost": cost, "faults": samples.faults}


def unpacked_samples(line: Dict[str, Any]) -> Optional[SamplerOutput]:
    """The samples of a line again; None where it has none."""
    if "traces" not in line:
        return None
    traces = []
    for fields in line["traces"]:
        values = {name: {rail: unpack(text) for rail, text in fields[name].items()} for name in ("power_w", "energy_j")}
        traces.append(PowerTrace(**dict(fields, times_s=unpack(fields["times_s"]), **values)))
    cpu_s, wall_s = line["cost"]
    return SamplerOutput(traces, [StateSample(**state) for state in line["states"]], cpu_s, wall_s, line["faults"])


def extended(session: SamplerOutput, more: SamplerOutput) -> SamplerOutput:
    """A session's samples, and what came next."""
    session.states.extend(more.states)
    if not session.traces:
        return more._replace(states=session.states)
    traces = []
    for index, trace in enumerate(session.traces):
        next_one = more.traces[index]
        trace.times_s.extend(next_one.times_s)
        for kept, values in ((trace.power_w, next_one.power_w), (trace.energy_j, next_one.energy_j)):
            for rail, column in kept.items():
                column.extend(values[rail])
        traces.append(next_one._replace(times_s=trace.times_s, power_w=trace.power_w, energy_j=trace.energy_j))
    return more._replace(traces=traces, states=session.states)


def pack(values: Sequence[Optional[float]]) -> str:
    """Numbers as text that is quickly made; unknown is NaN."""
    numbers = array.array("d", [NAN if value is None else value for value in values])
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def unpack(text: str) -> List[Any]:
    """The numbers; None is unknown."""
    numbers = array.array("d", base64.b64decode(text, validate=True))
    if sys.byteorder == "big":
        numbers.byteswap()
    return [None if value != value else value for value in numbers]
