"""What other programs took from a turn, and when such a turn is measured again.

A dense inference outlasts a scheduler's slice and meets whatever shares its core; a small one often fits between two
visits of it. So interference does not only slow networks down, it bends their ratio, and no spread of the samples shows
it. What shows it is the time in which the core was somebody else's.

A turn that lost time is thrown away and measured again at once, a few times at most and within a budget for all turns
together. That is fair: the decision looks at lost time alone and never at a latency, every network is under the same
rule, turns are about equally long whatever the network, and the record counts the attempts that were thrown away. An
attempt that lost time holds latencies that are not the network's; one that did not is not chosen for being fast. Where
the last attempt lost time too it is kept, so a board that stays busy ends in time, with a verdict that says so.
"""

from typing import Optional

from sis_agent.schema import Job, RoundSamples

LOST_MOST = 0.005  # share of a turn: half of what makes a run SUSPECT, for a median can shift by twice the share
ATTEMPTS_MOST = 4
BUDGET = 0.25  # time of attempts that are thrown away, as a share of the time of those that are kept


def lost_s(job: Job, turn: RoundSamples) -> Optional[float]:
    """Seconds of a turn in which its core was somebody else's; None where that is unknown.

    With one thread on a CPU, all time that the measuring thread did not compute: other programs, and interrupts where
    the kernel counts them apart. Where that thread sleeps while others work (several threads, a GPU), only the time
    that threads were ready and waited for a core: what the GPU shares with others is not seen by this.
    """
    if job.threads > 1 or job.on_gpu:
        return turn.run_delay_s
    if turn.wall_s is None or turn.cpu_s is None:
        return turn.run_delay_s
    return max(turn.wall_s - turn.cpu_s, turn.run_delay_s or 0.0, 0.0)


def lost_share(job: Job, turn: RoundSamples) -> Optional[float]:
    """The same as a share of the turn."""
    lost = lost_s(job, turn)
    return lost / turn.wall_s if lost is not None and turn.wall_s else None


class RepeatRule:
    """Which turns are measured again; `again` is asked after every attempt."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._kept_s = 0.0
        self._thrown_s = 0.0

    def again(self, turn: RoundSamples) -> bool:
        """Whether this attempt is thrown away; `turn.preempted` counts those before it."""
        share, wall_s = lost_share(self._job, turn), turn.wall_s or 0.0
        lost = share is not None and share > LOST_MOST
        if lost and turn.preempted + 1 < ATTEMPTS_MOST and self._thrown_s + wall_s <= BUDGET * self._kept_s:
            self._thrown_s += wall_s
            return True
        self._kept_s += wall_s
        return False

    def take(self, turn: RoundSamples) -> None:
        """Count a turn of an earlier process; the attempts before it took about as long as the one that was kept."""
        wall_s = turn.wall_s or 0.0
        self._kept_s += wall_s
        self._thrown_s += turn.preempted * wall_s
