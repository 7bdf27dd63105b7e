"""What sampling cost while networks ran: its processor time, and an A/A test with the sampler and without."""

from dataclasses import dataclass, replace
from math import exp, log
from statistics import fmean

from sis_agent.schema import Record
from sis_edge.results.statistics import Interval, mean_interval

# The least of pairs that an interval of their mean is given for.
MIN_PAIRS = 6


@dataclass(frozen=True)
class SamplerCost:
    """`cpu_share` of one core; `slowdown` is latency with the sampler over latency without, with a 95% interval.

    `reason` says why a number is None.
    """

    cpu_share: float | None = None
    slowdown: float | None = None
    interval: Interval | None = None
    network: str | None = None
    pairs: int = 0
    reason: str | None = None


def cost(record: Record) -> SamplerCost:
    """What sampling cost in one run.

    The sampler works now and then, so most inferences do not meet it and a median would not show it: a pair's ratio is
    that of the two turns' mean latencies. The slowdown is the geometric mean of the ratios, with Student's t interval.
    """
    sampling = record.sampling
    found = SamplerCost(reason=sampling.reason)
    if sampling.cpu_s is not None and sampling.wall_s:
        found = replace(found, cpu_share=sampling.cpu_s / sampling.wall_s)
    turns = [(pair.with_latencies_s, pair.without_latencies_s) for pair in sampling.pairs]
    logs = [log(fmean(one) / fmean(other)) for one, other in turns if one and other and min(*one, *other) > 0]
    if not logs:
        asked = "the job did not get that far" if record.job.sampler_pairs else "the job asked for no turns without it"
        return replace(found, reason=sampling.reason or asked)
    found = replace(found, slowdown=exp(fmean(logs)), network=sampling.pairs[0].network, pairs=len(logs))
    if len(logs) < MIN_PAIRS:
        return replace(found, reason=f"an interval needs {MIN_PAIRS} pairs of turns, there are {len(logs)}")
    bounds = mean_interval(logs)
    return replace(found, interval=Interval(exp(bounds.low), exp(bounds.high)))
