"""Rules on the watching itself: was the board watched all the time, and did the job run all the time?"""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from sis_edge.results.evidence import Evidence, Stretch, end_s
from sis_edge.results.rules.base import Reason
from sis_edge.text.limits import with_limit

# The agent reads the state every second, and less often where reading costs too much of a slow board's time.
UNWATCHED_S, UNWATCHED_STEPS = 5.0, 5
# Between two turns of one process there is nothing to do. Another process loads and warms up all networks first.
PAUSE_S, PAUSE_STEPS, RESTART_S = 10.0, 10, 300.0
SLEPT_S = 1.0
CLOCK_SET_S = 5.0


def states(evidence: Evidence) -> Iterator[Reason]:
    """The board was watched, and watched to the end: a sampler that died leaves a stretch without states."""
    if not evidence.measured:
        return
    times_s = [state.t_s for state in evidence.during]
    if not times_s:
        yield Reason(
            "no-states", "SUSPECT", "the board's state was not recorded while measuring: nothing shows it was quiet"
        )
        return
    steps_s = [later - earlier for earlier, later in pairwise(times_s)]
    allowed_s = max(UNWATCHED_S, UNWATCHED_STEPS * median(steps_s)) if steps_s else UNWATCHED_S
    unwatched_s = max(_unwatched_s(evidence, stretch) for stretch in evidence.stretches)
    if unwatched_s > allowed_s:
        longest, limit = with_limit(unwatched_s, allowed_s, ".1f")
        yield Reason(
            "not-watched",
            "SUSPECT",
            f"the board's state was not recorded for {longest} s of the measuring (allowed: {limit} s): nothing shows "
            "that it was quiet then; measure again",
        )


def frozen(evidence: Evidence) -> Iterator[Reason]:
    """The job stood still in mid-run: between turns, or while the board slept, which only some clocks count."""
    paused_s = _paused_s(evidence)
    if paused_s is not None:
        yield Reason(
            "frozen",
            "SUSPECT",
            f"nothing was measured for {paused_s:.1f} s between two turns: the job was stopped, or the board was; "
            "measure again",
        )
    slept_s, set_s = _clock_steps(evidence)
    if slept_s > SLEPT_S:
        yield Reason(
            "frozen", "SUSPECT", f"the board slept for {slept_s:.1f} s during the run; keep it awake and measure again"
        )
    elif set_s > CLOCK_SET_S:
        yield Reason(
            "frozen",
            "SUSPECT",
            f"the board's date moved {set_s:.1f} s against its clock during the run: it slept, or the date was set; "
            "measure again",
        )


def _unwatched_s(evidence: Evidence, stretch: Stretch) -> float:
    """The longest part of a stretch without a state."""
    begin_s, end_s = stretch
    inside = [state.t_s for state in evidence.record.states if begin_s < state.t_s < end_s]
    before = any(state.t_s <= begin_s for state in evidence.record.states)
    after = any(state.t_s >= end_s for state in evidence.record.states)
    # A state just outside of the stretch watches its edge as well as one inside.
    edges_s = [begin_s, *inside, end_s]
    return max(later - earlier for earlier, later in pairwise(edges_s)) if inside or not (before and after) else 0.0


def _paused_s(evidence: Evidence) -> float | None:
    """The longest pause between two turns that cannot be the agent's own; None where there is none."""
    turns = [turn for _, turn in evidence.turns]
    pauses = [(later.start_s - end_s(earlier), later.process != earlier.process) for earlier, later in pairwise(turns)]
    if not pauses:
        return None
    usual_s = median(pause_s for pause_s, _ in pauses)
    limit_s = max(PAUSE_S, PAUSE_STEPS * usual_s)
    long = [pause_s for pause_s, restarts in pauses if pause_s > (max(RESTART_S, limit_s) if restarts else limit_s)]
    return max(long, default=None)


def _clock_steps(evidence: Evidence) -> tuple[float, float]:
    """How far the clock that goes on in sleep ran ahead of the job's, and where there is none, how far the date did."""
    slept_s = set_s = 0.0
    for earlier, later in (pair for part in evidence.parts for pair in pairwise(part)):
        step_s = later.t_s - earlier.t_s
        if earlier.boot_clock_s is not None and later.boot_clock_s is not None:
            slept_s = max(slept_s, later.boot_clock_s - earlier.boot_clock_s - step_s)
        elif earlier.wall_clock_s is not None and later.wall_clock_s is not None:
            set_s = max(set_s, abs(later.wall_clock_s - earlier.wall_clock_s - step_s))
    return slept_s, set_s
