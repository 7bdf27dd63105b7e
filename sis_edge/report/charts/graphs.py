"""Synaptic graphs layer by layer: which kernels exist between the maps that a layer reads and those that it makes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from sis_edge.formation.graph import LayerGraph, SynapticGraph
from sis_edge.report import rows as show
from sis_edge.report.charts.base import Chart
from sis_edge.report.charts.drawing import INK, LINE, MUTED, SIZE, Drawing, width_of, wrapped
from sis_edge.report.charts.png import png
from sis_edge.report.charts.subject import Subject
from sis_edge.results.graphs import graph_of

TITLE = "Synaptic graphs"

SIDE, LEAST_SIDE, BETWEEN = 128.0, 22.0, 14.0
"""Pixels: the longer side of a layer's picture, the least of the shorter, and what lies between two."""

SMALL, SMALL_LINE, HEADING = 10.0, 12.0, 64.0
"""Pixels: the height of a heading's text, from line to line, and how wide it may be above a narrow picture."""

MOST_CELLS = 384
"""Rows or columns of a picture: in larger layers several maps share a cell, as dark as their share of kernels."""

MOST_BYTES = 20_000
"""Of all pictures of a chart, which a page holds twice and a third larger: what does not fit is named instead."""


@dataclass(frozen=True)
class Sketch:
    """A layer's picture: its heading, how many maps each filter reads and how many it makes, and the PNG."""

    heading: str
    inputs: int
    filters: int
    picture: bytes
    has_groups: bool = False


@dataclass(frozen=True)
class Sketched:
    """A network's sparse layers, and the names of those in which everything exists."""

    name: str
    words: str
    sketches: Sequence[Sketch]
    whole: Sequence[str]


def needs(subject: Subject) -> str | None:
    """Why it cannot be drawn; None where it can."""
    sketched, reasons = _found(subject)
    if sketched:
        return None
    if reasons:
        return "; ".join(_not_drawn(reasons))
    return "no measured network is sparse"


def draw(subject: Subject) -> Chart:
    """The chart of a run with a sparse network whose graph is known."""
    sketched, reasons = _found(subject)
    drawn: list[Sketched] = []
    size = 0
    for each in sketched:
        size += sum(len(sketch.picture) for sketch in each.sketches)
        if size <= MOST_BYTES or not drawn:
            drawn.append(each)
    more = [each.name for each in sketched if each not in drawn]
    parts = [
        "Across: the maps that a layer reads; down: the maps that it makes. A dot is a kernel that exists: counted, "
        "not measured.",
        "Of a layer with groups, across are the maps of a filter's own group." if any(map(_has_groups, drawn)) else "",
        f"Not drawn, for size: {', '.join(more)}." if more else "",
        *(f"Not drawn: {words}." for words in _not_drawn(reasons)),
    ]
    words = "; ".join(
        f"{each.name} {each.words}: {', '.join(sketch.heading for sketch in each.sketches)}" for each in drawn
    )
    return Chart(
        name="graphs",
        title=TITLE,
        caption=" ".join(part for part in parts if part),
        alt=f"Pictures of the kernels that exist in each layer: {words}.",
        draw=partial(_draw, drawn),
        mark=subject.mark,
    )


def _not_drawn(reasons: dict[str, str]) -> list[str]:
    """The networks that have no picture by the reason, each reason once."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return [f"{', '.join(each)} ({reason})" for reason, each in names.items()]


def _found(subject: Subject) -> tuple[list[Sketched], dict[str, str]]:
    """The networks whose graph is known and not whole, each graph once; and why others are not known."""
    measured = {row.identity.network for row, _ in subject.measured}
    sketched: dict[str, Sketched] = {}
    reasons = {}
    for entry in subject.run.manifest.networks:
        if entry.name not in measured or entry.graph_sha256 in sketched or entry.t_c == entry.t_p == 1:
            continue
        graph = graph_of(entry, subject.run.manifest)
        if graph.value is None:
            reasons[entry.name] = str(graph.reason)
        else:
            sketched[entry.graph_sha256] = replace(_sketched(graph.value), name=entry.name)
    return list(sketched.values()), reasons


@lru_cache(maxsize=32)
def _sketched(graph: SynapticGraph) -> Sketched:
    """Without a name. Many runs have the same graphs, which `graph_of` forms once."""
    words = f"{graph.synapse_count:,} of {graph.spec.synapse_count:,} synapses"
    is_whole = {layer.spec.name: bool(layer.synapses.all()) for layer in graph.layers}
    sketches = [_sketch(layer) for layer in graph.layers if not is_whole[layer.spec.name]]
    return Sketched("", words, sketches, [name for name, whole in is_whole.items() if whole])


def _sketch(layer: LayerGraph) -> Sketch:
    kernels = layer.synapses.any(axis=(2, 3))
    filters, inputs = kernels.shape
    share = show.share(layer.synapse_count / layer.spec.synapse_count)
    spec = layer.spec
    heading = f"{spec.name} {spec.inputs} → {filters}, {share}"
    return Sketch(heading, inputs, filters, png(shrunk(np.asarray(kernels))), spec.groups > 1)


def shrunk(kernels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Which kernels exist as shares [rows, columns], no more than MOST_CELLS on a side: the mean of each cell."""
    shares = kernels.astype(np.float64)
    for axis in (0, 1):
        each = -(-shares.shape[axis] // MOST_CELLS)
        starts = np.arange(0, shares.shape[axis], each)
        counts = np.diff(np.append(starts, shares.shape[axis]))
        shares = np.add.reduceat(shares, starts, axis=axis) / np.expand_dims(counts, 1 - axis)
    return shares


def _draw(drawn: Sequence[Sketched], drawing: Drawing, width: float) -> float:
    y = 0.0
    for each in drawn:
        for line in wrapped(each.name, width, is_bold=True):
            drawing.text(0, y + SIZE, line, is_bold=True)
            y += LINE
        whole = f"; all of {', '.join(each.whole)}" if each.whole else ""
        for line in wrapped(each.words + whole, width, most=4):
            drawing.text(0, y + SIZE, line, fill=MUTED)
            y += LINE
        y = _layers(drawing, each.sketches, width, y + 6) + 8
    return y


def _layers(drawing: Drawing, sketches: Sequence[Sketch], width: float, y: float) -> float:
    """The pictures side by side, in as many rows as they need; returns where the last row ends."""
    rows: list[list[tuple[float, list[str], Sketch]]] = []
    x = width
    for sketch in sketches:
        lines = wrapped(sketch.heading, max(_size(sketch)[0], HEADING), SMALL, most=4)
        room = max(_size(sketch)[0], *(width_of(line, SMALL) for line in lines))
        if x + room > width:
            rows.append([])
            x = 0.0
        rows[-1].append((x, lines, sketch))
        x += room + BETWEEN
    for row in rows:
        top = y + SMALL_LINE * max(len(lines) for _, lines, _ in row) + 5
        for x, lines, sketch in row:
            for at, line in enumerate(lines):
                drawing.text(x, y + SMALL + at * SMALL_LINE, line, size=SMALL, fill=INK)
            _sketch_at(drawing, sketch, x, top)
        y = top + max(_size(sketch)[1] for _, _, sketch in row) + 8
    return y - 8 if rows else y


def _has_groups(sketched: Sketched) -> bool:
    return any(sketch.has_groups for sketch in sketched.sketches)


def _sketch_at(drawing: Drawing, sketch: Sketch, x: float, y: float) -> None:
    across, down = _size(sketch)
    # Small pictures are drawn larger than they are: their cells shall have edges. Large ones are drawn smaller.
    rendering = "pixelated" if max(sketch.inputs, sketch.filters) <= SIDE else None
    drawing.element("rect", x=x, y=y, width=across, height=down, fill="none", stroke=MUTED, stroke_width=0.8)
    drawing.picture(x, y, across, down, sketch.picture, f"{sketch.heading} of the kernels exist", rendering)


def _size(sketch: Sketch) -> tuple[float, float]:
    """Of its picture: as the maps are, the longer side SIDE pixels, the shorter wide enough to see."""
    unit = SIDE / max(sketch.inputs, sketch.filters)
    return max(LEAST_SIDE, unit * sketch.inputs), max(LEAST_SIDE, unit * sketch.filters)
