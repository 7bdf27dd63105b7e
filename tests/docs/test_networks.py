"""The tables of networks are what formation and the zoo say."""

import re
import statistics

import pytest

from sis_edge import zoo
from sis_edge.formation import PRESETS, form
from sis_edge.spec import nin
from sis_edge.zoo.drops import drop_from, drop_from_dense
from sis_edge.zoo.entry import named

from .site import text

PAGE = text("docs/explanation/networks.md")


@pytest.mark.parametrize("name", PRESETS)
def test_the_paper_s(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|( [\d.]+, [\d.]+ \|.*)\|$", PAGE, re.MULTILINE)
    cells = [cell.strip() for cell in row.split("|")]
    graph, preset = form(nin(), PRESETS[name].formation()), PRESETS[name]
    assert cells[0] == f"{preset.t_c:g}, {preset.t_p:g}"
    assert cells[1:4] == [f"{n:,}" for n in (graph.conv_synapses, graph.micro_synapses, graph.synapse_count)]
    assert float(cells[4]) == pytest.approx(graph.architectural_efficiency, abs=0.005)
    assert float(cells[5]) == pytest.approx(graph.mac_ratio, abs=0.005)
    assert all(f"{accuracy:.4f}" in cells[6] for accuracy in preset.paper_accuracy.values())


def test_the_zoo_s() -> None:
    entries = zoo.entries()
    for entry in entries:
        behind = drop_from_dense(entry, entries).estimate.value
        drop = "-" if behind is None else f"{100 * behind:.2f} points"
        row = rf"^\| `{entry.name}` \| {entry.synapses:,} \| [^|]+ \| {entry.accuracy:.4f} \| {drop} \|"
        assert len(re.findall(row, PAGE, re.MULTILINE)) == 1, entry.name
        if entry.repeats:
            mean, ends = statistics.mean(entry.accuracies), (min(entry.accuracies), max(entry.accuracies))
            assert f"`{entry.name}` {mean:.4f} in the mean ({ends[0]:.4f} to {ends[1]:.4f})" in " ".join(PAGE.split())


def test_the_same_synapses_in_a_residual_network() -> None:
    ours, residual = named("svhn-sis3"), named("resnet20-sis-82k")
    assert (ours.synapses, ours.recipe, ours.seed) == (residual.synapses, residual.recipe, residual.seed)
    drop = drop_from(residual, ours)
    assert drop.is_paired.value is True
    points, interval = drop.estimate.value, drop.interval.value
    assert points is not None
    assert interval is not None
    said = f"{100 * points:+.2f} points ({100 * interval.low:.2f} to {100 * interval.high:.2f}, paired"
    assert said in " ".join(PAGE.split())
