"""Rules on the sample: is there enough of it, and was the board at rest while it was taken?"""

from collections.abc import Iterator

from sis_agent.schema import NetworkRecord
from sis_edge.results.evidence import Evidence, samples
from sis_edge.results.rules.base import Reason
from sis_edge.results.statistics import MIN_ROUNDS, needed

FULL_ROUNDS = 30


def ended_early(evidence: Evidence) -> Iterator[Reason]:
    """The job did not come to its end."""
    if evidence.record.problem is not None:
        yield Reason("ended-early", "SUSPECT", f"the job ended early: {evidence.record.problem.message}")


def failed(evidence: Evidence) -> Iterator[Reason]:
    """A network could not be measured, or its process died: what it was measured before is a part of it."""
    for network in evidence.record.networks:
        if network.problem is not None:
            yield Reason(
                "network-failed",
                "SUSPECT",
                f"network {evidence.shown(network)} could not be measured to the end (problem: {network.problem.code})",
            )


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
            f"network {evidence.shown(few)} has {count} inferences in {_rounds(few)} rounds: p90 needs {needed(90)}, "
            f"an interval {MIN_ROUNDS} rounds; measure longer",
        )
    elif rounds < FULL_ROUNDS or count < wanted:
        yield Reason(
            "too-few-samples",
            "SUSPECT",
            f"network {evidence.shown(few)} has {count} inferences, and there were {rounds} rounds: "
            f"{max(wanted, needed(90))} and {FULL_ROUNDS} are required; measure longer",
        )


def warmup(evidence: Evidence) -> Iterator[Reason]:
    """A network was measured before it ran steadily."""
    names = [evidence.shown(network) for network in evidence.measured if network.warmup_steady is False]
    if names:
        yield Reason(
            "unsteady-warm-up",
            "SUSPECT",
            f"the warm-up of {', '.join(names)} ended before latencies were steady; let the board come to rest, "
            "or raise warmup_s in the profile",
        )


def _rounds(network: NetworkRecord) -> int:
    return sum(bool(turn.latencies_s) for turn in network.rounds)
