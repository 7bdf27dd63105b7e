"""The sweep's chart: each unit has a colour of its own, each seed a small point, each mean a large one with a name."""

import xml.etree.ElementTree as ET

from sis_edge.formation import Formation
from sis_edge.registries import GRANULARITIES
from sis_edge.report.charts import svg
from sis_edge.report.charts.drawing import SERIES
from sis_edge.sweep.chart import accuracy_synapses
from sis_edge.sweep.plan import Structure
from sis_edge.sweep.summary import Line

SPACE = "{http://www.w3.org/2000/svg}"


def test_a_colour_for_each_unit_and_blocks_of_two_widths() -> None:
    assert len(set(SERIES)) == len(SERIES) >= len(GRANULARITIES) + 1


def line(name: str, unit: str, synapses: int, *accuracies: float, law: str = "uniform") -> Line:
    structure = Structure(name, Formation(t_c=0.5, t_p=0.5, conv=unit, distribution=law))
    mean = sum(accuracies) / len(accuracies)
    return Line(structure, tuple(range(len(accuracies))), synapses, 1e6, accuracies, mean, None, 0.0, 0.0, False)


def test_means_and_seeds_are_drawn_by_unit_and_by_law() -> None:
    lines = [line("one", "kernel", 200_000, 0.80, 0.84), line("two", "neuron", 100_000, 0.7, law="erk")]
    chart = accuracy_synapses(lines, "a sweep")
    assert chart is not None
    root = ET.fromstring(svg(chart))
    words = [element.text for element in root.iter(f"{SPACE}text")]
    assert {"one", "two", "kernel", "neuron", "uniform", "erk", "a sweep", "Synapses, log scale"} <= set(words)
    points = [element for element in root.iter() if element.find(f"{SPACE}title") is not None and element is not root]
    tips = [element.find(f"{SPACE}title").text for element in points]
    assert tips == [
        "one, kernel, uniform: 80.00% with one seed",
        "one, kernel, uniform: 84.00% with one seed",
        "one, kernel, uniform: 200,000 synapses 82.00%",
        "two, neuron, erk: 100,000 synapses 70.00%",
    ]
    assert len({element.get("fill") for element in points[:3]}) == 1 < len({element.get("fill") for element in points})
    seeds, mean = [float(element.get("cy")) for element in points[:2]], float(points[2].get("cy"))
    assert abs(sum(seeds) / 2 - mean) < 0.2
    assert accuracy_synapses([], "nothing") is None
