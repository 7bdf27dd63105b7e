"""Seconds of nodes under a profiler, sorted by layers."""

import pytest

from sis_edge.native import nodes
from sis_edge.native.nodes import Nodes

OPERATORS = (
    *("Conv", "ReorderOutput", "FusedConv", "Relu", "ReorderInput", "Conv", "MaxPool"),
    *("ReorderOutput", "GlobalAveragePool", "Flatten"),
)
OWN_S = (100e-6, 10e-6, 50e-6, 5e-6, 7e-6, 30e-6, 9e-6, 2e-6, 1e-6, 1e-6)


def profiled(added_s: float, faster: float = 1.0) -> tuple[Nodes, float]:
    """A network's nodes, and the seconds of its run: 12 us beside its layers."""
    own_s = [seconds / faster for seconds in OWN_S]
    return Nodes(OPERATORS, [seconds + added_s for seconds in own_s]), sum(own_s[:-2]) + 12e-6


def test_what_stands_before_a_convolution_is_its_and_what_stands_behind_too() -> None:
    found = nodes.of_layers(profiled(3e-6)[0], 3e-6)
    assert found == [pytest.approx(pair) for pair in ((100e-6, 0.0), (65e-6, 0.0), (37e-6, 9e-6))]


def test_what_the_profiler_adds_is_what_a_run_without_it_lacks() -> None:
    assert nodes.added([profiled(4e-6)], 12e-6) == pytest.approx(4e-6)
    assert nodes.added([profiled(4e-6), profiled(2e-6, 2.0)], 12e-6) == pytest.approx(3e-6)


def test_a_profiler_takes_nothing_away() -> None:
    assert nodes.added([profiled(-4e-6)], 12e-6) == 0.0
