"""Rules on the board's clocks: against the profile, the hardware's own maximum, and the run's own best."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sis_agent.schema import Record
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules.base import Level, Reason
from sis_edge.text.limits import with_limit

# Clocks: within 5% of what is expected, or 10% of the run's own best where nothing is expected (turbo clocks vary).
EXPECTED_SHARE, OWN_BEST_SHARE = 0.95, 0.90
# Of a PC's turbo clock one busy core holds most, and all cores at once the less the more of them there are: makers'
# tables go down to 0.6 of it.
TURBO_SHARE, TURBO_OF_MANY_SHARE = 0.85, 0.60
LOW_SUSPECT, LOW_INVALID = 0.05, 0.50  # shares of the states with a low clock


@dataclass(frozen=True)
class Expected:
    """A clock that the board should have: how much of it is enough, and who says so."""

    hertz: float
    share: float
    source: str
    worst: Level = "INVALID"


def clocks(evidence: Evidence) -> Iterator[Reason]:
    """The clock of the cores in use, or of the working GPU, was low in more than a few states."""
    yield from _low("CPU", "cpu-clock", evidence.cpu_hz, _expected_cpu(evidence.record))
    yield from _low("GPU", "gpu-clock", evidence.gpu_hz, _expected_gpu(evidence.record))


def lock(evidence: Evidence) -> Iterator[Reason]:
    """Locked clocks were asked for and not had."""
    found = evidence.record.clock_lock
    if found.requested and not found.locked:
        why = found.reason or "the agent does not say why"
        yield Reason("clocks-not-locked", "SUSPECT", f"locked clocks were asked for and not had: {why}")


def governor(evidence: Evidence) -> Iterator[Reason]:
    """What chooses the clocks was changed while measuring."""
    names = list(dict.fromkeys(state.governor for state in evidence.during if state.governor))
    if len(names) > 1:
        yield Reason(
            "governor",
            "SUSPECT",
            f"the CPU's governor changed while measuring: {', '.join(names)}; set one and measure again",
        )


def _expected_cpu(record: Record) -> Expected | None:
    """That of the profile or its power mode, else the hardware's maximum; a PC's is a turbo clock."""
    job, facts = record.job, record.facts_before
    if job.expected_cpu_hz:
        return _of_profile(record, job.expected_cpu_hz)
    if not facts.cpu_max_frequency_hz:
        return None
    if not _is_pc(record):
        return Expected(facts.cpu_max_frequency_hz, EXPECTED_SHARE, "that its cores can have")
    alone = job.threads == 1 and not job.cores  # pinned, it may be on a core that is slower than others
    share = TURBO_SHARE if alone else TURBO_OF_MANY_SHARE
    return Expected(facts.cpu_max_frequency_hz, share, "of its turbo clock", "SUSPECT")


def _expected_gpu(record: Record) -> Expected | None:
    """As the CPU's. What the GPU of a job on the CPU does is no rule's business, unless the profile has a clock."""
    job, facts = record.job, record.facts_before
    if job.expected_gpu_hz:
        return _of_profile(record, job.expected_gpu_hz)
    if not facts.gpu_max_frequency_hz or not job.on_gpu:
        return None
    if _is_pc(record):
        return Expected(facts.gpu_max_frequency_hz, TURBO_SHARE, "of its boost clock", "SUSPECT")
    return Expected(facts.gpu_max_frequency_hz, EXPECTED_SHARE, "that it can have")


def _of_profile(record: Record, hertz: float) -> Expected:
    mode = record.job.expected_power_mode
    return Expected(hertz, EXPECTED_SHARE, f"expected{f' in power mode {mode}' if mode else ''}")


def _is_pc(record: Record) -> bool:
    return record.facts_before.machine == "x86_64"


def _low(what: str, code: str, clocks_hz: Sequence[float], expected: Expected | None) -> Iterator[Reason]:
    """The gravest reason: a turbo clock that nobody holds is no proof of a steady one."""
    if not clocks_hz:
        return
    own_best = Expected(max(clocks_hz), OWN_BEST_SHARE, "that were its best", "INVALID")
    every = [own_best] if expected is None else [expected] if expected.worst == "INVALID" else [own_best, expected]
    reasons = [reason for each in every if (reason := _below(what, code, clocks_hz, each)) is not None]
    yield from sorted(reasons, key=lambda reason: reason.level != "INVALID")[:1]


def _below(what: str, code: str, clocks_hz: Sequence[float], expected: Expected) -> Reason | None:
    limit_hz = expected.share * expected.hertz
    low = [hertz for hertz in clocks_hz if hertz < limit_hz]
    share = len(low) / len(clocks_hz)
    if share <= LOW_SUSPECT:
        return None
    lowest, limit = with_limit(min(low) / 1e9, limit_hz / 1e9, ".2f")
    return Reason(
        code,
        expected.worst if share > LOW_INVALID else "SUSPECT",
        f"the {what}'s clock was below {limit} GHz, {expected.share:.0%} of the {expected.hertz / 1e9:.2f} GHz "
        f"{expected.source}, in {len(low)} of {len(clocks_hz)} samples, and fell to {lowest} GHz; cool the board, look "
        "at its supply, or lock the clocks",
    )
