"""Accuracy by size in one list: our networks, the paper's figures for the same counts, what others published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sis_edge.report.table import Column, Table, text_cells
from sis_edge.zoo.published import published
from sis_edge.zoo.rows import AccuracyRow

Whose = Literal["ours", "the paper", "others"]


@dataclass(frozen=True)
class SizedFigure:
    """An accuracy at a size. `synapses` are parameters where others count those; `macs_reason`: why `macs` is None."""

    network: str
    whose: Whose
    structure: str
    synapses: int
    macs: int | None
    accuracy: float
    source: str
    is_target: bool = False
    macs_reason: str | None = None

    @property
    def series(self) -> str:
        """What it is one of in a chart: ours by structure, the others by whose they are."""
        return self.structure if self.whose == "ours" else self.whose


def figures(dataset: str, rows: Sequence[AccuracyRow]) -> list[SizedFigure]:
    """All of a data set: ours and the paper's in the order of the rows, then the others'; a target is none reached."""
    found: list[SizedFigure] = []
    for row in rows:
        own = row.series, row.synapses, row.macs
        if row.accuracy is not None:
            source = f"measured, {row.test_images:,} test images; {_seeds(row)}{_taught(row)}"
            found.append(SizedFigure(row.network, "ours", *own, row.accuracy, source))
        if row.paper_accuracy is not None and not any(_is_quoted(each, row) for each in found):
            found.append(SizedFigure(row.network, "the paper", *own, row.paper_accuracy, "quoted: the paper"))
    for each in published(dataset):
        size = each.structure, each.parameters, each.macs
        source = f"quoted: {each.source}"
        found.append(SizedFigure(each.name, "others", *size, each.accuracy, source, each.is_target, each.reason))
    return found


def table(dataset: str, found: Sequence[SizedFigure]) -> Table:
    """The list as a table, the largest first."""
    columns = (
        *(Column(title, is_number=False) for title in ("network", "whose", "structure")),
        *map(Column, ("synapses", "MMAC", "accuracy")),
        Column("source", is_number=False),
    )
    lines = [
        (
            each.network,
            each.whose,
            each.structure,
            f"{each.synapses:,}",
            "-" if each.macs is None else f"{each.macs / 1e6:.1f}",
            f"{100 * each.accuracy:.2f}%{' (target)' if each.is_target else ''}",
            each.source,
        )
        for each in sorted(found, key=lambda each: -each.synapses)
    ]
    caption = (
        "Others' figures are for scale: trained otherwise (epochs, augmentations, often the choice of the best epoch), "
        "and counted in parameters, which include those of normalisation and biases, as synapses do not. MMAC -: the "
        "source has no count, or only a share of the dense network's."
    )
    return Table(f"Accuracy by size on {dataset}: ours, the paper's, published", caption, columns, text_cells(lines))


def _is_quoted(figure: SizedFigure, row: AccuracyRow) -> bool:
    """Whether it is the paper's for the same count: two trainings of one network have one figure of the paper's."""
    return figure.whose == "the paper" and (figure.synapses, figure.accuracy) == (row.synapses, row.paper_accuracy)


def _taught(row: AccuracyRow) -> str:
    return "" if row.teacher is None else f"; taught by {row.teacher}"


def _seeds(row: AccuracyRow) -> str:
    mean, least, most = row.mean_accuracy, row.least_accuracy, row.most_accuracy
    if row.seeds < 2 or mean is None or least is None or most is None:
        return "1 seed"
    return f"{row.seeds} seeds {100 * mean:.2f} ({100 * least:.2f} to {100 * most:.2f})"
