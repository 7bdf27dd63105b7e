"""What host and agent say to each other: the job, the record, and the lines of the protocol.

The agent owns these files and the host imports it, so there is one definition of every field. Plain NamedTuples
(CPython 3.6 has no dataclasses); the host validates the same types with pydantic. SI units stand in the names;
None is "unknown", and where a number may be unknown a reason stands beside it. Raw samples are kept: statistics
are the host's.

History of RECORD_VERSION and JOB_VERSION:
    1   first version
    2   what tells the forms of a network apart is data: network, form, precision, granularity; on_gpu
    3   what interference shows in (wall and processor time of turns, run-queue delay, involuntary switches), processes,
        busy cores one by one, three clocks; the board's limits: cores that may be used, quota, trip points, GPU clock
    4   networks of the user's own: tensors by name as inputs, expected outputs, labels; a runtime for each network
    5   of the record alone: where the job was interrupted and went on, and whether other users' jobs were kept out
    6   sustained work, and rests before the rounds (the job's version is 5); what stands inside the timed call
"""

from typing import Any

from sis_agent.schema.examination import Busy, Examination
from sis_agent.schema.facts import Facts
from sis_agent.schema.job import Job, NetworkJob, PowerRequest, Preprocess, Resize
from sis_agent.schema.record import (
    Accuracy,
    BoardLock,
    ClockLock,
    GoldenCheck,
    JobInterruption,
    Memory,
    NetworkRecord,
    Problem,
    Record,
    TimedCall,
    TimedPart,
)
from sis_agent.schema.samples import (
    EnergyBlock,
    Power,
    PowerTrace,
    RoundSamples,
    SamplerPair,
    Sampling,
    StateSample,
    Window,
)
from sis_agent.schema.sustained import (
    BUCKET_RATIO,
    BoardRest,
    LatencyCounts,
    RestRequest,
    SustainedRequest,
    SustainedRun,
    SustainedWindow,
)

__all__ = [
    "BUCKET_RATIO",
    "CANCELLED",
    "DONE",
    "ENDED",
    "FAILED",
    "JOB_VERSION",
    "PROTOCOL_VERSION",
    "QUEUED",
    "RECORD_VERSION",
    "RUNNING",
    "Accuracy",
    "BoardLock",
    "BoardRest",
    "Busy",
    "ClockLock",
    "EnergyBlock",
    "Examination",
    "Facts",
    "GoldenCheck",
    "Job",
    "JobInterruption",
    "LatencyCounts",
    "Memory",
    "NetworkJob",
    "NetworkRecord",
    "Power",
    "PowerRequest",
    "PowerTrace",
    "Preprocess",
    "Problem",
    "Record",
    "Resize",
    "RestRequest",
    "RoundSamples",
    "SamplerPair",
    "Sampling",
    "StateSample",
    "SustainedRequest",
    "SustainedRun",
    "SustainedWindow",
    "TimedCall",
    "TimedPart",
    "Window",
    "to_json",
]

PROTOCOL_VERSION = 1
JOB_VERSION = 5
RECORD_VERSION = 6

# States of a job, in `state.json` and in the answer of `status`.
QUEUED = "queued"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
STATES = (QUEUED, RUNNING, *ENDED)


def to_json(value: Any) -> Any:
    """Nested NamedTuples as plain dicts and lists, ready for json.dumps."""
    if hasattr(value, "_asdict"):
        return {key: to_json(part) for key, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(part) for part in value]
    return value
