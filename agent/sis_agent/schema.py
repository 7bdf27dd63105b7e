"""What host and agent say to each other: the job, the record, and the lines of the protocol.

The agent owns this file and the host imports it, so there is one definition of every field. Plain NamedTuples
(CPython 3.6 has no dataclasses); the host validates the same types with pydantic. SI units stand in the names;
None is "unknown", and where a number may be unknown a reason stands beside it. Raw samples are kept: statistics
are the host's.

History of RECORD_VERSION and JOB_VERSION:
    1   first version
    2   what tells the forms of a network apart is data: network, form, precision, granularity; on_gpu
    3   what interference shows in (wall and processor time of turns, run-queue delay, involuntary switches), processes,
        busy cores one by one, three clocks; the board's limits: cores that may be used, quota, trip points, GPU clock
"""

from typing import Any, Dict, List, NamedTuple, Optional

PROTOCOL_VERSION = 1
JOB_VERSION = 3
RECORD_VERSION = 3

# States of a job, in `state.json` and in the answer of `status`.
QUEUED = "queued"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
ENDED = (DONE, FAILED, CANCELLED)


class Preprocess(NamedTuple):
    """How a uint8 image becomes the network's input: (pixel / 255 - mean) / std, for each channel."""

    mean: List[float]
    std: List[float]


class NetworkJob(NamedTuple):
    """One thing to measure: a form of a network as one file; paths are relative to the bundle's folder.

    `network` is the bundle's name of the network (None: the same as `name`); a network can be measured in several
    forms, which `form` (plain, native, sparse24) and `precision` tell apart. `name` is unique in the job, for people.
    `granularity` is the unit that exists or not in convolutional layers. `options` go to the runner, which documents
    them; those whose value is a file of the bundle are in `files`. `golden_tolerance` replaces the job's: half floats
    and INT8 do not agree with the reference as float32 does.
    """

    name: str
    model: str
    golden_logits: str
    network: Optional[str] = None
    options: Dict[str, Any] = {}
    golden_tolerance: Optional[float] = None
    files: Dict[str, str] = {}
    form: str = "plain"
    precision: str = "fp32"
    granularity: Optional[str] = None


class PowerRequest(NamedTuple):
    """Which sensors may be read, and the profile's rule for the total; rails are named as the board names them.

    `sources` lists the kinds that may be used, best first (see `power/`); empty: whatever the agent finds. The sum of
    `total_rails` is the total, and `scope` says what that total covers (module, carrier, package, wall ...). Without a
    rule the rails are recorded and no total is claimed. `external_meter`: rests and energy blocks are run for a meter
    that the agent cannot see, whether or not the board has a sensor. `floor_w` and `max_w` are the least and the most
    that the board can draw by its profile, `gain_error` the share by which its sensor may be off: None is unknown.
    """

    sources: List[str] = []
    total_rails: List[str] = []
    scope: Optional[str] = None
    idle_s: float = 10.0
    block_s: float = 2.0
    blocks: int = 5
    external_meter: bool = False
    floor_w: Optional[float] = None
    max_w: Optional[float] = None
    gain_error: Optional[float] = None


class Job(NamedTuple):
    """A measuring job: which networks of which bundle, with which settings, and how long.

    The rounds go on until there are `rounds` of them, every network has `min_inferences` and has run `min_time_s`;
    with `target_ci` (a share, 0.01 is 1%) they stop as soon as every speed-up over `reference` is known that well,
    after `rounds`. `inferences_per_round` 0 leaves a turn's length to the agent (see `length.py`), which records it in
    `runner_details`. After them come `sampler_pairs` pairs of turns, with the sampler and without. `cores` pins the
    worker. `power` None: no sensor is read. `lock_clocks` asks for fixed clocks for the length of the job.
    `expected_power_mode` and the clocks of that mode are the profile's; they are recorded for the verdict, as is
    `on_gpu`, whether the runner computes on a GPU. The rounds are spread over `processes` fresh worker processes.
    `quick` marks a run that is too short for its numbers to be defended.
    """

    job_version: int
    bundle_id: str
    networks: List[NetworkJob]
    golden_inputs: str
    golden_tolerance: float
    preprocess: Preprocess
    test_images: Optional[str] = None
    test_labels: Optional[str] = None
    runner: str = "onnxruntime"
    threads: int = 1
    batch_size: int = 1
    rounds: int = 30
    inferences_per_round: int = 10
    warmup_s: float = 0.5
    time_limit_s: float = 3600.0
    seed: int = 0
    min_inferences: int = 0
    min_time_s: float = 0.0
    target_ci: Optional[float] = None
    reference: Optional[str] = None
    cores: List[int] = []
    memory_repeats: int = 1
    power: Optional[PowerRequest] = None
    lock_clocks: bool = False
    expected_power_mode: Optional[str] = None
    expected_cpu_hz: Optional[float] = None
    expected_gpu_hz: Optional[float] = None
    sampler_pairs: int = 0
    on_gpu: bool = False
    processes: int = 1
    quick: bool = False


class Problem(NamedTuple):
    """Something that went wrong: a stable code for programs, a sentence with the next step for people."""

    code: str
    message: str


class GoldenCheck(NamedTuple):
    """Logits of the golden inputs on the board against the host's reference."""

    images: int
    max_abs_difference: float
    mean_abs_difference: float
    top1_agreement: float
    passed: bool


class Accuracy(NamedTuple):
    """Top-1 on the bundle's test images, with the same session that is timed.

    `wrong` are the numbers of the images that it classifies wrongly: two networks are compared image by image. None in
    records of agents that only counted.
    """

    images: int
    correct: int
    wrong: Optional[List[int]] = None


class Memory(NamedTuple):
    """Of a fresh process for this network: resident bytes before load and after, and the peak (VmHWM)."""

    baseline_rss_bytes: Optional[int]
    loaded_rss_bytes: Optional[int]
    peak_rss_bytes: Optional[int]
    reason: Optional[str] = None
    repeats_peak_rss_bytes: List[int] = []
    device_bytes: Optional[int] = None
    device_reason: Optional[str] = None
    unified: Optional[bool] = None


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


class ClockLock(NamedTuple):
    """What came of a request to lock the clocks; `settings` maps a file or tool to what was read back after setting."""

    requested: bool
    locked: bool
    reason: Optional[str] = None
    settings: Dict[str, str] = {}
    restored: Optional[bool] = None


class NetworkRecord(NamedTuple):
    """All that was measured of one form of a network; `problem` says why something is missing.

    `name` and the identity (`network`, `form`, `precision`, `granularity`) are the job's. `details` are what the runner
    reports of it (for TensorRT the engine, its build, its sparse layers).
    """

    name: str
    model_bytes: int
    load_s: Optional[float] = None
    first_inference_s: Optional[float] = None
    memory: Optional[Memory] = None
    golden: Optional[GoldenCheck] = None
    accuracy: Optional[Accuracy] = None
    warmup_latencies_s: List[float] = []
    warmup_steady: Optional[bool] = None
    rounds: List[RoundSamples] = []
    problem: Optional[Problem] = None
    details: Dict[str, Any] = {}
    network: Optional[str] = None
    form: str = "plain"
    precision: str = "fp32"
    granularity: Optional[str] = None


class Facts(NamedTuple):
    """The board as the agent sees it; every field may be unknown.

    `allowed_cores` are the numbers of the cores that the agent may use (affinity, cpuset), `cpu_quota_cores` how many
    of them its control group grants. `virtual` names a virtual machine, `container` a container, where it runs in one.
    `trip_points_c` is for each zone the lowest temperature at which it throttles. `root_noexec`: libraries in the
    agent's folder cannot be loaded, by its file system's mount options.
    """

    machine: Optional[str] = None
    model: Optional[str] = None
    kernel: Optional[str] = None
    os_name: Optional[str] = None
    l4t: Optional[str] = None
    glibc: Optional[str] = None
    python: Optional[str] = None
    python_executable: Optional[str] = None
    cpu_model: Optional[str] = None
    cpu_count: Optional[int] = None
    cpu_features: List[str] = []
    memory_total_bytes: Optional[int] = None
    memory_available_bytes: Optional[int] = None
    swap_total_bytes: Optional[int] = None
    disk_free_bytes: Optional[int] = None
    load_average_1min: Optional[float] = None
    governor: Optional[str] = None
    cpu_frequency_hz: List[Optional[float]] = []
    temperatures_c: Dict[str, Optional[float]] = {}
    packages: Dict[str, Optional[str]] = {}
    runners: Dict[str, str] = {}
    hostname: Optional[str] = None
    power_mode: Optional[str] = None
    power_sources: Dict[str, str] = {}
    cpu_max_frequency_hz: Optional[float] = None
    kill_user_processes: Optional[bool] = None
    simulated: bool = False
    emulated: bool = False
    gpu_max_frequency_hz: Optional[float] = None
    allowed_cores: List[int] = []
    cpu_quota_cores: Optional[float] = None
    virtual: Optional[str] = None
    container: Optional[str] = None
    trip_points_c: Dict[str, float] = {}
    root_noexec: Optional[bool] = None


class Record(NamedTuple):
    """One run of one job on one board.

    `windows` are named "rounds", and where power is measured "idle_before", "energy" and "idle_after"; within "energy",
    between its rounds of blocks, lie those named "idle_between". `ended_by` says why the rounds ended: "length",
    "target_ci", or "problem" for a job that did not come to their end.
    """

    record_version: int
    run_id: str
    agent_id: str
    job: Job
    started_at: str
    duration_s: float
    facts_before: Facts
    facts_after: Facts
    runner_details: Dict[str, Any]
    networks: List[NetworkRecord]
    clock: str
    clock_resolution_s: float
    simulated: bool = False
    problem: Optional[Problem] = None
    windows: List[Window] = []
    energy_blocks: List[EnergyBlock] = []
    power: Power = Power("unavailable", "this job did not ask for power")
    states: List[StateSample] = []
    clock_lock: ClockLock = ClockLock(requested=False, locked=False)
    ended_by: str = "length"
    sampling: Sampling = Sampling(reason="the job did not get that far")


def to_json(value: Any) -> Any:
    """Nested NamedTuples as plain dicts and lists, ready for json.dumps."""
    if hasattr(value, "_asdict"):
        return {key: to_json(part) for key, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(part) for part in value]
    return value
