"""The zoo's accuracy as a page, Markdown, CSV, JSON and a chart: `sis-edge zoo report`."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from sis_edge.zoo import by_size
from sis_edge.zoo.by_size import SizedFigure
from sis_edge.zoo.charts import MACS, SYNAPSES, accuracy_over
from sis_edge.zoo.rows import AccuracyRow, other_rows, paper_rows
from sis_edge.zoo.tables import tables

REPORT_VERSION = 5
"""Of `results.json`. History: 1, first version; 2, what other seeds reached; 3, the teacher; 4, intervals and
p-values of drops, the architecture, accuracy by size; 5, what a drop is from."""

NOTES = (
    "Every network is trained from scratch on all training images; its structure is drawn before that and looks at no "
    "weight. The weights are those of the last epoch, whatever their accuracy.",
    "What cannot be shown: that test images had no part in the choice of the recipe (optimiser, rates, epochs, sizes "
    "of images). Its first trials were not recorded, and some of them reported accuracy on CIFAR-10's test images. "
    "Trials are recorded now, with accuracy on held-out training images (benchmarks/training.py).",
    "Measured on the machine that trained it; sis-edge zoo evaluate NAME measures again.",
)


def write(dataset: str, folder: Path, zoo: Path | None = None) -> list[Path]:
    """Write `index.html`, `report.md`, `results.csv`, `results.json` and the charts; raises DiskError."""
    from sis_edge.report import page as pages

    rows = [*paper_rows(dataset, zoo), *other_rows(dataset, zoo)]
    title = f"What the networks reach on {dataset}"
    sized = by_size.figures(dataset, rows)
    charts = [chart for size in (SYNAPSES, MACS) if (chart := accuracy_over(size, sized, title)) is not None]
    has_others = bool(charts) and any(figure.whose != "ours" for figure in sized)
    shown = [*tables(dataset, zoo), *([by_size.table(dataset, sized)] if has_others else [])]
    page = pages.Page(title, NOTES, shown, charts)
    return pages.write(page, {"results.csv": to_csv(rows), "results.json": to_json(dataset, rows, sized)}, folder)


def to_csv(rows: Sequence[AccuracyRow]) -> str:
    """One line a network, all digits; what is unknown is empty and `reason` says why."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(AccuracyRow)])
    writer.writerows(asdict(row).values() for row in rows)  # None is an empty cell
    return out.getvalue()


def to_json(dataset: str, rows: Sequence[AccuracyRow], sized: Sequence[SizedFigure]) -> str:
    """The rows for programs, and accuracy by size; what is unknown is null and `reason` says why."""
    data = {
        "report_version": REPORT_VERSION,
        "dataset": dataset,
        "networks": [asdict(row) for row in rows],
        "by_size": [asdict(figure) for figure in sized],
    }
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
