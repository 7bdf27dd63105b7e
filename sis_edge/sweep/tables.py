"""A sweep's lines for the screen, and as CSV, JSON and Markdown."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.report.grid import grid
from sis_edge.report.rows import plural, span
from sis_edge.report.sheet import Heading, Sheet
from sis_edge.sweep.running import Swept
from sis_edge.sweep.summary import Line, Summary

if TYPE_CHECKING:
    from rich.console import Group

SWEEP_VERSION = 2
"""Of `results.json`. History: 1, first version; 2, the width of blocks."""

CAPTION = (
    "accuracy: mean over seeds, ± their standard deviation; to the best: points, ± the 95% interval; "
    "≈ inside the noise."
)
HEADINGS = (
    *(Heading(title, is_number=False) for title in ("budget", "CL units", "distribution")),
    *map(Heading, ("synapses", "accuracy", "to the best")),
)


@dataclass(frozen=True)
class Report:
    """A sweep and its summary, in words that every format shares."""

    swept: Swept
    summary: Summary

    @property
    def title(self) -> str:
        """What was compared."""
        prepared = self.swept.prepared
        return f"{self.swept.plan.dataset}: accuracy on {prepared.held_out:,} held-out training images"

    @property
    def matched(self) -> list[str]:
        """Which shares were moved, so that a structure comes nearest to its budget's count."""
        shares = {budget.name: budget.formation for budget in self.swept.plan.budgets}
        moved = [
            f"{line.structure.name} (t_c {formation.t_c:g}, t_p {formation.t_p:g})"
            for line in self.summary.lines
            for formation, asked in [(line.structure.formation, shares[line.structure.budget])]
            if (formation.t_c, formation.t_p) != (asked.t_c, asked.t_p)
        ]
        return [f"Other shares than the budget's, for the count nearest to it: {'; '.join(moved)}."] if moved else []

    @property
    def sentences(self) -> list[str]:
        """How to read the table, and the notes."""
        return [CAPTION, *self.notes]

    @property
    def notes(self) -> list[str]:
        """How it was measured, what is inside the noise, what is missing."""
        prepared = self.swept.prepared
        seeds = [len(line.seeds) for line in self.summary.lines] or [0]
        return [
            f"Trained on {prepared.train_images:,} images for {plural(prepared.recipe.epochs, 'epoch')}, "
            f"{prepared.recipe.precision}; n = {prepared.held_out:,} other training images, never the test images; "
            f"seeds (of graph, weights and order of images) a line: {span(seeds)}.",
            *self.matched,
            *self.summary.notes,
            *(f"Left out: {reason}." for reason in prepared.left_out),
            *(f"Failed: {task.name}: {why.reason}" for task, why in self.swept.failures),
        ]


def cells(line: Line) -> tuple[str, ...]:
    """A line's cells, as `HEADINGS`."""
    spread = "" if line.spread is None else f" ±{100 * line.spread:.2f}"
    behind = f"{100 * line.difference:+.2f} ±{100 * line.half_width:.2f}"
    return (
        line.structure.budget,
        line.structure.formation.units,
        line.structure.formation.distribution,
        f"{line.synapses:,.0f}",
        f"{100 * line.accuracy:.2f}%{spread}",
        "best" if line.is_best else f"{'≈ ' if line.inside_noise else ''}{behind}",
    )


def to_terminal(report: Report) -> "Group":
    """A table of at most 80 columns."""
    words = [heading.title for heading in HEADINGS if not heading.is_number]
    lines = map(cells, report.summary.lines)
    return grid([heading.title for heading in HEADINGS], lines, title=report.title, words=words)


def to_csv(report: Report) -> str:
    """One line a trial, all digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = [row for line in values(report) for row in line["trials"]]
    names = list(rows[0]) if rows else []
    writer.writerow(names)
    writer.writerows([row[name] for name in names] for row in rows)
    return out.getvalue()


def to_json(report: Report) -> str:
    """The lines with their trials, what failed and what was left out, for programs."""
    plan, prepared = report.swept.plan, report.swept.prepared
    data = {
        "sweep_version": SWEEP_VERSION,
        "dataset": plan.dataset,
        "dataset_sha256": prepared.tasks[0].dataset_sha256,
        "train_images": prepared.train_images,
        "held_out_images": prepared.held_out,
        "recipe": prepared.recipe.as_dict(),
        "pooled_spread": report.summary.pooled_spread,
        "notes": report.sentences,
        "lines": values(report),
        "left_out": list(prepared.left_out),
        "failed": [{"key": task.key, "seed": task.seed, "reason": why.reason} for task, why in report.swept.failures],
    }
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def values(report: Report) -> list[dict[str, Any]]:
    """Each line's numbers, and each of its trials'."""
    keys = dict(report.swept.prepared.lines)
    return [
        {
            "budget": line.structure.budget,
            "formation": {name: it for name, it in line.structure.formation.as_dict().items() if name != "seed"},
            "synapses": line.synapses,
            "macs_live": line.macs_live,
            "accuracy": line.accuracy,
            "spread": line.spread,
            "difference_to_best": line.difference,
            "half_width_95": line.half_width,
            "inside_noise": line.inside_noise,
            "trials": [_trial(line, report, key) for key in keys[line.structure] if key in report.swept.trials],
        }
        for line in report.summary.lines
    ]


def _trial(line: Line, report: Report, key: str) -> dict[str, Any]:
    trial, formation = report.swept.trials[key], line.structure.formation
    return {
        "budget": line.structure.budget,
        "t_c": formation.t_c,
        "t_p": formation.t_p,
        "conv": formation.conv,
        "block": formation.block if formation.conv == "block" else None,
        "micro": formation.micro,
        "distribution": formation.distribution,
        "seed": trial.seed,
        "conv_synapses": trial.conv_synapses,
        "micro_synapses": trial.micro_synapses,
        "synapses": trial.synapses,
        "macs_live": trial.macs_live,
        "accuracy": trial.accuracy,
        "held_out_images": trial.held_out,
        "train_images": trial.train_images,
        "epochs": trial.recipe["epochs"],
        "key": trial.key,
    }


def write(report: Report, folder: Path) -> list[Path]:
    """`index.html`, `report.md`, `results.csv`, `results.json` and the chart as SVG; raises DiskError."""
    from sis_edge.report import accuracy
    from sis_edge.sweep.chart import accuracy_synapses

    lines = report.summary.lines
    sheet = Sheet("Structures", CAPTION, HEADINGS, tuple(map(cells, lines)))
    page = accuracy.Page(report.title, report.notes, [sheet], accuracy_synapses(lines, report.title))
    return accuracy.write(page, {"results.csv": to_csv(report), "results.json": to_json(report)}, folder)
