"""Pairs of runs with one injected cause: what `explain` must name first.

A case is two quiet runs of one bundle on one board, made from two seeds, so that they differ as runs do; a cause is
put into the second with what it does to latency, which is near to what a model would predict, and not exactly that;
and with it what differs between any two runs: temperature, dates, host name, free memory, load before, and now and
then a version that has no effect. Half of the cases have a decoy, too: something else that could have mattered, and
did not or hardly did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from results.factory import HASH, NETWORKS, network_entry
from results.two_runs_of import changed, on_board, slower

from sis_agent.schema import StateSample, TimedCall, TimedPart
from sis_edge.bundles.sparse_form import LayerChoice, SparseForm
from sis_edge.results.schema import StoredRun

Runs = tuple[StoredRun, StoredRun]
Inject = Callable[[StoredRun, StoredRun, Generator], Runs]

JETSONS = ("nano", "xavier-nx", "orin-nano-jp6")
CPUS = ("raspberry-pi-5", "raspberry-pi-4", "x86-rapl", "orin-nano-jp5")
THROTTLING = ("raspberry-pi-5", "orin-nano-jp6", "agx-orin")
VIRTUAL = ("virtual-machine",)
ONE = "cifar10-sis2"


@dataclass(frozen=True)
class Case:
    """A cause by its code, the board, and the two runs."""

    code: str
    board: str
    runs: Runs


def in_states(run: StoredRun, change: Callable[[StateSample], dict[str, Any]]) -> StoredRun:
    return changed(run, states=[state._replace(**change(state)) for state in run.record.states])


def clocked(run: StoredRun, factor: float, generator: Generator, gpu: bool = False) -> StoredRun:
    """At clocks that are lower by a factor; what waits for memory suffers less."""
    if gpu:
        run = in_states(run, lambda state: {"gpu_frequency_hz": state.gpu_frequency_hz / factor})
    else:
        run = in_states(run, lambda state: {"cpu_frequency_hz": [hertz / factor for hertz in state.cpu_frequency_hz]})
    return slowed(run, factor ** generator.uniform(0.85, 1.0), generator)


def slowed(run: StoredRun, factor: float, generator: Generator) -> StoredRun:
    """With latencies times a factor, which each network shows a little more or less."""
    for name in NETWORKS:
        run = slower(run, factor ** generator.normal(1, 0.04), only=(name,))
    return run


def cpu_clock(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    return a, clocked(b, generator.uniform(1.08, 1.9), generator)


def power_mode(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    other = changed(b, facts={"power_mode": "MODE_10W"})
    return a, clocked(
        in_states(other, lambda state: {"power_mode": "MODE_10W"}), generator.uniform(1.2, 1.9), generator
    )


def throttling(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    name = next(name for name in b.record.states[0].throttle if "volt" not in name and "occurred" not in name)
    hot = in_states(b, lambda state: {"throttle": {**state.throttle, name: 1.0}})
    return a, clocked(hot, generator.uniform(1.1, 1.7), generator)


def governor(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    return a, clocked(changed(b, facts={"governor": "powersave"}), generator.uniform(1.2, 2.2), generator)


def clock_lock(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    locked = a.record.clock_lock._replace(requested=True, locked=True)
    return changed(a, clock_lock=locked), clocked(b, generator.uniform(1.06, 1.3), generator)


def gpu_clock(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    return on_gpu(a), clocked(on_gpu(b), generator.uniform(1.1, 1.8), generator, gpu=True)


def gpu_driver(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    versions = ("12.6", "12.8")
    one, other = (
        changed(on_gpu(run), runner_details={**run.record.runner_details, "device": {"driver_version": version}})
        for run, version in zip((a, b), versions, strict=True)
    )
    return one, slowed(other, either_way(generator, 0.07, 0.2), generator)


def tactics(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    def told(run: StoredRun, tactic: str) -> StoredRun:
        layers = {
            "engine_told": {"layers": [{"name": f"C{at}", "tactic": tactic if at == 2 else "x"} for at in (1, 2)]}
        }
        return of_one(on_gpu(run), details=layers)

    return told(a, "winograd"), slower(told(b, "implicit_gemm"), either_way(generator, 0.1, 0.3), only=(ONE,))


def threads(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    fewer, more = 1, int(generator.choice([2, 4]))
    parallel = generator.uniform(0.7, 0.95)
    factor = 1 / ((1 - parallel) + parallel / more)
    if generator.random() < 0.5:
        return changed(a, job={"threads": more}), slowed(changed(b, job={"threads": fewer}), factor, generator)
    return changed(a, job={"threads": fewer}), slowed(changed(b, job={"threads": more}), 1 / factor, generator)


def cores(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    parallel = generator.uniform(0.75, 0.95)
    factor = 1 / ((1 - parallel) + parallel / 4)
    one, other = (changed(run, job={"threads": 4}) for run in (a, b))
    return one, slowed(changed(other, facts={"allowed_cores": [0]}), factor, generator)


def timed_call(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    def timed(run: StoredRun, where: str) -> StoredRun:
        call = TimedCall("run", "host", input_copy=TimedPart(where, "as it is"))
        return changed(run, networks=[each._replace(timed_call=call) for each in run.record.networks])

    return timed(a, "outside"), slowed(timed(b, "inside"), generator.uniform(1.08, 1.4), generator)


def batch_size(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    size = int(generator.choice([2, 4, 8]))
    return a, slowed(changed(b, job={"batch_size": size}), size * generator.uniform(0.75, 1.0), generator)


def other_programs(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    share, count = generator.uniform(0.08, 0.4), len(a.record.facts_before.allowed_cores)
    busy = in_states(b, lambda state: {"cpu_busy": 1.0, "core_busy": {str(core): 1.0 for core in range(count)}})
    busy = slowed(busy, 1 / (1 - share) * generator.uniform(1.0, 1.04), generator)
    networks = [
        network._replace(
            rounds=[
                turn._replace(run_delay_s=share * turn.wall_s, cpu_s=(1 - share) * turn.wall_s)
                for turn in network.rounds
            ]
        )
        for network in busy.record.networks
    ]
    return a, changed(busy, networks=networks)


def steal(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    share = generator.uniform(0.06, 0.4)
    lost = in_states(b, lambda state: {"steal": share * generator.uniform(0.8, 1.2)})
    return a, slowed(lost, 1 / (1 - share) * generator.uniform(0.97, 1.03), generator)


def memory_pressure(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    share = generator.uniform(0.08, 0.4)
    short = in_states(b, lambda state: {"memory_pressure": share * generator.uniform(0.8, 1.2)})
    return a, slowed(short, 1 / (1 - share) * generator.uniform(0.95, 1.05), generator)


def precision(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    return a, slower(of_one(b, precision="int8"), generator.uniform(0.35, 0.75), only=(ONE,))


def native_layers(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    factor = float(generator.uniform(1.15, 1.7))
    one, other = (
        with_entry(of_one(run, form="native"), sparse=sparse_form(chosen, seconds))
        for run, chosen, seconds in ((a, "native", 2e-3), (b, "dense", 2e-3 * factor))
    )
    return one, slower(other, factor * generator.uniform(0.9, 1.1), only=(ONE,))


def structure(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    factor = float(generator.uniform(1.2, 2.0))
    macs = int(NETWORKS[ONE][4] * factor)
    other = with_entry(b, graph_sha256=HASH[::-1], macs=macs, macs_live=macs)
    return a, slower(other, factor ** generator.uniform(0.8, 1.0), only=(ONE,))


def runtime_version(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    other = changed(b, runner_details={**b.record.runner_details, "onnxruntime": "1.24.0"})
    return a, slowed(other, either_way(generator, 0.08, 0.3), generator)


def kernel(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    return a, slowed(changed(b, facts={"kernel": "6.12.9"}), either_way(generator, 0.07, 0.15), generator)


def options(a: StoredRun, b: StoredRun, generator: Generator) -> Runs:
    one, other = (
        changed(run, networks=[each._replace(details={"optimization": level}) for each in run.record.networks])
        for run, level in ((a, "all"), (b, "basic"))
    )
    return one, slowed(other, generator.uniform(1.1, 1.6), generator)


CAUSES: dict[str, tuple[Inject, tuple[str, ...]]] = {
    "cpu-clock": (cpu_clock, CPUS),
    "power-mode": (power_mode, JETSONS),
    "throttling": (throttling, THROTTLING),
    "governor": (governor, CPUS),
    "clock-lock": (clock_lock, JETSONS),
    "gpu-clock": (gpu_clock, JETSONS),
    "driver-version": (gpu_driver, JETSONS),
    "tactics": (tactics, JETSONS),
    "threads": (threads, CPUS),
    "cores": (cores, CPUS),
    "timed-call": (timed_call, CPUS),
    "batch-size": (batch_size, CPUS),
    "other-programs": (other_programs, CPUS),
    "steal": (steal, VIRTUAL),
    "memory-pressure": (memory_pressure, CPUS),
    "precision": (precision, CPUS),
    "native-layers": (native_layers, CPUS),
    "structure": (structure, CPUS),
    "runtime-version": (runtime_version, CPUS),
    "kernel": (kernel, CPUS),
    "options": (options, CPUS),
}


def small_clock(run: StoredRun, generator: Generator) -> StoredRun:
    return clocked(run, generator.uniform(1.01, 1.03), generator)


def some_load(run: StoredRun, generator: Generator) -> StoredRun:
    """A program on a core that the job does not use."""
    return in_states(run, lambda state: {"cpu_busy": min(1.0, (state.cpu_busy or 0) + 0.5 / len(state.core_busy))})


def another_kernel(run: StoredRun, generator: Generator) -> StoredRun:
    return changed(run, facts={"kernel": "6.12.9"})


def another_runtime(run: StoredRun, generator: Generator) -> StoredRun:
    return changed(run, runner_details={**run.record.runner_details, "onnxruntime": "1.24.0"})


def another_model_file(run: StoredRun, generator: Generator) -> StoredRun:
    """Other weights of as many synapses."""
    path = f"networks/{ONE}/model.onnx"
    files = tuple(
        file.model_copy(update={"sha256": HASH[::-1]}) if file.path == path else file for file in run.manifest.files
    )
    return run.model_copy(update={"manifest": run.manifest.model_copy(update={"files": files})})


UNMODELLED = ("driver-version", "tactics", "runtime-version", "kernel", "options", "timed-call")
"""Where a model has no say, another version is as good a guess: these get decoys whose effect a model knows."""
DECOYS = (small_clock, some_load, another_model_file)
VERSIONS = (another_kernel, another_runtime)


def case(number: int, seed: int = 0) -> Case:
    """One case: causes by turns, each on a board and with numbers drawn for it."""
    generator = np.random.default_rng([seed, number])
    code = list(CAUSES)[number % len(CAUSES)]
    inject, boards = CAUSES[code]
    board = str(generator.choice(boards))
    a, b = quiet(board, generator)
    if generator.random() < 0.5:
        decoys = DECOYS if code in UNMODELLED else (*DECOYS, *VERSIONS)
        b = decoys[generator.integers(len(decoys))](b, generator)
    return Case(code, board, inject(a, b, generator))


def quiet(board: str, generator: Generator) -> Runs:
    """Two runs that differ as runs do."""
    seeds = generator.integers(1, 1 << 20, size=2)
    one, other = (on_board(int(seed), board, day=22 + at, rounds=12, per_round=12) for at, seed in enumerate(seeds))
    return one, noisy(slower(other, float(np.exp(0.007 * generator.normal()))), generator)


def noisy(run: StoredRun, generator: Generator) -> StoredRun:
    """With what may differ between two runs and has no effect."""
    warmer = float(generator.uniform(-6, 6))
    states = in_states(
        run,
        lambda state: {"temperatures_c": {zone: (heat or 0) + warmer for zone, heat in state.temperatures_c.items()}},
    )
    known: dict[str, Any] = {
        "memory_available_bytes": int(generator.integers(1, 6)) * 10**9,
        "load_average_1min": float(generator.uniform(0, 2)),
        "disk_free_bytes": int(generator.integers(1, 90)) * 10**9,
    }
    for name, value, chance in (
        ("hostname", "other", 0.4),
        ("python", "3.11.9", 0.3),
        ("glibc", "2.39", 0.2),
        ("os_name", "Debian GNU/Linux 13 (trixie)", 0.2),
    ):
        if generator.random() < chance:
            known[name] = value
    packages = {**run.record.facts_before.packages, "numpy": "2.5.0"} if generator.random() < 0.3 else None
    known |= {"packages": packages} if packages else {}
    agent = "ba9876543210" if generator.random() < 0.3 else run.record.agent_id
    return changed(states, facts=known, agent_id=agent)


def either_way(generator: Generator, least: float, most: float) -> float:
    """A ratio that is away from 1 by such a logarithm."""
    return float(np.exp(generator.choice([-1, 1]) * generator.uniform(least, most)))


def on_gpu(run: StoredRun) -> StoredRun:
    hertz = run.record.facts_before.gpu_max_frequency_hz or 1e9
    return in_states(changed(run, job={"on_gpu": True}), lambda state: {"gpu_frequency_hz": hertz, "gpu_load": 0.6})


def of_one(run: StoredRun, **changes: Any) -> StoredRun:
    """The run with other fields of one network's record."""
    networks = [each._replace(**changes) if each.network == ONE else each for each in run.record.networks]
    return changed(run, networks=networks)


def with_entry(run: StoredRun, **changes: Any) -> StoredRun:
    """The run with other fields of one network in the manifest."""
    entries = tuple(network_entry(ONE, **changes) if entry.name == ONE else entry for entry in run.manifest.networks)
    return run.model_copy(update={"manifest": run.manifest.model_copy(update={"networks": entries})})


def sparse_form(chosen: str, seconds: float) -> SparseForm:
    """Native kernels for two layers, the second as `chosen`."""
    layers = tuple(
        LayerChoice(
            layer=f"C{at}", kernel=3, inputs=96, filters=96, share=0.3, chosen=which, block=1, dense_s=None,
            native_s=None, why="expected faster",
        )
        for at, which in ((1, "native"), (2, chosen))
    )  # fmt: skip
    return SparseForm(layers=layers, basis="calibrated", calibration=HASH, chosen_s=seconds)
