"""The accuracy of the zoo's networks: those of the paper for a data set, measured or not, then the others."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sis_edge.formation import DENSE, PRESETS, form, presets_for
from sis_edge.formation.presets import Preset, reported_on
from sis_edge.report.table import Column, Table, text_cells
from sis_edge.spec import nin
from sis_edge.zoo.entry import ZooEntry, entries

PAPER_TABLES = {"cifar10": "Table 1", "svhn": "Table 2"}
PAPER_STRUCTURE = "kernel / neuron, uniform"
TRAIN = "sis-edge build --profile x86-64 --dataset {dataset} --networks {networks} --train"


@dataclass(frozen=True)
class AccuracyRow:
    """One network on one data set; what was not measured is None, and `reason` says why.

    `half_width` is half of the 95% interval of the accuracy on `test_images` images (normal approximation);
    `drop` is the loss against our own dense NiN, `synapses_ratio` the dense NiN's synapses over this network's.
    `accuracy` is that of training `seed`, whose weights are in the zoo; the mean, the least and the most
    are over `seeds` trainings.
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
    reason: str | None

    @property
    def difference(self) -> float | None:
        """Our accuracy over the paper's."""
        if self.accuracy is None or self.paper_accuracy is None:
            return None
        return self.accuracy - self.paper_accuracy


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
        drop=entry.drop(known),
        paper_accuracy=entry.paper_accuracy,
        epochs=entry.recipe["epochs"],
        seed=entry.seed,
        seeds=len(entry.accuracies),
        mean_accuracy=statistics.mean(entry.accuracies),
        least_accuracy=min(entry.accuracies),
        most_accuracy=max(entry.accuracies),
        reason=None,
    )


def _missing(preset: Preset, dataset: str) -> AccuracyRow:
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
        reason="not in the zoo: not trained yet",
    )


COLUMNS = (
    Column("network", is_number=False),
    Column("structure (CL / MP)", is_number=False),
    *map(Column, ("synapses", "fewer", "MMAC", "accuracy", "n", "epochs", "drop", "paper", "over paper")),
)
CAPTION = (
    "accuracy: top-1 on the test images, measured once with the weights of the last epoch, no test-time "
    "augmentation, ± the 95% interval of a share of n; drop: points behind our own dense NiN; fewer: synapses of "
    "dense NiN over this network's."
)
NOTHING = "-"


def cells(row: AccuracyRow) -> tuple[str, ...]:
    """A row's texts, as `COLUMNS`."""
    unknown = "not measured"
    return (
        row.network,
        row.structure,
        f"{row.synapses:,}",
        f"{row.synapses_ratio:.2f}x",
        f"{row.macs / 1e6:.1f}",
        unknown
        if row.accuracy is None or row.half_width is None
        else f"{100 * row.accuracy:.2f}% ±{100 * row.half_width:.2f}",
        NOTHING if row.test_images is None else f"{row.test_images:,}",
        NOTHING if row.epochs is None else f"{row.epochs}",
        NOTHING if row.drop is None else f"{100 * row.drop:.2f}",
        NOTHING if row.paper_accuracy is None else f"{100 * row.paper_accuracy:.2f}%",
        NOTHING if row.difference is None else f"{100 * row.difference:+.2f}",
    )


def _over_seeds(rows: Sequence[AccuracyRow]) -> list[str]:
    """What several trainings of one network reached, a sentence each."""
    found = []
    for row in rows:
        mean, least, most = row.mean_accuracy, row.least_accuracy, row.most_accuracy
        if row.seeds > 1 and mean is not None and least is not None and most is not None:
            found.append(
                f"{row.network}, {row.seeds} seeds: {100 * mean:.2f}% in the mean "
                f"({100 * least:.2f} to {100 * most:.2f})."
            )
    return found


def tables(dataset: str, folder: Path | None = None) -> tuple[Table, ...]:
    """The paper's table of that data set, the zoo's other networks, and the paper's other table.

    For a data set on which the paper has no figure: the zoo's networks alone.
    """
    others = other_rows(dataset, folder)
    if dataset not in PAPER_TABLES:
        notes = [f"The paper has no figure on {dataset}.", *_over_seeds(others)]
        if not others:
            notes.append(_not_measured(dataset, presets_for(dataset)))
        return (_table(f"Networks on {dataset}", others, notes),)
    found = [_paper_table(of, folder) for of in sorted(PAPER_TABLES, key=lambda of: of != dataset)]
    if others:
        found.insert(1, _table(f"Other networks on {dataset}", others, _over_seeds(others)))
    return tuple(found)


def _paper_table(dataset: str, folder: Path | None) -> Table:
    rows = paper_rows(dataset, folder)
    missing = [row.network for row in rows if row.accuracy is None]
    notes = [*_over_seeds(rows), *_trained_again(rows)]
    if missing:
        notes.append(_not_measured(dataset, missing))
    return _table(f"The paper's {PAPER_TABLES[dataset]}: {dataset}", rows, notes)


def _trained_again(rows: Sequence[AccuracyRow]) -> list[str]:
    """Which networks were trained for longer when a shorter training of the same synapses had been tested."""
    return [
        f"{row.network} is {other.network} trained anew for {row.epochs} epochs, which was decided when the accuracy "
        f"after {other.epochs} was known."
        for row in rows
        for other in rows
        if row.epochs is not None and other.epochs is not None and row.epochs > other.epochs
        if (row.synapses, row.structure) == (other.synapses, other.structure)
    ]


def _not_measured(dataset: str, networks: Sequence[str]) -> str:
    command = TRAIN.format(dataset=dataset, networks=",".join(networks))
    return f"Not measured: {', '.join(networks)} on {dataset}. One command trains and measures: {command}"


def _table(title: str, rows: Sequence[AccuracyRow], notes: Sequence[str] = ()) -> Table:
    """A table without the columns in which no network has anything: what the paper reports where it reports nothing."""
    lines = [cells(row) for row in rows]
    kept = [at for at in range(len(COLUMNS)) if not lines or any(line[at] != NOTHING for line in lines)]
    shown = text_cells([line[at] for at in kept] for line in lines)
    return Table(title, CAPTION, tuple(COLUMNS[at] for at in kept), shown, tuple(notes))
