"""Peak resident memory of a fresh process that loads the network and runs it."""

from math import expm1
from statistics import median

from sis_edge.results.changes.change import Compared, Metric, MetricChange
from sis_edge.results.changes.independent import log_ratio
from sis_edge.results.statistics import Interval


def change(base: Compared, candidate: Compared) -> MetricChange | str:
    """The change of the peak [B], over the fresh processes of each network."""
    peaks = []
    for each in (base, candidate):
        memory = each.record.memory
        if memory is None or memory.peak_rss_bytes is None:
            return (memory.reason if memory else None) or "the board did not report it"
        peaks.append([float(peak) for peak in memory.repeats_peak_rss_bytes or [memory.peak_rss_bytes] if peak > 0])
    if not all(peaks):
        return "the board reported a peak of 0"
    fewer = min(map(len, peaks))
    ratio, interval = log_ratio(*peaks)
    return MetricChange(
        base=median(peaks[0]),
        candidate=median(peaks[1]),
        estimate=expm1(ratio),
        interval=None if interval is None else Interval(expm1(interval.low), expm1(interval.high)),
        samples=fewer,
        sampled="fresh processes for memory",
        reason=None if interval else "two fresh processes for memory (measuring.memory_repeats in the profile)",
    )


METRIC = Metric("memory", "peak memory", "B", change)
