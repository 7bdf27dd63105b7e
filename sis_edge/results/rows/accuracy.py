"""Top-1 accuracy: on the host, on the board, in the paper, and the drop from the dense network."""

from dataclasses import dataclass

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.manifest import NetworkEntry, Training
from sis_edge.results.rows.measured import Measured
from sis_edge.results.statistics import Interval, proportion_difference, wilson

NO_DENSE = "the run has no dense network to compare with"
REFERENCE = "the reference"


@dataclass(frozen=True)
class AccuracyFigures:
    """Accuracies as fractions in [0, 1] with 95% intervals.

    `drop` is the dense network's accuracy on the host minus this one's; `device` is measured on the board.
    """

    paper: Measured[float]
    host: float
    host_test_images: int
    drop: Measured[float]
    drop_interval: Measured[Interval]
    device: Measured[float]
    device_interval: Measured[Interval]
    device_test_images: Measured[int]


def accuracy_figures(
    entry: NetworkEntry, record: NetworkRecord | None, dense: NetworkEntry | None, reason: str
) -> AccuracyFigures:
    """The accuracies of a network; `reason` says why there is none from the board, where there is none."""
    found = record.accuracy if record and record.accuracy and record.accuracy.images else None
    drop, drop_interval = _drop(entry, dense)
    return AccuracyFigures(
        paper=Measured.of(entry.paper_accuracy, "the paper has no figure for this data set"),
        host=entry.training.host_accuracy,
        host_test_images=entry.training.host_test_images,
        drop=drop,
        drop_interval=drop_interval,
        device=Measured.of(found.correct / found.images if found else None, reason),
        device_interval=Measured.of(wilson(found.correct, found.images) if found else None, reason),
        device_test_images=Measured.of(found.images if found else None, reason),
    )


def _drop(entry: NetworkEntry, dense: NetworkEntry | None) -> tuple[Measured[float], Measured[Interval]]:
    if dense is None or dense.name == entry.name:
        reason = NO_DENSE if dense is None else REFERENCE
        return Measured.unknown(reason), Measured.unknown(reason)
    interval = proportion_difference(_correct(dense.training), _correct(entry.training))
    return Measured(dense.training.host_accuracy - entry.training.host_accuracy), Measured(interval)


def _correct(training: Training) -> tuple[int, int]:
    return round(training.host_accuracy * training.host_test_images), training.host_test_images
