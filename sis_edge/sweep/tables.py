"""A sweep's results as a table in the terminal, and as CSV, JSON and Markdown."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.registries import GRANULARITIES
from sis_edge.report.rows import span
from sis_edge.report.table import Column, Table, text_cells
from sis_edge.sweep.running import SweepResult
from sis_edge.sweep.summary import Line, Summary
from sis_edge.training.changes import DEFAULT, apart

if TYPE_CHECKING:
    from rich.console import Group

SWEEP_VERSION = 3
"""Of `results.json`. History: 1, first version; 2, the width of blocks; 3, several recipes."""

CAPTION = (
    "accuracy: mean over seeds ± standard deviation; to the best: difference in points ± 95% interval; "
    "≈: not significant."
)
COLUMNS = (
    *(Column(title, is_number=False) for title in ("budget", "CL units", "distribution", "recipe")),
    *map(Column, ("synapses", "accuracy", "to the best")),
)
RECIPE = 3
"""The column that is there only where recipes are compared; those before it are there where lines differ in them."""

NOTHING_ELSE = "nothing else"
"""In the place of a recipe that sets no more than all do."""


@dataclass(frozen=True)
class SweepReport:
    """A sweep and its summary, in sentences that every format shares."""

    result: SweepResult
    summary: Summary

    @property
    def title(self) -> str:
        """What was compared."""
        prepared = self.result.prepared
        return f"{self.result.plan.dataset}: accuracy on {prepared.held_out:,} held-out training images"

    @property
    def matched(self) -> list[str]:
        """Which densities were changed, so that a structure comes nearest to its budget's count."""
        densities = {budget.name: budget.formation for budget in self.result.plan.budgets}
        changed = [
            f"{line.structure.name} (t_c {formation.t_c:g}, t_p {formation.t_p:g})"
            for line in self.summary.lines
            for formation, given in [(line.structure.formation, densities[line.structure.budget])]
            if (formation.t_c, formation.t_p) != (given.t_c, given.t_p)
        ]
        return [f"Density changed to come nearest to the budget's count: {'; '.join(changed)}."] if changed else []

    @property
    def recipes(self) -> list[str]:
        """Each recipe in words, where there is another than the data set's."""
        recipes = self.result.prepared.recipes
        if list(recipes) == [DEFAULT]:
            return []
        _, besides = apart(recipes)
        return [f"Recipe {besides[text] or text}: {recipe.describe()}." for text, recipe in recipes.items()]

    @property
    def shown(self) -> list[int]:
        """The places of the table's columns: where recipes are compared those that differ, and the numbers."""
        every, lines = range(len(COLUMNS)), [cells(line) for line in self.summary.lines]
        if not self.recipes:
            return [at for at in every if at != RECIPE]
        return [at for at in every if at >= RECIPE or len(lines) == 1 or len({line[at] for line in lines}) != 1]

    @property
    def common(self) -> list[str]:
        """What all lines have in common and no column shows."""
        alike = sorted(set(range(RECIPE)) - set(self.shown))
        said = [f"{COLUMNS[at].title} {cells(self.summary.lines[0])[at]}" for at in alike]
        recipe, _ = apart(self.result.prepared.recipes)
        said += [f"recipe {recipe}"] if recipe else []
        return [f"All lines: {', '.join(said)}."] if said else []

    @property
    def sentences(self) -> list[str]:
        """How to read the table, and the notes."""
        return [CAPTION, *self.notes]

    @property
    def notes(self) -> list[str]:
        """How it was measured, which differences are significant, what is missing."""
        prepared = self.result.prepared
        seeds = [len(line.seeds) for line in self.summary.lines] or [0]
        recipes = prepared.recipes.values()
        epochs = [recipe.epochs for recipe in recipes]
        precisions = " or ".join(dict.fromkeys(recipe.precision for recipe in recipes))
        return [
            f"Trained on {prepared.train_images:,} images for {span(epochs)} epoch{'s' * (max(epochs) > 1)} in "
            f"{precisions}; n = {prepared.held_out:,} held-out training images, never test images; "
            f"seeds (graph, weights, data order) per line: {span(seeds)}.",
            *self.common,
            *self.recipes,
            *self.matched,
            *self.summary.notes,
            *(f"Left out: {reason}." for reason in prepared.left_out),
            *(f"Failed: {task.name}: {failure.reason}" for task, failure in self.result.failures),
        ]


def cells(line: Line) -> tuple[str, ...]:
    """A line's cells, as `COLUMNS`."""
    spread = "" if line.spread is None else f" ±{100 * line.spread:.2f}"
    difference = f"{100 * line.difference:+.2f} ±{100 * line.half_width:.2f}"
    return (
        line.structure.budget,
        line.structure.formation.units,
        line.structure.formation.distribution,
        line.structure.besides or (DEFAULT if line.structure.recipe == DEFAULT else NOTHING_ELSE),
        f"{line.synapses:,.0f}",
        f"{100 * line.accuracy:.2f}%{spread}",
        "best" if line.is_best else f"{'≈ ' if line.inside_noise else ''}{difference}",
    )


def table(report: SweepReport, title: str) -> Table:
    """The lines as a table; without the recipe where all have the data set's."""
    shown = report.shown
    lines = [[texts[at] for at in shown] for texts in map(cells, report.summary.lines)]
    return Table(title, CAPTION, tuple(COLUMNS[at] for at in shown), text_cells(lines))


def to_terminal(report: SweepReport) -> "Group":
    """A table of at most 80 columns."""
    from sis_edge.report.grid import of_table

    return of_table(table(report, report.title))


def to_csv(report: SweepReport) -> str:
    """One line per trial, all digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = [row for line in values(report) for row in line["trials"]]
    names = list(rows[0]) if rows else []
    writer.writerow(names)
    writer.writerows([row[name] for name in names] for row in rows)
    return out.getvalue()


def to_json(report: SweepReport) -> str:
    """The lines with their trials, what failed and what was left out, for programs."""
    plan, prepared = report.result.plan, report.result.prepared
    data = {
        "sweep_version": SWEEP_VERSION,
        "dataset": plan.dataset,
        "dataset_sha256": prepared.tasks[0].dataset_sha256,
        "train_images": prepared.train_images,
        "held_out_images": prepared.held_out,
        "recipe": prepared.recipe.as_dict(),
        "recipes": {text: recipe.as_dict() for text, recipe in prepared.recipes.items()},
        "pooled_spread": report.summary.pooled_spread,
        "notes": report.sentences,
        "lines": values(report),
        "left_out": list(prepared.left_out),
        "failed": [
            {"key": task.key, "seed": task.seed, "reason": failure.reason} for task, failure in report.result.failures
        ],
    }
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def values(report: SweepReport) -> list[dict[str, Any]]:
    """Each line's numbers, and each of its trials'."""
    keys = dict(report.result.prepared.structures)
    return [
        {
            "budget": line.structure.budget,
            "formation": {name: value for name, value in line.structure.formation.as_dict().items() if name != "seed"},
            "recipe": line.structure.recipe,
            "synapses": line.synapses,
            "macs_live": line.macs_live,
            "accuracy": line.accuracy,
            "spread": line.spread,
            "difference_to_best": line.difference,
            "half_width_95": line.half_width,
            "inside_noise": line.inside_noise,
            "trials": [_trial(line, report, key) for key in keys[line.structure] if key in report.result.trials],
        }
        for line in report.summary.lines
    ]


def _trial(line: Line, report: SweepReport, key: str) -> dict[str, Any]:
    trial, formation = report.result.trials[key], line.structure.formation
    return {
        "budget": line.structure.budget,
        "t_c": formation.t_c,
        "t_p": formation.t_p,
        "conv": formation.conv,
        "block": formation.block if GRANULARITIES[formation.conv].has_blocks else None,
        "micro": formation.micro,
        "distribution": formation.distribution,
        "recipe": line.structure.recipe,
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


def write(report: SweepReport, folder: Path) -> list[Path]:
    """`index.html`, `report.md`, `results.csv`, `results.json` and the chart as SVG; raises DiskError."""
    from sis_edge.report import page as pages
    from sis_edge.sweep.chart import accuracy_synapses

    chart = accuracy_synapses(report.summary.lines, report.title)
    page = pages.Page(report.title, report.notes, [table(report, "Structures")], [] if chart is None else [chart])
    return pages.write(page, {"results.csv": to_csv(report), "results.json": to_json(report)}, folder)
