"""What the agent answers: the record of a job."""

from typing import Any, Dict, List, NamedTuple, Optional

from sis_agent.schema.facts import Facts
from sis_agent.schema.job import Job
from sis_agent.schema.samples import EnergyBlock, Power, RoundSamples, Sampling, StateSample, Window
from sis_agent.schema.sustained import BoardRest, SustainedRun, SustainedWindow


class Problem(NamedTuple):
    """Something that went wrong: a stable code for programs, a sentence with the next step for people."""

    code: str
    message: str


class GoldenCheck(NamedTuple):
    """Outputs for the golden inputs on the board against the reference.

    `top1_agreement` is None where the first output is no row of class scores for each input.
    """

    images: int
    max_abs_difference: float
    mean_abs_difference: float
    top1_agreement: Optional[float]
    passed: bool


class Accuracy(NamedTuple):
    """Top-1 on the bundle's test images, with the same session that is timed.

    `wrong` are the numbers of the images that it classifies wrongly: two networks are compared image by image. None in
    records of agents that only counted. `correct_top5` counts those whose class is among the five highest scores, None
    where that was not counted.
    """

    images: int
    correct: int
    wrong: Optional[List[int]] = None
    correct_top5: Optional[int] = None


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


class TimedPart(NamedTuple):
    """Where a part of an inference is: `where` is "inside" the timed call, "outside" of it, or "none" (there is none).

    `how` says in a few words what is done there.
    """

    where: str
    how: str


class TimedCall(NamedTuple):
    """What stands inside the call that is timed, as the network's runner declares it; a part that is None is unknown.

    `call` is that call, `clock` "host" where the worker times it, "runtime" where the runtime reports its own times.
    Inputs are copied to where the network computes (device memory, or buffers of the runtime), outputs back from there.
    `call_overhead` is what the call itself costs, in whatever language it is made.
    """

    call: str
    clock: str
    input_copy: Optional[TimedPart] = None
    output_copy: Optional[TimedPart] = None
    preprocessing: Optional[TimedPart] = None
    postprocessing: Optional[TimedPart] = None
    synchronisation: Optional[TimedPart] = None
    call_overhead: Optional[TimedPart] = None


class ClockLock(NamedTuple):
    """What came of a request to lock the clocks; `settings` maps a file or tool to what was read back after setting."""

    requested: bool
    locked: bool
    reason: Optional[str] = None
    settings: Dict[str, str] = {}
    restored: Optional[bool] = None


class BoardLock(NamedTuple):
    """Whether other jobs were kept off the board, those of other users too; `reason` says why not, or why unknown."""

    held: Optional[bool] = None
    reason: Optional[str] = "agents of that version lock their own folder only"


class JobInterruption(NamedTuple):
    """Where a job was cut off and went on later: its process was killed, or the board restarted.

    The job's clock stands still meanwhile, at `t_s`. `rounds` of latency and `blocks` of energy were finished before.
    `stopped_at` is the board's date when it last wrote down what it had, `resumed_at` when it went on; the date of a
    board without a battery may be wrong. `boot_changed`: the board restarted in between, None where that is unknown.
    """

    t_s: float
    rounds: int
    blocks: int
    stopped_at: str
    resumed_at: str
    boot_changed: Optional[bool]
    reason: str


class NetworkRecord(NamedTuple):
    """All that was measured of one form of a network; `problem` says why something is missing.

    `name` and the identity (`network`, `form`, `precision`, `granularity`) are the job's. `details` are what the runner
    reports of it (for TensorRT the engine, its build, its sparse layers). `runner` is the runtime that ran it; None in
    records of agents that had one for the whole job. `timed_call` is what its latencies are of; None where its runner
    does not declare it, and in records of agents that did not ask.
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
    runner: Optional[str] = None
    timed_call: Optional[TimedCall] = None


class Record(NamedTuple):
    """One run of one job on one board.

    `windows` are named "rounds", and where power is measured "idle_before", "energy" and "idle_after"; within "energy",
    between its rounds of blocks, lie those named "idle_between". `ended_by` says why the rounds ended: "length",
    "target_ci", or "problem" for a job that did not come to their end. `runner_details` are those of the job's runner;
    where networks have others, theirs are in `runner_details["other_runners"]` by the runner's name. Sustained runs
    come after all of that; `states` and `power` are of what was before them.
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
    interruptions: List[JobInterruption] = []
    board_lock: BoardLock = BoardLock()
    rests: List[BoardRest] = []
    sustained_runs: List[SustainedRun] = []
    sustained_windows: List[SustainedWindow] = []
