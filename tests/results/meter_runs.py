"""Generated runs beside a meter: what the board took, what the meter wrote down of it, and what is true."""

from dataclasses import dataclass

import numpy as np

from sis_agent.schema import EnergyBlock, NetworkRecord, Window
from sis_edge.results import meter
from sis_edge.results.schema import StoredRun

from .factory import stored_run

INFERENCES = 100


@dataclass(frozen=True)
class MeterRun:
    """A run, the meter's recording of it, and the truth: offset [s], drift, gross and net energies [J]."""

    run: StoredRun
    recording: meter.Recording
    offset_s: float
    drift: float
    gross_j: dict[str, float]
    net_j: dict[str, float]
    rate_hz: float


def generated(seed: int, rate_hz: float | None = None) -> MeterRun:
    """3 to 6 networks of 2 to 10 W on top of 1 to 3 W at rest, in random order, with a meter of 10 Hz to 5 kHz."""
    numbers = np.random.default_rng(seed)
    rate_hz = float(10 ** numbers.uniform(1, np.log10(5000))) if rate_hz is None else rate_hz
    rest_w = numbers.uniform(1, 3)
    levels_w = {f"net{at}": rest_w + numbers.uniform(2, 10) for at in range(numbers.integers(3, 7))}
    block_s, blocks, idle_s = numbers.uniform(1.5, 6), int(numbers.integers(3, 6)), numbers.uniform(5, 10)
    steps: list[tuple[float, float, str | None]] = [(3.0, rest_w, None), (20.0, 8.0, None), (1.0, rest_w, None)]
    steps += [(idle_s, rest_w, "idle_before"), (2.0, levels_w["net0"], None)]
    has_rests = numbers.random() < 0.5
    for block in range(blocks):
        if block and has_rests:
            steps += [(1.0, rest_w, None), (2.0, rest_w, "idle_between")]
        for name in numbers.permutation(list(levels_w)):
            steps += [(0.01, rest_w, None), (block_s * numbers.normal(1, 0.002), levels_w[name], f"{block} {name}")]
    steps += [(2.0, levels_w["net0"], None), (1.0, rest_w, None), (idle_s, rest_w, "idle_after"), (1.0, rest_w, None)]
    ends_s = np.cumsum([time_s for time_s, _, _ in steps])
    starts_s = ends_s - [time_s for time_s, _, _ in steps]
    windows = [
        Window(w, float(a), float(b))
        for (_, _, w), a, b in zip(steps, starts_s, ends_s, strict=True)
        if w and w[0] == "i"
    ]
    energy_blocks = [
        EnergyBlock(what.split()[1], int(what.split()[0]), float(begin_s), float(end_s), INFERENCES)
        for (_, _, what), begin_s, end_s in zip(steps, starts_s, ends_s, strict=True)
        if what and what[0] != "i"
    ]
    offset_s, drift = numbers.uniform(5, 60), numbers.uniform(-2e-3, 2e-3)
    recording = _recorded(numbers, rate_hz, steps, ends_s, offset_s, drift)
    base = stored_run(names=("nin",), rounds=6)
    record = base.record._replace(
        energy_blocks=energy_blocks, windows=windows, duration_s=float(ends_s[-1]),
        networks=[NetworkRecord(name, 1) for name in levels_w],
    )  # fmt: skip
    each_s = {
        name: float(np.mean([b.end_s - b.start_s for b in energy_blocks if b.network == name])) / INFERENCES
        for name in levels_w
    }
    gross_j = {name: levels_w[name] * each_s[name] for name in levels_w}
    net_j = {name: (levels_w[name] - rest_w) * each_s[name] for name in levels_w}
    return MeterRun(base.model_copy(update={"record": record}), recording, offset_s, drift, gross_j, net_j, rate_hz)


def _recorded(
    numbers: np.random.Generator,
    rate_hz: float,
    steps: list[tuple[float, float, str | None]],
    ends_s: np.ndarray,
    offset_s: float,
    drift: float,
) -> meter.Recording:
    """Means since the reading before, stamped by a clock that lags, drifts and jitters."""
    step_s = 1 / rate_hz
    edges_s = np.arange(-offset_s / 2, ends_s[-1] + numbers.uniform(2, 30), step_s)  # on the job's clock
    known_s = np.concatenate([[-1e3, 0.0], ends_s, [ends_s[-1] + 1e3]])
    powers_w = np.array([steps[0][1], *(watts for _, watts, _ in steps), steps[0][1]])
    joules = np.concatenate([[0.0], np.cumsum(np.diff(known_s) * powers_w)])
    power_w = np.diff(np.interp(edges_s, known_s, joules)) / step_s
    power_w += numbers.normal(0, 0.02 + 0.3 * min(1.0, rate_hz / 5000), len(power_w))
    jitter_s = numbers.normal(0, 0.2 * step_s, len(power_w))
    stamps_s = offset_s + (1 + drift) * edges_s[1:] + jitter_s + numbers.normal(0, 0.001)
    order = np.argsort(stamps_s)
    return meter.Recording("meter.csv", stamps_s[order], power_w[order])
