"""Rules on what else went on: other programs, other machines on the same hardware, memory."""

from collections.abc import Iterator
from statistics import fmean

from sis_edge.results.evidence import Evidence, known
from sis_edge.results.rules.base import Reason
from sis_edge.results.sampling import cost
from sis_edge.text.limits import with_limit

# Busy cores on average. Where turns do not show whether another program took their core, all of it may have been there.
OTHER_CORES, OTHER_CORES_UNSEEN = 0.25, 0.10
# Cores that others took although the job needs them, as a share of its threads: a latency may be off by so much.
TAKEN_SUSPECT, TAKEN_INVALID = 0.05, 0.10
OTHER_BURST_CORES, OTHER_BURST_SHARE = 0.50, 0.05  # busy cores in one state, and the share of such states
STEAL_SUSPECT, STEAL_INVALID = 0.02, 0.10
SWAP_SUSPECT_BYTES, SWAP_INVALID_BYTES = 1 << 20, 64 << 20
PRESSURE_SUSPECT, PRESSURE_INVALID = 0.01, 0.10
MEMORY_FREE_SHARE = 0.05
SAMPLING_GOAL = 0.005  # of latency


def other_processes(evidence: Evidence) -> Iterator[Reason]:
    """Other programs worked while measuring: on average, in bursts, or on cores that the job needed."""
    others, job = evidence.other_cores, evidence.record.job
    if not others:
        return
    mean, bursts = fmean(others), sum(cores > OTHER_BURST_CORES for cores in others)
    taken = 0.0
    if evidence.shared_cores is not None:
        taken = fmean(max(0.0, cores + job.threads - evidence.shared_cores) for cores in others) / max(1, job.threads)
    limit = OTHER_CORES if evidence.sees_interference else OTHER_CORES_UNSEEN
    seldom = mean <= limit and bursts <= max(1, OTHER_BURST_SHARE * len(others))
    if seldom and taken <= TAKEN_SUSPECT:
        return
    where = "of the cores that the job may use " if evidence.watches_usable else ""
    yield Reason(
        "other-processes",
        "INVALID" if taken > TAKEN_INVALID else "SUSPECT",
        f"other programs kept {mean:.2f} cores {where}busy on average and {max(others):.2f} at most"
        f"{' and took them from the job' if taken > TAKEN_SUSPECT else ''}; end them (see `top` on the board), then "
        "measure again",
    )


def threads(evidence: Evidence) -> Iterator[Reason]:
    """The job's own threads had to share cores, or a quota that stops them all when it is used up."""
    job, facts = evidence.record.job, evidence.record.facts_before
    cores = len(evidence.usable) or evidence.cores
    if cores and job.threads > cores:
        yield Reason(
            "too-many-threads",
            "SUSPECT",
            f"the runtime had {job.threads} threads on {cores} core{'s' if cores > 1 else ''}; give it fewer threads",
        )
    if facts.cpu_quota_cores is not None and job.threads > facts.cpu_quota_cores:
        yield Reason(
            "cpu-quota",
            "INVALID",
            f"the control group grants {facts.cpu_quota_cores:g} cores and the runtime has {job.threads} threads: it "
            "is stopped whenever the quota is used up; raise the quota (docker: --cpus), or use fewer threads",
        )


def steal(evidence: Evidence) -> Iterator[Reason]:
    """Other virtual machines took time from this one."""
    shares = known([state.steal for state in evidence.during])
    if shares and (mean := fmean(shares)) > STEAL_SUSPECT:
        yield Reason(
            "steal",
            "INVALID" if mean > STEAL_INVALID else "SUSPECT",
            f"the hypervisor gave {mean:.1%} of the cores' time to other machines; measure on hardware of your own",
        )


def sampling(evidence: Evidence) -> Iterator[Reason]:
    """Reading sensors and state slowed the networks down, beyond doubt and by more than the goal."""
    bounds = cost(evidence.record).interval
    if bounds and bounds.low > 1 + SAMPLING_GOAL:
        slower, allowed = with_limit(bounds.low - 1, SAMPLING_GOAL, ".1%")
        yield Reason(
            "sampling",
            "SUSPECT",
            f"with sensors and state being read, latencies were at least {slower} longer than without "
            f"({allowed} is allowed): the board is too slow to be watched so closely",
        )


def memory(evidence: Evidence) -> Iterator[Reason]:
    """Memory was short: pages went to swap, programs waited for memory, or hardly any was left."""
    states = evidence.record.states
    used = known([state.swap_used_bytes for state in states])
    if used and (grown := max(used) - used[0]) > SWAP_SUSPECT_BYTES:
        yield Reason(
            "swap",
            "INVALID" if grown > SWAP_INVALID_BYTES else "SUSPECT",
            f"the board swapped out {grown / 1e6:.1f} MB during the run; free memory on it",
        )
    pressure = known([state.memory_pressure for state in evidence.during])
    if pressure and (mean := fmean(pressure)) > PRESSURE_SUSPECT:
        yield Reason(
            "memory-pressure",
            "INVALID" if mean > PRESSURE_INVALID else "SUSPECT",
            f"programs waited for memory {mean:.1%} of the time; free memory on the board",
        )
    total = evidence.record.facts_before.memory_total_bytes
    free = known([state.memory_available_bytes for state in evidence.during])
    if total and free and min(free) < MEMORY_FREE_SHARE * total:
        yield Reason(
            "memory-pressure", "SUSPECT", f"only {min(free) / 1e6:.0f} MB of memory were left; free memory on the board"
        )
