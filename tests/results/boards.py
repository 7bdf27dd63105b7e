"""Records of every kind of board as a quiet run leaves them, made from a seed: what faults are injected into."""

from dataclasses import dataclass

import numpy as np

from sis_agent.schema import (
    EnergyBlock,
    Facts,
    GoldenCheck,
    Job,
    NetworkJob,
    NetworkRecord,
    Power,
    PowerRequest,
    PowerTrace,
    Preprocess,
    Record,
    RoundSamples,
    StateSample,
    Window,
)

GB = 10**9
IDLE_S, BLOCK_S, BLOCKS = 10.0, 2.0, 5
PROCESSES = 3
GOLDEN = GoldenCheck(16, 4.8e-6, 9.1e-7, 1.0, True)
LATENCIES_S = {"nin": 40e-3, "cifar10-sis1": 35e-3, "cifar10-sis2": 20e-3, "cifar10-sis3": 12e-3}
# Boards whose clocks follow the load, or a turbo: how far a clock wanders under load, as a share.
STEADY, TURBO = 0.0, 0.02


@dataclass(frozen=True)
class Kind:
    """A kind of board: what it shows of itself, and how much that moves when nothing is wrong."""

    machine: str
    cores: int
    cpu_hz: float
    mode: str | None = None
    gpu_hz: float | None = None
    source: str | None = None
    rails: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    idle_w: float = 2.0
    busy_w: float = 5.0
    update_s: float = 0.05
    power_noise: float = 0.02
    counts_energy: bool = False
    throttle: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    zones: tuple[str, ...] = ("cpu-thermal",)
    memory_bytes: int = 8 * GB
    clock_wander: float = STEADY
    shows_clocks: bool = True
    steal: float | None = None


TEGRA = ("cpu-throttle-alert", "gpu-throttle-alert", "hot-surface-alert")
OC = ("soctherm_oc oc1_event_cnt", "soctherm_oc oc2_event_cnt", "soctherm_oc oc3_event_cnt")
PI_NOW = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
PI = (*PI_NOW, *(f"{name} occurred" for name in PI_NOW))
THREE = ("VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC")

KINDS: dict[str, Kind] = {
    "nano": Kind(
        "aarch64", 4, 1.479e9, "MAXN", 921.6e6, "ina3221", ("POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU"), ("POM_5V_IN",),
        idle_w=1.4, busy_w=4.1, zones=("CPU-therm", "PMIC-Die"), memory_bytes=4 * GB,
    ),
    "tx2": Kind(
        "aarch64", 6, 2.0e9, "MAXN", 1.3e9, "ina3221", ("VDD_IN", "VDD_SYS_CPU"), ("VDD_IN",), idle_w=3.5, busy_w=8.0
    ),
    "xavier-nx": Kind(
        "aarch64", 6, 1.9e9, "MODE_15W_6CORE", 1.1e9, "ina3221", THREE, ("VDD_IN",), idle_w=3.0, busy_w=8.5
    ),
    "agx-xavier": Kind(
        "aarch64", 8, 2.26e9, "MAXN", 1.37e9, "ina3221", ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),
        ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"), idle_w=5.0, busy_w=14.0, memory_bytes=32 * GB,
    ),
    "orin-nano-jp5": Kind(
        "aarch64", 6, 1.51e9, "15W", 625e6, "ina3221", THREE, ("VDD_IN",), idle_w=4.2, busy_w=7.5, throttle=TEGRA,
        counters=OC,
    ),
    "orin-nano-jp6": Kind(
        "aarch64", 6, 1.728e9, "MAXN_SUPER", 1.02e9, "ina3221", THREE, ("VDD_IN",), idle_w=4.5, busy_w=9.0,
        throttle=TEGRA, counters=OC,
    ),
    "agx-orin": Kind(
        "aarch64", 12, 2.2e9, "MAXN", 1.3e9, "ina3221", ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"), idle_w=7.0, busy_w=16.0, throttle=TEGRA, counters=OC,
        memory_bytes=64 * GB,
    ),
    "thor": Kind(
        "aarch64", 14, 2.6e9, "120W", 1.57e9, "ina238", ("VIN", "VDD_GPU"), ("VIN",), idle_w=30.0, busy_w=45.0,
        throttle=TEGRA, counters=OC, memory_bytes=128 * GB,
    ),
    "raspberry-pi-4": Kind("aarch64", 4, 1.8e9, throttle=PI, memory_bytes=4 * GB),
    "raspberry-pi-5": Kind(
        "aarch64", 4, 2.4e9, source="pmic", rails=("VDD_CORE", "DDR_VDD2"), total=("VDD_CORE", "DDR_VDD2"),
        idle_w=2.2, busy_w=5.5, update_s=0.1, throttle=PI,
    ),
    "x86-rapl": Kind(
        "x86_64", 8, 4.4e9, source="rapl", rails=("package-0",), total=("package-0",), idle_w=8.0, busy_w=25.0,
        counts_energy=True, clock_wander=TURBO, memory_bytes=16 * GB, counters=("core_throttle_count",),
    ),
    "virtual-machine": Kind("x86_64", 2, 2.8e9, zones=(), shows_clocks=False, steal=0.001),
}  # fmt: skip


def record(kind: Kind, seed: int, rounds: int = 30, per_round: int = 34, noise: float = 1.0) -> Record:
    """A quiet run on such a board: idle, rounds, energy blocks, idle; noise as boards have it.

    Latencies have autocorrelated noise of 1%, a slow drift of 2%, and rare outliers; clocks stand, but for a turbo's;
    other programs use a few percent of a core, with a short peak now and then; the board warms up by some degrees.
    `noise` times the latencies' noise and drift.
    """
    generator = np.random.default_rng(seed)
    names = list(LATENCIES_S)
    networks = {name: list[RoundSamples]() for name in names}
    now_s = IDLE_S + 8.0
    slow = 0.0
    for number in range(rounds):
        slow = 0.8 * slow + 0.006 * noise * generator.normal()
        for position, at in enumerate(generator.permutation(len(names))):
            name = names[at]
            drift = 0.02 * noise * np.sin(2 * np.pi * number / rounds)
            values = LATENCIES_S[name] * np.exp(slow + drift + 0.01 * noise * generator.normal(size=per_round))
            values = values * np.where(generator.random(per_round) < 0.005, 1.5, 1.0)
            networks[name].append(_turn(number, position, now_s, values, number * PROCESSES // rounds))
            now_s += float(values.sum()) + 1e-3
    blocks = []
    if kind.source is not None:
        for number in range(BLOCKS):
            for at in generator.permutation(len(names)):
                name = names[at]
                blocks.append(EnergyBlock(name, number, now_s, now_s + BLOCK_S, int(BLOCK_S / LATENCIES_S[name])))
                now_s += BLOCK_S + 0.01
    after_s = now_s + 1.0
    end_s = after_s + IDLE_S + 0.2
    busy = [(IDLE_S + 6.0, now_s)]
    facts = Facts(
        machine=kind.machine,
        cpu_count=kind.cores,
        cpu_max_frequency_hz=kind.cpu_hz if kind.shows_clocks else None,
        memory_total_bytes=kind.memory_bytes,
        power_mode=kind.mode,
        load_average_1min=float(generator.uniform(0.1, 0.6)),
        kernel="6.8.12",
        governor="schedutil",
        runners={"onnxruntime": "1.23.2"},
        gpu_max_frequency_hz=kind.gpu_hz,
        allowed_cores=list(range(kind.cores)),
        trip_points_c={zone: 99.0 for zone in kind.zones if kind.throttle == TEGRA},
        simulated=True,
    )
    preprocess = Preprocess([0.5] * 3, [0.25] * 3)
    job = Job(
        1, "b" * 16, [NetworkJob(name, name, name) for name in names], "golden", 1e-3, preprocess,
        rounds=rounds, inferences_per_round=per_round, min_inferences=1000, expected_power_mode=kind.mode,
        power=PowerRequest() if kind.source else None,
    )  # fmt: skip
    return Record(
        1, f"run-{seed}", "0" * 12, job, "2026-11-22T20:50:12Z", end_s, facts, facts,
        {"harness_latencies_s": [3e-6] * 9},
        [NetworkRecord(name, 10**6, golden=GOLDEN, warmup_steady=True, rounds=networks[name]) for name in names],
        "perf_counter_ns", 1e-9, simulated=True,
        windows=[Window("idle_before", 0.5, IDLE_S), Window("idle_after", after_s, after_s + IDLE_S)],
        energy_blocks=blocks, power=_power(kind, generator, busy, end_s), states=_states(kind, generator, busy, end_s),
    )  # fmt: skip


def _turn(number: int, position: int, start_s: float, values: np.ndarray, process: int) -> RoundSamples:
    """A turn whose thread had its core nearly all the time."""
    generator = np.random.default_rng(round(1e6 * start_s))
    wall_s = float(values.sum()) * (1 + 1e-5)
    delay_s = wall_s * 2e-4 * abs(generator.normal())
    return RoundSamples(
        number, position, start_s, [float(value) for value in values], process=process, wall_s=wall_s,
        cpu_s=wall_s - delay_s, process_cpu_s=wall_s - delay_s, run_delay_s=delay_s,
        involuntary_switches=int(generator.poisson(0.3)),
    )  # fmt: skip


def _power(kind: Kind, generator: np.random.Generator, busy: list[tuple[float, float]], end_s: float) -> Power:
    if kind.source is None:
        return Power("unavailable", "this board has no power sensor")
    times_s = np.arange(0.0, end_s + 2 * kind.update_s, kind.update_s) + generator.uniform(0, 0.1 * kind.update_s)
    works = np.any([(begin <= times_s) & (times_s <= end) for begin, end in busy], axis=0)
    total_w = np.where(works, kind.busy_w, kind.idle_w) * (1 + 0.004 * generator.normal())
    powers, energies = {}, {}
    for rail in kind.rails:
        share = 1 / len(kind.total) if rail in kind.total else 0.3
        rail_w = share * total_w * (1 + kind.power_noise * generator.normal(size=len(times_s)))
        if kind.counts_energy:
            energies[rail] = [float(value) for value in np.cumsum(rail_w * kind.update_s)]
        else:
            powers[rail] = [float(value) for value in rail_w]
    trace = PowerTrace(
        kind.source,
        list(kind.rails),
        [float(value) for value in times_s],
        powers,
        energies,
        kind.update_s,
        kind.update_s,
    )
    return Power("measured", None, [trace], list(kind.total), "module")


def _cores(kind: Kind, at_work: int, own: float, other: float) -> list[float]:
    """The job on one core, other programs on another, where there is one."""
    shares = [0.0] * kind.cores
    shares[at_work] += own
    shares[(at_work + 1) % kind.cores] += other
    return [min(1.0, share) for share in shares]


def _states(
    kind: Kind, generator: np.random.Generator, busy: list[tuple[float, float]], end_s: float
) -> list[StateSample]:
    found = []
    swap = int(generator.choice([0, 120 << 20]))
    before = {name: float(generator.integers(0, 5)) for name in kind.counters}
    had_weak_moment_at_boot = float(generator.random() < 0.3)
    for t_s in np.arange(0.2, end_s, 1.0) + generator.uniform(0, 0.05):
        works = any(begin <= t_s <= end for begin, end in busy)
        wander = 1 - kind.clock_wander * abs(generator.normal())
        idle_hz = kind.cpu_hz * generator.choice([0.4, 0.7, 1.0])
        at_work = int(generator.integers(0, kind.cores))
        clocks = [kind.cpu_hz * wander if works or core == at_work else float(idle_hz) for core in range(kind.cores)]
        other = abs(0.03 * generator.normal()) + (0.7 if generator.random() < 0.005 else 0.0)
        own = 0.98 if works else 0.01
        heat = 45 + (18 * (1 - np.exp(-(t_s - busy[0][0]) / 20)) if t_s > busy[0][0] else 0)
        found.append(
            StateSample(
                t_s=float(t_s),
                cpu_frequency_hz=list(clocks) if kind.shows_clocks else [],
                gpu_frequency_hz=kind.gpu_hz and kind.gpu_hz * 0.3,
                gpu_load=None if kind.gpu_hz is None else 0.0,
                temperatures_c={zone: 100.0 if "PMIC" in zone else float(heat) for zone in kind.zones},
                throttle={name: had_weak_moment_at_boot if "occurred" in name else 0.0 for name in kind.throttle},
                counters=dict(before),
                cpu_busy=min(1.0, (own + other) / kind.cores),
                own_cpu=own / kind.cores,
                steal=None if kind.steal is None else kind.steal * abs(generator.normal()),
                memory_available_bytes=int(kind.memory_bytes * generator.uniform(0.5, 0.6)),
                swap_used_bytes=swap,
                memory_pressure=0.0,
                power_mode=kind.mode,
                governor="schedutil",
                core_busy={
                    str(core): float(busy_share) for core, busy_share in enumerate(_cores(kind, at_work, own, other))
                },
                wall_clock_s=float(t_s) + 1.7e9,
                boot_clock_s=float(t_s),
            )
        )
    return found
