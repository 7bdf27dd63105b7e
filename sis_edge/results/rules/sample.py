"""Rules on the sample: is there enough of it, and was the board at rest and even while it was taken?"""

from collections.abc import Iterator

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.identity import label
from sis_edge.results.evidence import Evidence, samples
from sis_edge.results.rules.base import Reason
from sis_edge.results.statistics import MIN_ROUNDS, needed

FULL_ROUNDS = 30
SLOW_ROUND = 1.10  # times the best quarter's latency
SLOW_SUSPECT, SLOW_INVALID = 0.10, 0.50  # shares of the rounds: with more than half, the board has no usual speed


def ended_early(evidence: Evidence) -> Iterator[Reason]:
    """The job did not come to its end."""
    if evidence.record.problem is not None:
        yield Reason("ended-early", "SUSPECT", f"the job ended early: {evidence.record.problem.message}")


def too_few(evidence: Evidence) -> Iterator[Reason]:
    """The sample carries no p90 or no interval, or is smaller than what was asked for."""
    job = evidence.record.job
    if not evidence.measured:
        yield Reason("too-few-samples", "INVALID", "no network has a latency: there is nothing to judge")
        return
    few = min(evidence.measured, key=samples)
    count, rounds = samples(few), min(_rounds(network) for network in evidence.measured)
    wanted = job.min_inferences if evidence.record.ended_by != "target_ci" else 0
    if count < needed(90) or rounds < MIN_ROUNDS:
        yield Reason(
            "too-few-samples",
            "INVALID",
            f"{_label(few)} has {count} inferences in {_rounds(few)} rounds: p90 needs {needed(90)}, "
            f"an interval {MIN_ROUNDS} rounds; measure longer",
        )
    elif rounds < FULL_ROUNDS or count < wanted:
        yield Reason(
            "too-few-samples",
            "SUSPECT",
            f"{_label(few)} has {count} inferences, and there were {rounds} rounds: "
            f"{max(wanted, needed(90))} and {FULL_ROUNDS} are required; measure longer",
        )


def warmup(evidence: Evidence) -> Iterator[Reason]:
    """A network was measured before it ran steadily."""
    names = [_label(network) for network in evidence.measured if network.warmup_steady is False]
    if names:
        yield Reason(
            "unsteady-warm-up",
            "SUSPECT",
            f"the warm-up of {', '.join(names)} ended before latencies were steady; let the board come to rest, "
            "or raise warmup_s in the profile",
        )


def uneven(evidence: Evidence) -> Iterator[Reason]:
    """The board as a whole was slow in more than a few rounds."""
    slow = [factor for factor in evidence.slowness if factor > SLOW_ROUND]
    if len(slow) > SLOW_SUSPECT * len(evidence.slowness):
        yield Reason(
            "uneven-speed",
            "INVALID" if len(slow) > SLOW_INVALID * len(evidence.slowness) else "SUSPECT",
            f"in {len(slow)} of {len(evidence.slowness)} rounds the networks were slower than in the best quarter, "
            f"by up to {max(slow) - 1:.0%}: the board changed its speed",
        )


def no_states(evidence: Evidence) -> Iterator[Reason]:
    """Nothing was recorded of the board while it measured."""
    if evidence.measured and not evidence.during:
        yield Reason(
            "no-states", "SUSPECT", "the board's state was not recorded while measuring: nothing shows it was quiet"
        )


def _rounds(network: NetworkRecord) -> int:
    return sum(bool(turn.latencies_s) for turn in network.rounds)


def _label(network: NetworkRecord) -> str:
    """As reports show it; older records have another name for it."""
    return label(network.network or network.name, network.form, network.precision)
