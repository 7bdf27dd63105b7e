"""What changed from one network to another: latency, energy, memory, accuracy and size, each with its interval.

A change is a share of the base's value, or a difference in points for accuracy; above 0 is worse.
"""

from sis_edge.results.changes import accuracy, energy, latency, memory, size
from sis_edge.results.changes.change import Compared, Metric, MetricChange

__all__ = ["METRICS", "Compared", "Metric", "MetricChange"]

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (latency.METRIC, energy.METRIC, memory.METRIC, accuracy.METRIC, size.METRIC)
}
