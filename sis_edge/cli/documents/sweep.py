"""What `sweep` finds: a line for each structure, with its trials."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sis_edge.cli.documents.base import Document, Part, known

if TYPE_CHECKING:
    from sis_edge.sweep.tables import SweepReport


class TrialResult(Part):
    """One training; accuracy is that on the held-out images."""

    key: str
    seed: int
    conv_synapses: int
    micro_synapses: int
    synapses: int
    macs_live: int
    accuracy: float


class StructureResult(Part):
    """One structure over its seeds: mean accuracy, its spread (standard deviation), and the distance to the best.

    `half_width_95` is half of the difference's 95% interval. `budget` is a preset, or the two shares. `recipe` is what
    it changes in the data set's recipe.
    """

    budget: str
    t_c: float
    t_p: float
    conv: str
    micro: str
    block: int
    distribution: str
    recipe: str
    synapses: float
    macs_live: float
    accuracy: float
    spread: float | None
    difference_to_best: float
    half_width_95: float
    is_best: bool
    inside_noise: bool
    trials: tuple[TrialResult, ...]


class SweepDocument(Document):
    """`sis-edge sweep`: what was compared; a sweep with a failed trial is an error."""

    document: Literal["sweep"] = "sweep"
    dataset: str
    train_images: int
    held_out_images: int
    recipe: dict[str, Any]
    recipes: dict[str, dict[str, Any]]
    pooled_spread: float | None
    structures: tuple[StructureResult, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    done_before: int
    files: tuple[str, ...]


def swept(report: "SweepReport", files: Sequence[Path]) -> SweepDocument:
    """The document of a sweep whose tables were written to `files`."""
    found, prepared, summary = report.result, report.result.prepared, report.summary
    return SweepDocument(
        dataset=found.plan.dataset,
        train_images=prepared.train_images,
        held_out_images=prepared.held_out,
        recipe=prepared.recipe.as_dict(),
        recipes={text: recipe.as_dict() for text, recipe in prepared.recipes.items()},
        structures=tuple(_structure(at, report) for at in range(len(summary.lines))),
        left_out=prepared.left_out,
        notes=tuple(report.notes),
        done_before=found.done_before,
        files=tuple(map(str, files)),
        **known(pooled_spread=(summary.pooled_spread, "one seed each: no spread over seeds is known")),
    )


def _structure(at: int, report: "SweepReport") -> StructureResult:
    line, keys = report.summary.lines[at], dict(report.result.prepared.structures)
    formation, trials = line.structure.formation, report.result.trials
    return StructureResult(
        budget=line.structure.budget,
        t_c=formation.t_c,
        t_p=formation.t_p,
        conv=formation.conv,
        micro=formation.micro,
        block=formation.block,
        distribution=formation.distribution,
        recipe=line.structure.recipe,
        synapses=line.synapses,
        macs_live=line.macs_live,
        accuracy=line.accuracy,
        difference_to_best=line.difference,
        half_width_95=line.half_width,
        is_best=line.is_best,
        inside_noise=line.inside_noise,
        trials=tuple(
            TrialResult(
                key=trial.key,
                seed=trial.seed,
                conv_synapses=trial.conv_synapses,
                micro_synapses=trial.micro_synapses,
                synapses=trial.synapses,
                macs_live=trial.macs_live,
                accuracy=trial.accuracy,
            )
            for trial in (trials[key] for key in keys[line.structure] if key in trials)
        ),
        **known(spread=(line.spread, "one seed: no spread over seeds is known")),
    )
