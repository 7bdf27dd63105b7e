"""The seconds of each layer, from those of the nodes that ONNX Runtime's profiler saw in a run.

The profiler tells whole microseconds and adds some to each node. How many is known from the sum: what all nodes take
together beyond a run without the profiler, best seen in small networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

DOUBT_S = 3e-6
"""By so much what the profiler adds to one node may differ from what it adds to another."""

BESIDE = ("GlobalAveragePool", "Flatten")
"""Nodes of a network that are none of its layers."""


@dataclass(frozen=True)
class Run:
    """A network's run without the profiler, and the operators of its nodes with their seconds under the profiler."""

    whole_s: float
    operators: Sequence[str]
    nodes_s: Sequence[float]

    @property
    def kept(self) -> list[tuple[str, float]]:
        """The nodes that belong to layers."""
        return [
            (operator, seconds)
            for operator, seconds in zip(self.operators, self.nodes_s, strict=True)
            if operator not in BESIDE
        ]


def added(runs: Sequence[Run], rest_s: float) -> float:
    """What the profiler adds to a node; `rest_s` is what a run takes beside its layers.

    The mean over the networks, each weighed as exactly as it can tell: by the square of its speed.
    """
    total, weights = 0.0, 0.0
    for run in runs:
        weight = 1 / run.whole_s**2
        total += weight * (sum(seconds for _, seconds in run.kept) - (run.whole_s - rest_s)) / len(run.kept)
        weights += weight
    return max(0.0, total / weights)


def of_layers(run: Run, added_s: float) -> list[tuple[float, float]]:
    """Of each layer its convolution with the changes of layout before it, and its pooling (0: it has none)."""
    found: list[tuple[float, float]] = []
    waiting_s = 0.0
    for operator, seconds in run.kept:
        own_s = seconds - added_s
        if "Conv" in operator:
            found.append((waiting_s + own_s, 0.0))
            waiting_s = 0.0
        elif "Pool" in operator and found:
            found[-1] = (found[-1][0], found[-1][1] + own_s)
        elif "Relu" in operator and found:
            found[-1] = (found[-1][0] + own_s, found[-1][1])
        else:
            waiting_s += own_s
    return found
