"""Accuracy against synapses and against multiply-accumulates: ours by structure, the paper's, what others published."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sis_edge.report.charts import Chart
from sis_edge.report.charts.drawing import MUTED, SERIES, SHAPES
from sis_edge.report.charts.scatter import Axis, Dot, Scatter
from sis_edge.zoo.by_size import SizedFigure


@dataclass(frozen=True)
class Size:
    """What accuracy is drawn over; `of` is a figure's size, None where it is not known."""

    name: str
    title: str
    axis: str
    unit: str
    of: Callable[[SizedFigure], int | None]


SYNAPSES = Size(
    "accuracy-synapses",
    "Accuracy against synapses",
    "Synapses (others: parameters)",
    "synapses",
    lambda figure: figure.synapses,
)
MACS = Size(
    "accuracy-macs",
    "Accuracy against multiply-accumulates",
    "Multiply-accumulates per image",
    "MACs",
    lambda figure: figure.macs,
)


def accuracy_over(size: Size, figures: Sequence[SizedFigure], subtitle: str) -> Chart | None:
    """The chart, or None where nothing was measured here."""
    if all(figure.whose != "ours" for figure in figures):
        return None
    points = [(figure, at) for figure in figures if not figure.is_target and (at := size.of(figure)) is not None]
    whose = {figure.whose for figure, _ in points}
    said = ["Ours on the test images, by structure (CL / MP, law)"]
    said += ["what the paper reports for the same counts"] if "the paper" in whose else []
    said += ["what others published, trained otherwise (sources in the table)"] if "others" in whose else []
    words = "; ".join(f"{figure.network} ({figure.series}) {_words(size, figure, at)}" for figure, at in points)
    return Chart(
        name=size.name,
        title=size.title,
        subtitle=subtitle,
        caption=f"{', and '.join(said)}.",
        alt=f"Scatter chart: {words}.",
        draw=_scatter(size, points).draw,
    )


def _words(size: Size, figure: SizedFigure, at: int) -> str:
    return f"{at:,} {size.unit} {100 * figure.accuracy:.2f}%"


def _scatter(size: Size, points: Sequence[tuple[SizedFigure, int]]) -> Scatter:
    series = list(dict.fromkeys(figure.series for figure, _ in points))
    drawn = [name for name in series if name != "others"]
    looks = {name: (SHAPES[at % len(SHAPES)], SERIES[at % len(SERIES)]) for at, name in enumerate(drawn)}
    looks["others"] = (SHAPES[0], MUTED)
    # One name for each size, in the first series: those of all would lie on each other.
    named: set[int] = set()
    dots = []
    for figure, at in points:
        is_first = figure.series == series[0] and at not in named
        named |= {at} if is_first else set()
        shape, colour = looks[figure.series]
        is_quoted = figure.whose == "others"
        label = figure.network if is_first or is_quoted else ""
        tip = f"{figure.network} ({figure.series}): {_words(size, figure, at)}"
        dots.append(Dot(label, at, 100 * figure.accuracy, tip, colour, shape=shape, is_hollow=is_quoted))
    kinds = [(*looks[name], name) for name in series]
    return Scatter(dots, Axis(size.axis, is_log=True), Axis("Test accuracy (%)"), kinds=kinds)
