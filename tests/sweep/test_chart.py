"""The sweep's chart: each unit has a colour of its own."""

from sis_edge.registries import GRANULARITIES
from sis_edge.report.charts.base import COLOURS


def test_a_colour_for_each_unit_and_blocks_of_two_widths() -> None:
    assert len(set(COLOURS)) == len(COLOURS) >= len(GRANULARITIES) + 1
