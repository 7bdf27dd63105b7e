"""Energy per inference of every network of a record, gross and net, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sis_agent.power import plausible
from sis_agent.schema import EnergyBlock, Record, Window
from sis_edge.results.energy.idle import Idle, middle_s, of_total
from sis_edge.results.energy.total import Total, total
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import Interval, mean_interval

# A variance of two blocks is hardly one: Student's t is then 12.7.
MIN_BLOCKS = 3
OTHER_SENSOR = "the two energies are of other sensors, or of other parts of the board"
# Net energy is not known where idle power still falls, within a window of rest, by this share of the net power.
FALL_SHARE = 0.05


@dataclass(frozen=True)
class NetworkEnergy:
    """Energy of one inference [J] with its 95% interval; `reason` says why a number is None.

    `scope` is what the total covers (module, carrier, package, wall ...), `source` the sensor, `blocks` the number of
    energy blocks that could be used. `gain_error` is the share by which the sensor's gain may be off, which is in no
    interval; None is unknown.
    """

    gross_j: float | None = None
    gross_low: float | None = None
    gross_high: float | None = None
    net_j: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    scope: str | None = None
    source: str | None = None
    blocks: int = 0
    reason: str | None = None
    gain_error: float | None = None


def per_inference(run: StoredRun) -> dict[str, NetworkEnergy]:
    """Energy per inference of every network that the record has."""
    return of_record(run.record)


def of_record(record: Record) -> dict[str, NetworkEnergy]:
    """As `per_inference`, from the record alone."""
    names = [network.name for network in record.networks]
    power = total(record)
    if isinstance(power, str):
        return {name: NetworkEnergy(reason=power) for name in names}
    rest, trace = of_total(record, power), record.power.traces[0]
    labels = NetworkEnergy(scope=record.power.scope, source=trace.source, gain_error=trace.gain_error)
    return {name: _network(record, name, power, rest, labels) for name in names}


def gross_by_block(record: Record, name: str) -> dict[int, float] | str:
    """Gross energy of one inference [J] of a network by the block's number, or why there is none.

    Every network has its turn within a block, so two are compared block by block: what drifts more slowly cancels.
    """
    power = total(record)
    if isinstance(power, str):
        return power
    blocks, reason = _usable(record, name, power)
    return {block.block: _gross_j(power, block) for block in blocks} or reason


def _usable(record: Record, name: str, power: Total) -> tuple[list[EnergyBlock], str]:
    """The blocks of a network whose energy can be taken, and why there is none where there is none."""
    blocks, faults = [], []
    for block in record.energy_blocks:
        if block.network == name:
            fault = _fault(power, block)
            if fault is None:
                blocks.append(block)
            else:
                faults.append(f"energy block {block.block}: {fault}")
    return blocks, faults[0] if faults else "no energy block of it was run"


def _gross_j(power: Total, block: EnergyBlock) -> float:
    return power.energy_j(_window(block)) / block.inferences


def _network(record: Record, name: str, power: Total, rest: Idle | str, labels: NetworkEnergy) -> NetworkEnergy:
    blocks, nothing = _usable(record, name, power)
    found = replace(labels, blocks=len(blocks))
    if not blocks:
        return replace(found, reason=nothing)
    gross = [_gross_j(power, block) for block in blocks]
    interval, reason = _interval(gross), None
    if interval is None:
        reason = f"an interval needs {MIN_BLOCKS} energy blocks, there are {len(gross)}"
    low, high = (interval.low, interval.high) if interval else (None, None)
    found = replace(found, gross_j=float(np.mean(gross)), gross_low=low, gross_high=high, reason=reason)
    return _with_net(found, blocks, gross, rest)


def _with_net(
    found: NetworkEnergy, blocks: Sequence[EnergyBlock], gross: Sequence[float], rest: Idle | str
) -> NetworkEnergy:
    """The energy with the board's idle power taken off."""
    if isinstance(rest, str):
        return replace(found, reason=f"net energy is not known: {rest}")
    each_s = [(block.end_s - block.start_s) / block.inferences for block in blocks]  # of one inference
    net = [
        joules - rest.power_w(middle_s(block)) * seconds
        for joules, block, seconds in zip(gross, blocks, each_s, strict=True)
    ]
    net_w = float(np.mean(net) / np.mean(each_s))
    falls = max(rest.rests, key=lambda window: window.fall_w)
    if falls.fall_w > max(FALL_SHARE * net_w, 0.0):
        return replace(
            found,
            reason=f"net energy is not known: idle power still fell by {falls.fall_w:.2g} W within {falls.name}, of "
            f"{net_w:.2g} W that the network takes on top; let the board rest longer (power.idle_s in the profile)",
        )
    error_w = rest.error_w([middle_s(block) for block in blocks])
    interval = _interval(net, error_w * float(np.mean(each_s)))
    low, high = (interval.low, interval.high) if interval else (None, None)
    return replace(found, net_j=float(np.mean(net)), net_low=low, net_high=high)


def _fault(power: Total, block: EnergyBlock) -> str | None:
    """Why a block's energy cannot be taken; None where it can."""
    if block.inferences < 1:
        return "it has no inference"
    fault = power.fault(_window(block))
    if fault is None:
        fault = plausible.level_fault(power.power_w(_window(block)), "its mean power", None, None)
    return fault


def _window(block: EnergyBlock) -> Window:
    return Window(block.network, block.start_s, block.end_s)


def _interval(values: Sequence[float], common_error: float = 0.0) -> Interval | None:
    """Of the mean of the blocks, which lie apart and are as good as independent; `common_error` is the idle power's."""
    return mean_interval(values, common_error) if len(values) >= MIN_BLOCKS else None
