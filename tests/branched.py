"""Networks with branches: one that has everything, and random ones."""

import numpy as np

from sis_edge.spec import LayerSpec, NetworkSpec

BRANCHED = NetworkSpec(
    "branched",
    channels=3,
    side=13,
    layers=(
        LayerSpec("stem", "CL", 3, 8, 3, 13),
        LayerSpec("a1", "CL", 8, 8, 3, 13),
        LayerSpec("a2", "CL", 8, 8, 3, 13, adds="stem"),
        LayerSpec("depth", "CL", 8, 8, 3, 13, groups=8, stride=2, activation="relu6"),
        LayerSpec("point", "MP", 8, 12, 1, 7, activation="none", adds="a2"),
        LayerSpec("group", "CL", 12, 12, 3, 7, groups=2, pool=2, pooling="average", has_norm=False),
        LayerSpec("wide", "CL", 12, 10, 3, 3, padding=0),
        LayerSpec("fc", "MP", 10, 4, 1, 1, is_class_layer=True, global_pool=True),
    ),
)
"""A residual, a shortcut of option A, a depthwise layer, groups, both poolings and a linear layer, at an odd side."""


def random_network(seed: int) -> NetworkSpec:
    """Some eight layers that read and add whatever fits."""
    numbers = np.random.default_rng(seed)
    pick = numbers.choice
    layers: list[LayerSpec] = []
    for number in range(int(numbers.integers(3, 9))):
        read = layers[int(pick([-1, -1, numbers.integers(len(layers))]))] if layers else None
        inputs, side = (3, 8) if read is None else (read.filters, read.out_side)
        divisors = [groups for groups in (1, 2, 3, inputs) if inputs % groups == 0]
        groups = int(pick([1, *divisors]))
        filters = (
            groups * int(pick([1, 2])) if groups == inputs > 1 else groups * int(numbers.integers(1, 12 // groups + 1))
        )
        kernel = int(pick([1, 3]))
        layer = LayerSpec(
            f"L{number}",
            "CL" if kernel > 1 else "MP",
            inputs,
            filters,
            kernel,
            side,
            pool=int(pick([1, 1, 2])) if side > 2 else 1,
            stride=int(pick([1, 1, 2])) if side > 4 else 1,
            groups=groups,
            has_norm=bool(pick([True, True, False])),
            activation=pick(["relu", "relu6", "none"]).item(),
            pooling=pick(["max", "average"]).item(),
            source=None if read is None or read is layers[-1] else read.name,
        )
        summands = [
            other.name
            for other in layers
            if other.filters <= filters and layer.conv_side in (other.out_side, -(-other.out_side // 2))
        ]
        adds = str(pick(summands)) if summands and pick([True, False]) else None
        windows = (
            {"pool_kernel": 3, "pool_padding": 1} if layer.pool > 1 and layer.pooling == "max" and seed % 2 else {}
        )
        layers.append(LayerSpec(**{**vars(layer), "adds": adds, **windows}))
    last = layers[-1]
    classes = LayerSpec("fc", "MP", last.filters, 4, 1, 1, is_class_layer=True, global_pool=True)
    return NetworkSpec(f"random{seed}", 3, 8, (*layers, classes))
