"""What is sampled while a job runs: latencies, windows, power, and the board's state."""

from typing import Dict, List, NamedTuple, Optional


class RoundSamples(NamedTuple):
    """One network's turn in one round; `position` is its place in that round's random order.

    `device_latencies_s` are the same inferences by the device's own clock, the last of them where it holds fewer; empty
    for a runtime without one. `process` numbers the worker process that ran it, in the order of their starts.

    What else the turn cost, over the timed inferences only, None where unknown: `wall_s` from the first's start to the
    last's end, `cpu_s` of processor time of the measuring thread, `process_cpu_s` of all threads of its process,
    `run_delay_s` that these threads were ready and waited for a core, added up (/proc/self/task/*/schedstat),
    `involuntary_switches` that took the core from the measuring thread. `preempted` counts the attempts at this turn
    that were thrown away, since another program took their core.
    """

    round: int
    position: int
    start_s: float
    latencies_s: List[float]
    device_latencies_s: List[float] = []
    process: int = 0
    wall_s: Optional[float] = None
    cpu_s: Optional[float] = None
    process_cpu_s: Optional[float] = None
    run_delay_s: Optional[float] = None
    involuntary_switches: Optional[int] = None
    preempted: int = 0


class Window(NamedTuple):
    """A stretch of the job, on the job's clock: seconds since its start, as in RoundSamples."""

    name: str
    start_s: float
    end_s: float


class EnergyBlock(NamedTuple):
    """One network running back to back, for its energy; blocks of all networks come in random order within `block`."""

    network: str
    block: int
    start_s: float
    end_s: float
    inferences: int


class PowerTrace(NamedTuple):
    """What one sensor source said: for each rail a power in watts at each time; None where a read failed.

    `times_s` are on the job's clock, taken right around the read. `update_interval_s` is the sensor's own; reads come
    at most twice as often, and a repeated answer is counted in `duplicates` and left out where the source can tell.
    `energy_j` is set instead of `power_w` by sources that count energy (RAPL): cumulative, wrap-around undone.
    `gain_error` is the share by which the chip's data sheet, or the profile, allows the readings to be off.
    """

    source: str
    rails: List[str]
    times_s: List[float]
    power_w: Dict[str, List[Optional[float]]]
    energy_j: Dict[str, List[Optional[float]]]
    update_interval_s: Optional[float]
    sample_interval_s: float
    duplicates: int = 0
    skipped_rails: List[str] = []
    gain_error: Optional[float] = None


class Power(NamedTuple):
    """Power of a job: `status` is "measured" or "unavailable", and `reason` says why it is not there.

    The first of `traces` is the one to use, the others are second sources.
    """

    status: str
    reason: Optional[str] = None
    traces: List[PowerTrace] = []
    total_rails: List[str] = []
    scope: Optional[str] = None


class SamplerPair(NamedTuple):
    """Two turns of one network, one right after the other in random order: with the sampler at work, and without."""

    network: str
    with_latencies_s: List[float]
    without_latencies_s: List[float]


class Sampling(NamedTuple):
    """What reading sensors and state beside the networks cost: `cpu_s` of a processor in the `wall_s` that it went on,
    and pairs of turns that show its effect on latency. `reason` says why processor time is not known.
    """

    cpu_s: Optional[float] = None
    wall_s: Optional[float] = None
    pairs: List[SamplerPair] = []
    reason: Optional[str] = None


class StateSample(NamedTuple):
    """The board at one moment of the job: what a verdict needs. Unknown is None, or missing from a dict.

    `throttle` maps a sign of throttling (a cooling device, a firmware flag) to its state, 0 being none; `counters` are
    cumulative (over-current and under-voltage events). `cpu_busy` and `steal` are shares of all cores since the sample
    before; `own_cpu` is the share that the job itself used of it, and `core_busy` each core's `cpu_busy`, by number.
    `wall_clock_s` (which may be set) and `boot_clock_s` (which goes on while the board sleeps) at the same moment, from
    zeros of their own: their steps against those of `t_s` show a job that was frozen, or a clock that was set.
    """

    t_s: float
    cpu_frequency_hz: List[Optional[float]] = []
    gpu_frequency_hz: Optional[float] = None
    gpu_load: Optional[float] = None
    temperatures_c: Dict[str, Optional[float]] = {}
    throttle: Dict[str, float] = {}
    counters: Dict[str, float] = {}
    load_average_1min: Optional[float] = None
    cpu_busy: Optional[float] = None
    own_cpu: Optional[float] = None
    steal: Optional[float] = None
    memory_available_bytes: Optional[int] = None
    swap_used_bytes: Optional[int] = None
    memory_pressure: Optional[float] = None
    power_mode: Optional[str] = None
    governor: Optional[str] = None
    core_busy: Dict[str, float] = {}
    wall_clock_s: Optional[float] = None
    boot_clock_s: Optional[float] = None
