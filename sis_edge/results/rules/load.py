"""Rules on what else went on: other programs, other machines on the same hardware, memory."""

from collections.abc import Iterator
from statistics import fmean

from sis_edge.results.evidence import Evidence, known
from sis_edge.results.rules.base import Reason
from sis_edge.results.sampling import cost
from sis_edge.text.limits import with_limit

OTHER_CORES = 0.25  # busy cores on average
OTHER_BURST_CORES, OTHER_BURST_SHARE = 0.50, 0.05  # busy cores in one state, and the share of such states
STEAL_SUSPECT, STEAL_INVALID = 0.02, 0.10
SWAP_SUSPECT_BYTES, SWAP_INVALID_BYTES = 1 << 20, 64 << 20
PRESSURE_SUSPECT, PRESSURE_INVALID = 0.01, 0.10
MEMORY_FREE_SHARE = 0.05
SAMPLING_GOAL = 0.005  # of latency


def other_processes(evidence: Evidence) -> Iterator[Reason]:
    """Other programs worked while measuring: on average, or in bursts."""
    others, job = evidence.other_cores, evidence.record.job
    if not others:
        return
    mean, bursts = fmean(others), sum(cores > OTHER_BURST_CORES for cores in others)
    if mean <= OTHER_CORES and bursts <= max(1, OTHER_BURST_SHARE * len(others)):
        return
    crowded = mean > 0.5 and evidence.cores is not None and mean + job.threads > evidence.cores + 0.25
    yield Reason(
        "other-processes",
        "INVALID" if crowded else "SUSPECT",
        f"other programs kept {mean:.2f} cores busy on average and {max(others):.2f} at most"
        f"{' and took them from the job' if crowded else ''}; end them (see `top` on the board), then measure again",
    )


def threads(evidence: Evidence) -> Iterator[Reason]:
    """The job's own threads had to share cores."""
    job = evidence.record.job
    cores = len(job.cores) or evidence.cores
    if cores and job.threads > cores:
        yield Reason(
            "too-many-threads",
            "SUSPECT",
            f"the runtime had {job.threads} threads on {cores} core{'s' if cores > 1 else ''}; give it fewer threads",
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
