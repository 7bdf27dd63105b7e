"""What each layer takes, by the costs that the board was calibrated for: the dense network beside those with native
kernels. No runtime here reports the time of a single layer, so none of it is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sis_edge.native.costs import on_threads
from sis_edge.report import rows as show
from sis_edge.report.charts.axes import across
from sis_edge.report.charts.base import Chart
from sis_edge.report.charts.drawing import GROUND, INK, LINE, MUTED, REFERENCE, SERIES, SIZE, Drawing, width_of, wrapped
from sis_edge.report.charts.scale import Scale
from sis_edge.report.charts.subject import Subject

TITLE = "Time of each layer, predicted"
MOST = 6
"""Networks: as many as there are colours."""

BAR = 9.0


@dataclass(frozen=True)
class _LayerTimes:
    """One network's layers: name, seconds of one image and what computes it."""

    name: str
    is_reference: bool
    layers: Sequence[tuple[str, float, str]]
    threads: int


def needs(subject: Subject) -> str | None:
    """Why it cannot be drawn; None where it can."""
    if _found(subject):
        return None
    considered = any(entry.sparse is not None for entry in subject.run.manifest.networks)
    why = "this board was not calibrated for them" if considered else "native kernels were not considered in this run"
    return (
        "no runtime here reports the time of single layers; the costs of native kernels, as `sis-edge calibrate` "
        f"measures them, predict it, and {why}"
    )


def draw(subject: Subject) -> Chart:
    """The chart of a run with a network whose layers have predicted times."""
    found = _found(subject)
    drawn, more = found[:MOST], [each.name for each in found[MOST:]]
    words = "; ".join(
        f"{each.name}: {', '.join(f'{layer} {show.seconds(seconds)} ({how})' for layer, seconds, how in each.layers)}"
        for each in drawn
    )
    return Chart(
        name="layer-times",
        title=TITLE,
        caption="Predicted by the board's calibration, not measured: no runtime here reports the time of single "
        f"layers. One image on {on_threads(drawn[0].threads)}, without copies between layouts. Outlined: dense "
        f"convolution by ONNX Runtime; filled: native kernels.{' Not drawn: ' + ', '.join(more) + '.' if more else ''}",
        alt=f"Bars of predicted seconds of each layer: {words}.",
        draw=partial(_draw, drawn),
        mark=subject.mark,
    )


def _found(subject: Subject) -> list[_LayerTimes]:
    measured = {row.identity.network for row, _ in subject.measured}
    found = []
    for entry in subject.run.manifest.networks:
        if entry.sparse is None or entry.name not in measured:
            continue
        times = [
            (layer.layer, layer.native_s if layer.chosen == "native" else layer.dense_s, layer.words)
            for layer in entry.sparse.layers
        ]
        known = [(layer, seconds, how) for layer, seconds, how in times if seconds is not None]
        if known and len(known) == len(times):
            is_reference = entry.name == subject.run.manifest.reference
            found.append(_LayerTimes(entry.name, is_reference, known, entry.sparse.threads))
    return found


def _draw(drawn: Sequence[_LayerTimes], drawing: Drawing, width: float) -> float:
    names = list(dict.fromkeys(layer for each in drawn for layer, _, _ in each.layers))
    left = 8 + max(width_of(name, is_bold=True) for name in names)
    most = max(seconds for each in drawn for _, seconds, _ in each.layers)
    unit, per_s = ("ms", 1e3) if most >= 1e-3 else ("µs", 1e6)
    scale = Scale(0.0, 1.02 * most * per_s, left, width - 56)
    top = _key(drawing, drawn, width)
    body, y = Drawing(), top
    for name in names:
        begin = y
        for at, each in enumerate(drawn):
            for layer, seconds, how in each.layers:
                if layer == name:
                    _bar(
                        body,
                        each,
                        at,
                        scale,
                        y,
                        (seconds, per_s),
                        f"{each.name}, {name}: {show.seconds(seconds)}, {how}",
                    )
                    y += BAR + 2
        body.text(left - 8, (begin + y) / 2 + 3, name, anchor="end", is_bold=True)
        y += 7
    y = across(drawing, scale, top, y, f"Predicted time of one image ({unit})")
    drawing.add(body)
    return y


def _bar(
    drawing: Drawing, each: _LayerTimes, at: int, scale: Scale, y: float, time: tuple[float, float], tip: str
) -> None:
    seconds, per_s = time
    colour, end = _colour(each, at), scale(seconds * per_s)
    filled: dict[str, Any] = {"fill": GROUND if tip.endswith("dense") else colour, "stroke": colour, "stroke_width": 1}
    drawing.element("rect", tip, x=scale.start, y=y, width=max(end - scale.start, 0.5), height=BAR - 1, **filled)
    drawing.text(end + 4, y + BAR - 1, show.seconds(seconds), size=10, fill=MUTED, has_halo=True)


def _colour(each: _LayerTimes, at: int) -> str:
    return REFERENCE if each.is_reference else SERIES[at % len(SERIES)]


def _key(drawing: Drawing, drawn: Sequence[_LayerTimes], width: float) -> float:
    """The networks in the order of their bars; returns where the bars begin."""
    y = 0.0
    for at, each in enumerate(drawn):
        drawing.element("rect", x=0, y=y + 3, width=10, height=10, fill=_colour(each, at))
        for line in wrapped(f"{each.name}, {show.seconds(sum(seconds for _, seconds, _ in each.layers))}", width - 16):
            drawing.text(16, y + SIZE, line, fill=INK)
            y += LINE
    return y + 8
