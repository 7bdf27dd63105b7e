"""Top-1 accuracy: on the host, on the board, in the paper, and the drop from another network on the same images."""

from dataclasses import dataclass

from sis_agent.schema import Accuracy, NetworkRecord
from sis_edge.bundles import wrong_images
from sis_edge.bundles.manifest import NetworkEntry, Training
from sis_edge.results.rows.figure import Figure
from sis_edge.results.statistics import Interval, paired_difference, proportion_difference, wilson

NO_DENSE = "the run has no dense network to compare with"
REFERENCE = "the reference"
OTHER_IMAGES = "the two accuracies are of different test images"
ONLY_COUNTED = "this run has how many images were right, not which"

Pair = tuple[NetworkEntry, NetworkRecord | None]


@dataclass(frozen=True)
class Drop:
    """How far an accuracy is below another one's on the same images.

    The interval is the paired one where it is known which images each of them gets wrong (`is_paired`).
    """

    estimate: Figure[float]
    interval: Figure[Interval]
    is_paired: Figure[bool]

    @classmethod
    def unknown(cls, reason: str) -> "Drop":
        """No drop, for one reason."""
        return cls(Figure.unknown(reason), Figure.unknown(reason), Figure.unknown(reason))

    @classmethod
    def paired(cls, theirs: frozenset[int], own: frozenset[int], images: int) -> "Drop":
        """By the images that the other network gets wrong and those that this one does."""
        lost, won = len(own - theirs), len(theirs - own)
        return cls(Figure((lost - won) / images), Figure(paired_difference(lost, won, images)), Figure(True))


@dataclass(frozen=True)
class AccuracyFigures:
    """Accuracies as fractions in [0, 1] with 95% intervals; `device` is measured on the board.

    The drops are from `drop_from`: for another precision the same network in float32, else the dense network.
    `training_difference` says how the two were trained where that is not alike.
    """

    paper: Figure[float]
    host: float
    host_test_images: int
    drop_from: Figure[str]
    host_drop: Drop
    device_drop: Drop
    training_difference: str | None
    device: Figure[float]
    device_interval: Figure[Interval]
    device_test_images: Figure[int]


def accuracy_figures(network: Pair, other: Pair | None, reason: str) -> AccuracyFigures:
    """The accuracies of a network; `other` is what it is compared with, itself for the reference.

    `reason` says why there is none from the board, where there is none.
    """
    entry, record = network
    found = _counted(record)
    is_same = other is not None and other[0].name == entry.name
    nothing = NO_DENSE if other is None else REFERENCE
    compared = None if is_same else other
    return AccuracyFigures(
        paper=Figure.of(entry.paper_accuracy, "the paper has no figure for this data set"),
        host=entry.training.host_accuracy,
        host_test_images=entry.training.host_test_images,
        drop_from=Figure.of(compared[0].name if compared else None, nothing),
        host_drop=_host_drop(entry, compared[0]) if compared else Drop.unknown(nothing),
        device_drop=_device_drop(found, _counted(compared[1]), reason) if compared else Drop.unknown(nothing),
        training_difference=_training_difference(entry, compared[0]) if compared else None,
        device=Figure.of(found.correct / found.images if found else None, reason),
        device_interval=Figure.of(wilson(found.correct, found.images) if found else None, reason),
        device_test_images=Figure.of(found.images if found else None, reason),
    )


def _counted(record: NetworkRecord | None) -> Accuracy | None:
    return record.accuracy if record and record.accuracy and record.accuracy.images else None


def _host_drop(entry: NetworkEntry, other: NetworkEntry) -> Drop:
    own, theirs = entry.training, other.training
    variant = next((variant for variant in entry.variants if variant.precision == entry.precision), None)
    if variant is not None and entry.name != other.name and entry.precision != other.precision:
        # Both by ONNX Runtime on the bundle's test images; PyTorch's accuracy in float32 may be of more.
        fp32 = {"host_accuracy": variant.fp32_accuracy, "host_test_images": variant.host_test_images}
        theirs = theirs.model_copy(update={**fp32, "host_wrong": variant.fp32_wrong})
    if own.host_test_images != theirs.host_test_images:
        return Drop.unknown(OTHER_IMAGES)
    if own.host_wrong is not None and theirs.host_wrong is not None:
        both = wrong_images.unpack(theirs.host_wrong), wrong_images.unpack(own.host_wrong)
        return Drop.paired(*both, own.host_test_images)
    interval = proportion_difference(_correct(theirs), _correct(own))
    return Drop(Figure(theirs.host_accuracy - own.host_accuracy), Figure(interval), Figure(False))


def _device_drop(own: Accuracy | None, theirs: Accuracy | None, reason: str) -> Drop:
    if own is None:
        return Drop.unknown(reason)
    if theirs is None:
        return Drop.unknown("what it is compared with has no accuracy on the board")
    if own.images != theirs.images:
        return Drop.unknown(OTHER_IMAGES)
    if own.wrong is None or theirs.wrong is None:
        return Drop.unknown(ONLY_COUNTED)
    return Drop.paired(frozenset(theirs.wrong), frozenset(own.wrong), own.images)


def _training_difference(entry: NetworkEntry, other: NetworkEntry) -> str | None:
    """How the two were trained, in words that go on from the network's name; None where that is alike."""
    own, theirs = entry.training, other.training
    if (own.epochs, own.train_images) == (theirs.epochs, theirs.train_images):
        return None
    return f"trained {_amount(own)}, {other.name} {_amount(theirs)}"


def _amount(training: Training) -> str:
    if training.epochs is None or training.train_images is None:
        return "by its user"
    plural = "s" if training.epochs != 1 else ""
    return f"for {training.epochs} epoch{plural} of {training.train_images:,} images"


def _correct(training: Training) -> tuple[int, int]:
    return round(training.host_accuracy * training.host_test_images), training.host_test_images
