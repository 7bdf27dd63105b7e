"""Going on with a job that was cut off: whether that is possible, and what of its results is taken over."""

from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from sis_agent.measure.journal import KeptResults, now_text
from sis_agent.measure.results import Results
from sis_agent.power import AVAILABLE
from sis_agent.protocol import ProblemError, agent_id
from sis_agent.schema import ClockLock, Facts, JobInterruption

RESTARTED = "the board restarted"
PROCESS_ENDED = "its process ended"
THROTTLED = ("cpu_max_frequency_hz", "gpu_max_frequency_hz")
"""What a board that became hot at sustained work lowers by itself."""

# What must be as it was, or the two parts of a job would be of two boards.
CONDITIONS = (
    ("machine", "architecture"),
    ("model", "model"),
    ("kernel", "kernel"),
    ("os_name", "operating system"),
    ("l4t", "L4T"),
    ("glibc", "glibc"),
    ("python", "Python"),
    ("cpu_model", "CPU"),
    ("cpu_count", "number of cores"),
    ("governor", "governor"),
    ("power_mode", "power mode"),
    ("cpu_max_frequency_hz", "highest CPU clock"),
    ("gpu_max_frequency_hz", "highest GPU clock"),
    ("allowed_cores", "cores that may be used"),
    ("cpu_quota_cores", "CPU quota"),
)


class JournalFile(NamedTuple):
    """Where a job's results are written as they come; `reserve` is told how large that file is to become.

    `job_sha256` is that of the job's own file; `kept` is what the journal holds of an earlier process, which was cut
    off by `cut_by`, in words.
    """

    path: str
    job_sha256: str
    reserve: Callable[[int], None]
    kept: Optional[KeptResults] = None
    cut_by: str = PROCESS_ENDED


def check(kept: KeptResults, job_sha256: str, facts: Facts) -> None:
    """Raise the problem `cannot-go-on` where the results were measured under other conditions; it says which."""
    found = differences(kept, job_sha256, facts)
    if found:
        raise ProblemError(
            "cannot-go-on",
            "what is left of the job would be measured under other conditions: {}; its record keeps what was measured: "
            "measure again under a new id".format("; ".join(found)),
        )


def differences(kept: KeptResults, job_sha256: str, facts: Facts) -> List[str]:
    """What is not as it was, a phrase each; unknown is no difference."""
    before = kept.heading
    pairs: List[Tuple[str, Any, Any]] = [("agent", before.agent_id, agent_id())]
    may_differ = THROTTLED if kept.results.sustained_windows else ()
    names = [(name, words) for name, words in CONDITIONS if name not in may_differ]
    pairs += [(words, getattr(before.facts, name), getattr(facts, name)) for name, words in names]
    for name in ("packages", "runners"):
        old, new = getattr(before.facts, name), getattr(facts, name)
        pairs += [(key, old[key], new.get(key, "missing")) for key in sorted(old)]
    pairs.append(("power sensors", _sensors(before.facts), _sensors(facts)))
    found = ["{} {} became {}".format(words, old, new) for words, old, new in pairs if old and new and old != new]
    return found if before.job_sha256 == job_sha256 else [*found, "the job's own file was changed"]


def taken(kept: Results, fresh: Results) -> Results:
    """What was kept, with those networks anew that were not finished in their own process."""
    whole = [name for name in kept.isolated if name in kept.networks]
    kept.networks = {name: kept.networks[name] if name in whole else new for name, new in fresh.networks.items()}
    return kept


def interruption(kept: KeptResults, boot_id: Optional[str], cut_by: str) -> JobInterruption:
    """Where the job was cut off, now that it goes on."""
    changed = None if kept.boot_id is None or boot_id is None else kept.boot_id != boot_id
    return JobInterruption(
        t_s=kept.t_s,
        rounds=kept.results.rounds,
        blocks=len(kept.results.blocks),
        stopped_at=kept.at,
        resumed_at=now_text(),
        boot_changed=changed,
        reason=RESTARTED if changed else cut_by,
    )


def worse(first: ClockLock, second: ClockLock) -> ClockLock:
    """Of the clocks' locks of two sessions the one that held less."""
    return first if first.requested and not first.locked else second


def _sensors(facts: Facts) -> List[str]:
    return sorted(name for name, found in facts.power_sources.items() if found == AVAILABLE)
