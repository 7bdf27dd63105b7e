"""The seconds of each layer, from those of the nodes that ONNX Runtime's profiler saw in a run.

The profiler reports whole microseconds and adds some to each node. How many follows from the nodes of a small network,
which take longer together than a run without the profiler.
"""

from collections.abc import Sequence
from dataclasses import dataclass

DOUBT_S = 3e-6
"""How much the time that the profiler adds may differ from node to node."""

NOT_IN_LAYERS = ("GlobalAveragePool", "Flatten")
"""Nodes of a network that belong to none of its layers."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of a run under the profiler."""

    operators: Sequence[str]
    seconds: Sequence[float]

    @property
    def kept(self) -> list[tuple[str, float]]:
        """Those that belong to layers."""
        return [pair for pair in zip(self.operators, self.seconds, strict=True) if pair[0] not in NOT_IN_LAYERS]


def added(networks: Sequence[tuple[Nodes, float]], rest_s: float) -> float:
    """What the profiler adds to a node, from small networks and the seconds of a run of each without it.

    `rest_s` is what a run takes without its layers.
    """
    added_s = [(sum(s for _, s in nodes.kept) - (whole_s - rest_s)) / len(nodes.kept) for nodes, whole_s in networks]
    return max(0.0, sum(added_s) / len(added_s))


def of_layers(nodes: Nodes, added_s: float) -> list[tuple[float, float]]:
    """Of each layer its convolution with the changes of layout before it, and its pooling (0: it has none)."""
    layers: list[tuple[float, float]] = []
    waiting_s = 0.0
    for operator, seconds in nodes.kept:
        own_s = seconds - added_s
        if "Conv" in operator:
            layers.append((waiting_s + own_s, 0.0))
            waiting_s = 0.0
        elif "Pool" in operator and layers:
            layers[-1] = (layers[-1][0], layers[-1][1] + own_s)
        elif "Relu" in operator and layers:
            layers[-1] = (layers[-1][0] + own_s, layers[-1][1])
        else:
            waiting_s += own_s
    return layers
