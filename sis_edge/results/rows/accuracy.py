"""Top-1 accuracy: on the host, on the board, in the paper, and the drop from another network on the same images."""

from dataclasses import dataclass, replace

from sis_agent.schema import Accuracy, NetworkRecord
from sis_edge.bundles import wrong_images
from sis_edge.bundles.manifest import GivenNetwork, Training
from sis_edge.results.rows.figure import Figure
from sis_edge.results.rows.structure import NOT_FORMED
from sis_edge.results.schema import KnownNetwork
from sis_edge.results.statistics import (
    Interval,
    paired_difference,
    paired_p_value,
    proportion_difference,
    wilson,
)

NO_DENSE = "the run has no dense network to compare with"
REFERENCE = "the reference"
OTHER_IMAGES = "the two accuracies are of different test images"
ONLY_COUNTED = "this run has how many images were right, not which"

NO_REFERENCE = "the run has no reference to compare with"

Pair = tuple[KnownNetwork, NetworkRecord | None]


@dataclass(frozen=True)
class Drop:
    """How far an accuracy is below another one's on the same images.

    The interval is the paired one where it is known which images each of them gets wrong (`is_paired`), else the wider
    one of two independent samples. `p_value` is that of McNemar's test, which needs the images.
    """

    estimate: Figure[float]
    interval: Figure[Interval]
    is_paired: Figure[bool]
    p_value: Figure[float]

    @classmethod
    def unknown(cls, reason: str) -> "Drop":
        """No drop, for one reason."""
        return cls(Figure.unknown(reason), Figure.unknown(reason), Figure.unknown(reason), Figure.unknown(reason))

    @classmethod
    def paired(cls, theirs: frozenset[int], own: frozenset[int], images: int) -> "Drop":
        """By the images that the other network gets wrong and those that this one does."""
        lost, won = len(own - theirs), len(theirs - own)
        interval, p_value = paired_difference(lost, won, images), paired_p_value(lost, won)
        return cls(Figure((lost - won) / images), Figure(interval), Figure(True), Figure(p_value))

    @classmethod
    def unpaired(cls, theirs: tuple[int, int], own: tuple[int, int], why: str = ONLY_COUNTED) -> "Drop":
        """By counts alone, (correct, images) each: the interval is two to three times too wide for the same images.

        `why` says why it is not known which images they are: without them there is no McNemar test.
        """
        estimate = theirs[0] / theirs[1] - own[0] / own[1]
        return cls(Figure(estimate), Figure(proportion_difference(theirs, own)), Figure(False), Figure.unknown(why))

    @classmethod
    def of(cls, theirs: Accuracy, own: Accuracy) -> "Drop":
        """From what a board counted on the same images: by image where it is known which ones each gets wrong."""
        if own.wrong is None or theirs.wrong is None:
            return cls.unpaired((theirs.correct, theirs.images), (own.correct, own.images))
        return cls.paired(frozenset(theirs.wrong), frozenset(own.wrong), own.images)


@dataclass(frozen=True)
class AccuracyFigures:
    """Accuracies as fractions in [0, 1] with 95% intervals; `device` is measured on the board.

    The drops are from `drop_from`: for another precision the same network in float32, else the dense network.
    `training_difference` says how the two were trained where that is not alike.
    """

    paper: Figure[float]
    host: Figure[float]
    host_test_images: Figure[int]
    drop_from: Figure[str]
    host_drop: Drop
    device_drop: Drop
    training_difference: str | None
    device: Figure[float]
    device_interval: Figure[Interval]
    device_test_images: Figure[int]
    device_top5: Figure[float]


def accuracy_figures(network: Pair, other: Pair | None, reason: str, is_same_images: bool = True) -> AccuracyFigures:
    """The accuracies of a network; `other` is what it is compared with, itself for the reference.

    `reason` says why there is none from the board, where there is none; `is_same_images` whether both are of the same.
    """
    entry, record = network
    found = _counted(record)
    is_same = other is not None and other[0].name == entry.name
    nothing = REFERENCE if other is not None else NO_REFERENCE if isinstance(entry, GivenNetwork) else NO_DENSE
    compared = None if is_same else other
    host = None if isinstance(entry, GivenNetwork) else entry.training
    return AccuracyFigures(
        paper=_paper(entry),
        host=Figure.of(host.host_accuracy if host else None, NOT_FORMED),
        host_test_images=Figure.of(host.host_test_images if host else None, NOT_FORMED),
        drop_from=Figure.of(compared[0].name if compared else None, nothing),
        host_drop=_host_drop(entry, compared[0]) if compared else Drop.unknown(nothing),
        device_drop=_device_drop(found, compared[1], reason, is_same_images) if compared else Drop.unknown(nothing),
        training_difference=_training_difference(entry, compared[0]) if compared else None,
        device=Figure.of(found.correct / found.images if found else None, reason),
        device_interval=Figure.of(wilson(found.correct, found.images) if found else None, reason),
        device_test_images=Figure.of(found.images if found else None, reason),
        device_top5=_top5(found, reason),
    )


def _paper(entry: KnownNetwork) -> Figure[float]:
    if isinstance(entry, GivenNetwork):
        return Figure.unknown(NOT_FORMED)
    return Figure.of(entry.paper_accuracy, "the paper has no figure for this data set")


def _top5(found: Accuracy | None, reason: str) -> Figure[float]:
    if found is None or found.correct_top5 is None:
        return Figure.unknown(reason if found is None else "top-5 was not counted")
    return Figure(found.correct_top5 / found.images)


def _counted(record: NetworkRecord | None) -> Accuracy | None:
    return record.accuracy if record and record.accuracy and record.accuracy.images else None


def _host_drop(entry: KnownNetwork, other: KnownNetwork) -> Drop:
    if isinstance(entry, GivenNetwork) or isinstance(other, GivenNetwork):
        return Drop.unknown(NOT_FORMED if isinstance(entry, GivenNetwork) else "sis-edge did not form the reference")
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
    return replace(
        Drop.unpaired(_correct(theirs), _correct(own)), estimate=Figure(theirs.host_accuracy - own.host_accuracy)
    )


def _device_drop(own: Accuracy | None, other: NetworkRecord | None, reason: str, is_same_images: bool) -> Drop:
    theirs = _counted(other)
    if own is None:
        return Drop.unknown(reason)
    if theirs is None:
        return Drop.unknown("what it is compared with has no accuracy on the board")
    if own.images != theirs.images or not is_same_images:
        return Drop.unknown(OTHER_IMAGES)
    return Drop.of(theirs, own)


def _training_difference(entry: KnownNetwork, other: KnownNetwork) -> str | None:
    """How the two were trained, in words that go on from the network's name; None where that is alike, or unknown."""
    if isinstance(entry, GivenNetwork) or isinstance(other, GivenNetwork):
        return None
    own, theirs = entry.training, other.training
    if (own.epochs, own.train_images, own.teacher) == (theirs.epochs, theirs.train_images, theirs.teacher):
        return None
    return f"trained {_amount(own)}, {other.name} {_amount(theirs)}"


def _amount(training: Training) -> str:
    if training.epochs is None or training.train_images is None:
        return "by its user"
    plural = "s" if training.epochs != 1 else ""
    taught = "" if training.teacher is None else f", taught by {training.teacher}"
    return f"for {training.epochs} epoch{plural} of {training.train_images:,} images{taught}"


def _correct(training: Training) -> tuple[int, int]:
    return round(training.host_accuracy * training.host_test_images), training.host_test_images
