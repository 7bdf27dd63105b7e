"""Accuracy over synapses: what a structure costs in memory, and what it reaches."""

from collections.abc import Sequence

from sis_edge.report.charts import Chart
from sis_edge.report.charts.drawing import MUTED, SERIES, SHAPES
from sis_edge.report.charts.scatter import Axis, Dot, Scatter
from sis_edge.results.statistics import Interval
from sis_edge.sweep.summary import Line

TITLE = "Accuracy against synapses"


def accuracy_synapses(lines: Sequence[Line], subtitle: str) -> Chart | None:
    """The chart, or None where there is no line."""
    if not lines:
        return None
    units = list(dict.fromkeys(line.structure.formation.units for line in lines))
    laws = list(dict.fromkeys(line.structure.formation.distribution for line in lines))
    dots: list[Dot] = []
    for line in lines:
        formation = line.structure.formation
        colour, shape = (
            SERIES[units.index(formation.units) % len(SERIES)],
            SHAPES[laws.index(formation.distribution) % len(SHAPES)],
        )
        dots += [_seed(line, accuracy, colour, shape) for accuracy in line.accuracies if len(line.accuracies) > 1]
        dots.append(_mean(line, colour, shape))
    kinds = [("circle", colour, unit) for unit, colour in zip(units, SERIES, strict=False)]
    kinds += [(shape, MUTED, law) for law, shape in zip(laws, SHAPES, strict=False) if len(laws) > 1]
    words = "; ".join(f"{line.structure.name} {_words(line)}" for line in lines)
    axes = Axis("Synapses", is_log=True), Axis("Accuracy on held-out images (%)")
    return Chart(
        name="accuracy-synapses",
        title=TITLE,
        subtitle=subtitle,
        caption="Large: the mean over seeds. Small: each seed. Colours are the units of convolutional layers"
        f"{', shapes are distributions' if len(laws) > 1 else ''}.",
        alt=f"Scatter chart: {words}.",
        draw=Scatter(dots, *axes, kinds=kinds).draw,
    )


def _words(line: Line) -> str:
    return f"{line.synapses:,.0f} synapses {100 * line.accuracy:.2f}%"


def _mean(line: Line, colour: str, shape: str) -> Dot:
    interval = Interval(100 * min(line.accuracies), 100 * max(line.accuracies))
    structure = line.structure  # its unit and its law are its colour and its shape
    name = ", ".join(filter(None, (structure.budget, structure.besides)))
    tip = f"{structure.name}: {_words(line)}"
    return Dot(name, line.synapses, 100 * line.accuracy, tip, colour, y_interval=interval, shape=shape)


def _seed(line: Line, accuracy: float, colour: str, shape: str) -> Dot:
    tip = f"{line.structure.name}: {100 * accuracy:.2f}% with one seed"
    return Dot("", line.synapses, 100 * accuracy, tip, colour, shape=shape, size=2.0)
