"""What host and agent say to each other: the job, the record, and the lines of the protocol.

The agent owns this file and the host imports it, so there is one definition of every field. Plain NamedTuples
(CPython 3.6 has no dataclasses); the host validates the same types with pydantic. SI units stand in the names;
None is "unknown", and where a number may be unknown a reason stands beside it. Raw samples are kept: statistics
are the host's.

History of RECORD_VERSION and JOB_VERSION:
    1   first version
"""

from typing import Any, Dict, List, NamedTuple, Optional

PROTOCOL_VERSION = 1
JOB_VERSION = 1
RECORD_VERSION = 1

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
    """One network to measure; paths are relative to the bundle's folder."""

    name: str
    model: str
    golden_logits: str


class Job(NamedTuple):
    """A measuring job: which networks of which bundle, and how long."""

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
    """Top-1 on the bundle's test images, with the same session that is timed."""

    images: int
    correct: int


class Memory(NamedTuple):
    """Of a fresh process for this network: resident bytes before load and after, and the peak (VmHWM)."""

    baseline_rss_bytes: Optional[int]
    loaded_rss_bytes: Optional[int]
    peak_rss_bytes: Optional[int]
    reason: Optional[str] = None


class RoundSamples(NamedTuple):
    """One network's turn in one round; `position` is its place in that round's random order."""

    round: int
    position: int
    start_s: float
    latencies_s: List[float]


class NetworkRecord(NamedTuple):
    """All that was measured of one network; `problem` says why something is missing."""

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


class Facts(NamedTuple):
    """The board as the agent sees it; every field may be unknown."""

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
    simulated: bool = False
    emulated: bool = False


class Record(NamedTuple):
    """One run of one job on one board."""

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


def to_json(value: Any) -> Any:
    """Nested NamedTuples as plain dicts and lists, ready for json.dumps."""
    if hasattr(value, "_asdict"):
        return {key: to_json(part) for key, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(part) for part in value]
    return value


def job_from_json(data: Dict[str, Any]) -> Job:
    """A Job from parsed JSON; raises ValueError that names the first wrong field."""
    if data.get("job_version") != JOB_VERSION:
        raise ValueError("job_version is {!r}, this agent reads {}".format(data.get("job_version"), JOB_VERSION))
    try:
        fields = dict(data)
        fields["networks"] = [NetworkJob(**network) for network in data["networks"]]
        fields["preprocess"] = Preprocess(**data["preprocess"])
        job = Job(**fields)
    except (TypeError, KeyError) as error:
        raise ValueError("the job does not fit: {}".format(error))
    if not job.networks:
        raise ValueError("the job names no network")
    for name in ("golden_tolerance", "warmup_s", "time_limit_s"):
        if not isinstance(getattr(job, name), (int, float)) or not 0 <= getattr(job, name) < float("inf"):
            raise ValueError("{} is {!r}, and must be a number from 0 on".format(name, getattr(job, name)))
    names = [network.name for network in job.networks]
    if len(set(names)) < len(names):
        raise ValueError("the job names a network twice: {}".format(", ".join(names)))
    for name in ("threads", "batch_size", "rounds", "inferences_per_round"):
        if not isinstance(getattr(job, name), int) or getattr(job, name) < 1:
            raise ValueError("{} is {!r}, and must be a whole number from 1 on".format(name, getattr(job, name)))
    return job
