"""Size of the network's file on the board, which is counted and does not vary."""

from sis_edge.results.changes.change import Compared, Metric, MetricChange
from sis_edge.results.statistics import Interval


def change(base: Compared, candidate: Compared) -> MetricChange | str:
    """The change of the file's size [B]."""
    before, after = base.record.model_bytes, candidate.record.model_bytes
    if not before:
        return "the board reported a file of 0 bytes"
    estimate = after / before - 1
    return MetricChange(before, after, estimate, Interval(estimate, estimate), 1, "files")


METRIC = Metric("size", "file size", "B", change, varies=False, on_board=False)
