"""Latencies as histograms, from several windows together: their percentiles, as far as the sample carries them."""

from collections import Counter
from collections.abc import Iterable

from sis_agent.schema import BUCKET_RATIO, LatencyCounts
from sis_edge.results.statistics import needed


def merged(parts: Iterable[LatencyCounts]) -> LatencyCounts:
    """All latencies of these histograms in one."""
    counts: Counter[int] = Counter()
    known = [part for part in parts if part.buckets]
    for part in known:
        counts.update(dict(zip(part.buckets, part.counts, strict=True)))
    buckets = sorted(counts)
    return LatencyCounts(
        buckets,
        [counts[bucket] for bucket in buckets],
        sum(part.sum_s for part in known),
        min((part.min_s for part in known), default=0.0),
        max((part.max_s for part in known), default=0.0),
    )


def count(histogram: LatencyCounts) -> int:
    """How many latencies it holds."""
    return sum(histogram.counts)


def percentile(histogram: LatencyCounts, percent: int) -> float | None:
    """A percentile [s], off by 0.2% of it at most, or None below `needed(percent)` samples.

    Samples of one bucket are taken as evenly spread over it; never beyond the least and the most that were seen.
    """
    total = count(histogram)
    return None if total < needed(percent) else _quantile(histogram, total, percent / 100)


def middle(histogram: LatencyCounts) -> float | None:
    """The median [s] of however few; None of none."""
    total = count(histogram)
    return _quantile(histogram, total, 0.5) if total else None


def _quantile(histogram: LatencyCounts, total: int, share: float) -> float:
    rank, below = share * total, 0
    for bucket, number in zip(histogram.buckets, histogram.counts, strict=True):
        if below + number >= rank:
            within = (rank - below) / number
            return min(max(float(BUCKET_RATIO ** (bucket + within)), histogram.min_s), histogram.max_s)
        below += number
    return histogram.max_s
