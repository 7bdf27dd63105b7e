"""The zoo's accuracy as a page, Markdown, CSV, JSON and a chart: `sis-edge zoo report`."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sis_edge.report.charts import Chart
from sis_edge.report.charts.base import COLOURS, finished
from sis_edge.zoo.tables import AccuracyRow, other_rows, paper_rows, tables

REPORT_VERSION = 2
"""Of `results.json`. History: 1, first version; 2, what other seeds reached."""

NOTES = (
    "Every network is trained from scratch on all training images; its structure is drawn before that and looks at no "
    "weight. The weights are those of the last epoch, whatever their accuracy.",
    "What cannot be shown: that test images had no part in the choice of the recipe (optimiser, rates, epochs, sizes "
    "of images). Its first trials were not recorded, and some of them reported accuracy on CIFAR-10's test images. "
    "Trials are recorded now, with accuracy on held-out training images (benchmarks/training.py).",
    "Measured on the machine that trained it; sis-edge zoo evaluate NAME measures again.",
)


def write(dataset: str, folder: Path, zoo: Path | None = None) -> list[Path]:
    """Write `index.html`, `report.md`, `results.csv`, `results.json` and the chart; raises DiskError."""
    from sis_edge.report import accuracy

    rows = [*paper_rows(dataset, zoo), *other_rows(dataset, zoo)]
    title = f"What the networks reach on {dataset}"
    page = accuracy.Page(title, NOTES, tables(dataset, zoo), accuracy_synapses(rows, title))
    return accuracy.write(page, {"results.csv": to_csv(rows), "results.json": to_json(dataset, rows)}, folder)


def to_csv(rows: Sequence[AccuracyRow]) -> str:
    """One line a network, all digits; what is unknown is empty and `reason` says why."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(AccuracyRow)])
    writer.writerows(asdict(row).values() for row in rows)  # None is an empty cell
    return out.getvalue()


def to_json(dataset: str, rows: Sequence[AccuracyRow]) -> str:
    """The rows for programs; what is unknown is null and `reason` says why."""
    data = {"report_version": REPORT_VERSION, "dataset": dataset, "networks": [asdict(row) for row in rows]}
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


PAPER = "the paper"


def accuracy_synapses(rows: Sequence[AccuracyRow], subtitle: str) -> Chart | None:
    """Ours, by structure, and the paper's accuracy over synapses, or None where nothing was measured."""
    if all(row.accuracy is None for row in rows):
        return None
    points = [
        {"network": row.network, "synapses": row.synapses, "accuracy": 100 * value, "series": series}
        for row in rows
        for series, value in ((row.structure, row.accuracy), (PAPER, row.paper_accuracy))
        if value is not None
    ]
    words = "; ".join(f"{p['network']} ({p['series']}) {p['synapses']:,} synapses {p['accuracy']:.2f}%" for p in points)
    with_paper = ", and what the paper reports for the same counts" if any(p["series"] == PAPER for p in points) else ""
    return Chart(
        name="accuracy-synapses",
        title="Accuracy against synapses",
        caption=f"Ours on the test images, by structure (CL / MP, law){with_paper}.",
        alt=f"Scatter chart of accuracy against synapses: {words}.",
        spec=finished(_drawn(points), "Accuracy against synapses", None, 300)
        | {"title": {"text": "Accuracy against synapses", "subtitle": subtitle}},
    )


def _drawn(points: list[dict[str, Any]]) -> Any:
    import altair as alt

    base = alt.Chart({"values": points}).encode(
        x=alt.X("synapses:Q", title="Synapses (log scale)", scale=alt.Scale(type="log", nice=False, padding=30)),
        y=alt.Y("accuracy:Q", title="Test accuracy (%)", scale=alt.Scale(zero=False, padding=14)),
        tooltip=["network:N", "series:N", "synapses:Q", "accuracy:Q"],
    )
    series = list(dict.fromkeys(point["series"] for point in points))
    colours = alt.Scale(domain=series, range=list(COLOURS[: len(series)]))
    # One name for each count, in the dense network's structure: those of all would lie on each other.
    alike = [point for point in points if point["series"] == points[0]["series"]]
    named = {point["synapses"]: point["network"] for point in reversed(alike)}  # the first of a count
    is_named = alt.FieldEqualPredicate(field="series", equal=points[0]["series"]) & alt.FieldOneOfPredicate(
        field="network", oneOf=list(named.values())
    )
    return alt.layer(
        base.mark_point(filled=True, size=90, opacity=1).encode(
            color=alt.Color("series:N", title=None, scale=colours),
            shape=alt.Shape("series:N", title=None, scale=alt.Scale(domain=series)),
        ),
        base.transform_filter(is_named).mark_text(dy=-12, fontSize=11).encode(text="network:N"),
    )
