"""Top-1 accuracy: on the host, on the board, in the paper, and the drop from the dense network."""

from dataclasses import dataclass

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.manifest import NetworkEntry, Training
from sis_edge.results.rows.figure import Figure
from sis_edge.results.statistics import Interval, proportion_difference, wilson

NO_DENSE = "the run has no dense network to compare with"
REFERENCE = "the reference"


@dataclass(frozen=True)
class AccuracyFigures:
    """Accuracies as fractions in [0, 1] with 95% intervals.

    `drop` is the dense network's accuracy on the host minus this one's; `device` is measured on the board.
    """

    paper: Figure[float]
    host: float
    host_test_images: int
    drop: Figure[float]
    drop_interval: Figure[Interval]
    device: Figure[float]
    device_interval: Figure[Interval]
    device_test_images: Figure[int]


def accuracy_figures(
    entry: NetworkEntry, record: NetworkRecord | None, dense: NetworkEntry | None, reason: str
) -> AccuracyFigures:
    """The accuracies of a network; `reason` says why there is none from the board, where there is none."""
    found = record.accuracy if record and record.accuracy and record.accuracy.images else None
    drop, drop_interval = _drop(entry, dense)
    return AccuracyFigures(
        paper=Figure.of(entry.paper_accuracy, "the paper has no figure for this data set"),
        host=entry.training.host_accuracy,
        host_test_images=entry.training.host_test_images,
        drop=drop,
        drop_interval=drop_interval,
        device=Figure.of(found.correct / found.images if found else None, reason),
        device_interval=Figure.of(wilson(found.correct, found.images) if found else None, reason),
        device_test_images=Figure.of(found.images if found else None, reason),
    )


def _drop(entry: NetworkEntry, dense: NetworkEntry | None) -> tuple[Figure[float], Figure[Interval]]:
    if dense is None or dense.name == entry.name:
        reason = NO_DENSE if dense is None else REFERENCE
        return Figure.unknown(reason), Figure.unknown(reason)
    interval = proportion_difference(_correct(dense.training), _correct(entry.training))
    return Figure(dense.training.host_accuracy - entry.training.host_accuracy), Figure(interval)


def _correct(training: Training) -> tuple[int, int]:
    return round(training.host_accuracy * training.host_test_images), training.host_test_images
