"""The accuracy of the zoo's networks as data: those of the paper for a data set, measured or not, then the others."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sis_edge.formation import DENSE, PRESETS, form
from sis_edge.formation.presets import Preset, reported_on
from sis_edge.spec import nin
from sis_edge.zoo.drops import drop_from_dense, reference_of
from sis_edge.zoo.entry import ZooEntry, entries

PAPER_STRUCTURE = "kernel / neuron, uniform"


@dataclass(frozen=True)
class AccuracyRow:
    """One network on one data set; what was not measured is None, and `reason` says why.

    `half_width` is half of the 95% interval of the accuracy on `test_images` images (normal approximation); `drop`
    is the loss against `reference`, our own dense network of its `architecture`; `synapses_ratio` the dense NiN's
    synapses over this network's. `accuracy` is that of training `seed`, whose weights are in the zoo; the mean, the
    least and the most are over `seeds` trainings. `teacher` is the network whose outputs it learned, too.
    `drop_low` and `drop_high` are the drop's 95% interval, `drop_p_value` is McNemar's; `drop_reason` says why one
    of these is None.
    """

    network: str
    structure: str
    dataset: str
    synapses: int
    synapses_ratio: float
    macs: int
    accuracy: float | None
    test_images: int | None
    half_width: float | None
    drop: float | None
    paper_accuracy: float | None
    epochs: int | None
    seed: int | None
    seeds: int
    mean_accuracy: float | None
    least_accuracy: float | None
    most_accuracy: float | None
    teacher: str | None
    reason: str | None
    drop_low: float | None
    drop_high: float | None
    drop_is_paired: bool | None
    drop_p_value: float | None
    drop_reason: str | None
    architecture: str
    reference: str | None

    @property
    def difference(self) -> float | None:
        """Our accuracy over the paper's."""
        if self.accuracy is None or self.paper_accuracy is None:
            return None
        return self.accuracy - self.paper_accuracy

    @property
    def series(self) -> str:
        """What it is one of, among networks of several structures: the structure, and another architecture's name."""
        return self.structure if self.architecture == DENSE else f"{self.architecture}: {self.structure}"


def paper_rows(dataset: str, folder: Path | None = None) -> list[AccuracyRow]:
    """The paper's networks of that data set in the paper's structure, at its counts."""
    known = entries(folder)
    papers = [entry for entry in known if _is_papers(entry, dataset)]
    rows = []
    for preset in reported_on(dataset):
        measured = [_measured(entry, known) for entry in papers if entry.preset == preset.name]
        rows += measured or [_missing(preset, dataset)]
    return rows


def other_rows(dataset: str, folder: Path | None = None) -> list[AccuracyRow]:
    """The zoo's other networks on that data set: other structures, and the paper's networks of another data set."""
    known = entries(folder)
    others = [entry for entry in known if entry.dataset == dataset and not _is_papers(entry, dataset)]
    return [_measured(entry, known) for entry in others]


def _is_papers(entry: ZooEntry, dataset: str) -> bool:
    return entry.dataset == dataset and entry.paper_accuracy is not None


def _measured(entry: ZooEntry, known: Sequence[ZooEntry]) -> AccuracyRow:
    drop = drop_from_dense(entry, known)
    interval, reference = drop.interval.value, reference_of(entry, known)
    return AccuracyRow(
        network=entry.name,
        structure=f"{entry.granularity}, {entry.distribution}",
        dataset=entry.dataset,
        synapses=entry.synapses,
        synapses_ratio=PRESETS[DENSE].synapses / entry.synapses,
        macs=entry.macs,
        accuracy=entry.accuracy,
        test_images=entry.test_images,
        half_width=1.96 * math.sqrt(entry.accuracy * (1 - entry.accuracy) / entry.test_images),
        drop=drop.estimate.value,
        paper_accuracy=entry.paper_accuracy,
        epochs=entry.recipe["epochs"],
        seed=entry.seed,
        seeds=len(entry.accuracies),
        mean_accuracy=statistics.mean(entry.accuracies),
        least_accuracy=min(entry.accuracies),
        most_accuracy=max(entry.accuracies),
        teacher=entry.teacher,
        reason=None,
        drop_low=None if interval is None else interval.low,
        drop_high=None if interval is None else interval.high,
        drop_is_paired=drop.is_paired.value,
        drop_p_value=drop.p_value.value,
        drop_reason=drop.p_value.reason,  # the drop's own, or why there is no test of a known one
        architecture=entry.architecture,
        reference=None if reference is None else reference.name,
    )


def _missing(preset: Preset, dataset: str) -> AccuracyRow:
    reason = "not in the zoo: not trained yet"
    return AccuracyRow(
        network=preset.name,
        structure=PAPER_STRUCTURE,
        dataset=dataset,
        synapses=preset.synapses,
        synapses_ratio=PRESETS[DENSE].synapses / preset.synapses,
        macs=form(nin(), preset.formation()).macs,
        accuracy=None,
        test_images=None,
        half_width=None,
        drop=None,
        paper_accuracy=preset.paper_accuracy[dataset],
        epochs=None,
        seed=None,
        seeds=0,
        mean_accuracy=None,
        least_accuracy=None,
        most_accuracy=None,
        teacher=None,
        reason=reason,
        drop_low=None,
        drop_high=None,
        drop_is_paired=None,
        drop_p_value=None,
        drop_reason=reason,
        architecture=DENSE,
        reference=None,
    )
