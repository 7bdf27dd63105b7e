"""The paper's network in other widths: what probes are made of."""

from collections.abc import Sequence
from dataclasses import replace

from sis_edge.spec import LayerSpec, nin


def name_of(layers: Sequence[LayerSpec]) -> str:
    """The widths of a network, as names of probes show them."""
    widths = "-".join(f"{layer.filters}k{layer.kernel}" for layer in layers)
    return f"{layers[0].inputs}-{widths}s{layers[0].map_side}"


def of_widths(*filters: int) -> tuple[LayerSpec, ...]:
    """NiN with so many filters in its layers but the last."""
    layers, inputs = [], nin().channels
    for layer, width in zip(nin().layers, (*filters, nin().classes), strict=True):
        layers.append(replace(layer, inputs=inputs, filters=width))
        inputs = width
    return tuple(layers)


FULL = of_widths(*(layer.filters for layer in nin().layers[:-1]))
HALF_MICRO = of_widths(192, 80, 48, 192, 96, 96, 192, 80)
QUARTER_MICRO = of_widths(192, 40, 24, 192, 48, 48, 192, 40)
HALF = of_widths(96, 80, 48, 96, 96, 96, 96, 80)
FEWER = of_widths(112, 120, 72, 160, 144, 120, 144, 120)
ODD = of_widths(114, 120, 64, 160, 160, 160, 160, 120)
ODD_MICRO = of_widths(118, 40, 24, 192, 48, 48, 192, 40)
ODD_HALF_MICRO = of_widths(169, 80, 48, 192, 96, 96, 192, 80)
