"""The tables of the zoo's accuracies: the paper's, and the other networks."""

from collections.abc import Sequence
from pathlib import Path

from sis_edge.formation import presets_for
from sis_edge.report.rows import p_value, points
from sis_edge.report.table import Column, Table, text_cells
from sis_edge.zoo.drops import by_reference
from sis_edge.zoo.rows import AccuracyRow, other_rows, paper_rows

PAPER_TABLES = {"cifar10": "Table 1", "svhn": "Table 2"}
TRAIN = "sis-edge build --profile x86-64 --dataset {dataset} --networks {networks} --train"

COLUMNS = (
    Column("network", is_number=False),
    Column("structure (CL / MP)", is_number=False),
    *map(Column, ("synapses", "fewer", "MMAC", "accuracy", "n", "epochs", "seeds")),
    *map(Column, ("drop", "95% interval", "p", "paper", "over paper")),
)
CAPTION = (
    "accuracy: top-1 on the test images, measured once with the weights of the last epoch, no test-time "
    "augmentation, ± the 95% interval of a share of n; drop: points behind our own dense network, of several the one "
    "trained alike, with its 95% interval and McNemar's p (mid-p), both paired: the same images went through both "
    "networks, and those count on which only one is right. Both are about the choice of test images; another seed of "
    "training moves the drop, too. fewer: synapses of dense NiN over this network's."
)
NOTHING = "-"


def cells(row: AccuracyRow) -> tuple[str, ...]:
    """A row's texts, as `COLUMNS`."""
    unknown = "not measured"
    return (
        row.network,
        row.series,
        f"{row.synapses:,}",
        f"{row.synapses_ratio:.2f}x",
        f"{row.macs / 1e6:.1f}",
        unknown
        if row.accuracy is None or row.half_width is None
        else f"{100 * row.accuracy:.2f}% ±{100 * row.half_width:.2f}",
        NOTHING if row.test_images is None else f"{row.test_images:,}",
        NOTHING if row.epochs is None else f"{row.epochs}",
        f"{row.seeds}" if row.seeds else NOTHING,
        NOTHING if row.drop is None else f"{100 * row.drop:.2f}",
        interval(row),
        NOTHING if row.drop_p_value is None else p_value(row.drop_p_value),
        NOTHING if row.paper_accuracy is None else f"{100 * row.paper_accuracy:.2f}%",
        NOTHING if row.difference is None else f"{100 * row.difference:+.2f}",
    )


def interval(row: AccuracyRow) -> str:
    """The 95% interval of a drop, in points; one that is not of the same images, one by one, says so."""
    if row.drop_low is None or row.drop_high is None:
        return NOTHING
    return f"{points(row.drop_low)} to {points(row.drop_high)}{'' if row.drop_is_paired else ' (unpaired)'}"


def _notes(rows: Sequence[AccuracyRow]) -> list[str]:
    return [note for of in (_over_seeds, _trained_again, _references, _untested, _taught) for note in of(rows)]


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


def _references(rows: Sequence[AccuracyRow]) -> list[str]:
    """What the drops are from, where that is not the same for all: a sentence for each."""
    behind = by_reference((row.network, row.reference) for row in rows)
    return [f"Behind {reference}: {', '.join(names)}." for reference, names in behind.items()]


def _untested(rows: Sequence[AccuracyRow]) -> list[str]:
    """Why a drop that is known has no p-value: a sentence for each reason."""
    without = [row for row in rows if row.drop is not None and row.drop_p_value is None]
    reasons = dict.fromkeys(row.drop_reason for row in without)
    return [
        f"No p for {', '.join(row.network for row in without if row.drop_reason == reason)}: {reason}."
        for reason in reasons
    ]


def _taught(rows: Sequence[AccuracyRow]) -> list[str]:
    """Which networks learned from another's outputs, too: a sentence for each teacher."""
    teachers = dict.fromkeys(row.teacher for row in rows if row.teacher is not None)
    return [
        f"Taught by {teacher} (distillation): {', '.join(row.network for row in rows if row.teacher == teacher)}."
        for teacher in teachers
    ]


def tables(dataset: str, folder: Path | None = None) -> tuple[Table, ...]:
    """The paper's table of that data set, the zoo's other networks, and the paper's other table.

    For a data set on which the paper has no figure: the zoo's networks alone.
    """
    others = other_rows(dataset, folder)
    notes = _notes(others)
    if dataset not in PAPER_TABLES:
        notes = [f"The paper has no figure on {dataset}.", *notes]
        if not others:
            notes.append(_not_measured(dataset, presets_for(dataset)))
        return (_table(f"Networks on {dataset}", others, notes),)
    own, *rest = [_paper_table(of, folder) for of in sorted(PAPER_TABLES, key=lambda of: of != dataset)]
    of_others = [_table(f"Other networks on {dataset}", others, notes)] if others else []
    return (own, *of_others, *rest)


def _paper_table(dataset: str, folder: Path | None) -> Table:
    rows = paper_rows(dataset, folder)
    missing = [row.network for row in rows if row.accuracy is None]
    notes = _notes(rows)
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
        if (row.synapses, row.series) == (other.synapses, other.series)
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
