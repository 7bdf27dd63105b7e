"""The network of a run to name first: the fastest that costs little accuracy, with what it costs.

Only a network that works and whose speed-up has an interval can be named. Among those whose interval lies above 1, the
fastest is taken whose accuracy is surely not more than MOST_DROP below the reference's, or else the fastest. Accuracies
are those on the board, else those on the host. In a run with several runtimes they are compared with the fastest dense
network of all of them, whichever was asked for first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.results.form_advice import MOST_DROP
from sis_edge.results.rows import Figure, Row
from sis_edge.results.statistics import Interval, proportion_difference


@dataclass(frozen=True)
class Loss:
    """How far an accuracy is below the reference's, as a share of as many `images`."""

    drop: float
    interval: Interval
    images: int

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out no difference."""
        return not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True)
class Best:
    """The network to name, with its speed-up over the reference; `loss` is None where accuracies do not compare.

    `fastest` is another one that is faster still and loses more accuracy, None where there is none.
    """

    row: Row
    reference: Row
    estimate: float
    interval: Interval
    loss: Loss | None
    fastest: "Best | None" = None

    @property
    def is_faster(self) -> bool:
        """Whether its interval lies above 1."""
        return self.interval.low > 1

    @property
    def energies_j(self) -> tuple[float, float] | None:
        """Net energy per inference, its own and the reference's, where one sensor covered the same for both."""
        own, other = self.row.energy, self.reference.energy
        if own.net_j.value is None or other.net_j.value is None or own.scope != other.scope:
            return None
        return own.net_j.value, other.net_j.value


def best(rows: Sequence[Row]) -> Best | None:
    """The network of one run to name first; None where no speed-up over a reference has an interval."""
    reference = _reference(rows)
    if reference is None:
        return None
    found = [each for row in rows if row is not reference and (each := _compared(row, reference)) is not None]
    found.sort(key=lambda each: -each.estimate)
    faster = [each for each in found if each.is_faster]
    cheap = [each for each in faster if each.loss is not None and each.loss.interval.high <= MOST_DROP]
    if cheap and cheap[0] is not faster[0]:
        return Best(**vars(cheap[0]) | {"fastest": faster[0]})
    return next(iter(faster or found), None)


def _reference(rows: Sequence[Row]) -> Row | None:
    """The run's reference; where it measured with several runtimes, the fastest dense network in any of them."""
    fastest = {row.fastest_dense.over.value for row in rows} - {None}
    return next(
        (row for row in rows if (row.identity.label in fastest if fastest else row.identity.is_reference)), None
    )


def _compared(row: Row, reference: Row) -> Best | None:
    found = row.speed_up if row.fastest_dense.over.value is None else row.fastest_dense.speed_up
    estimate, interval = found.estimate.value, found.interval.value
    if row.problem is not None or estimate is None or interval is None:
        return None
    return Best(row, reference, estimate, interval, _loss(row, reference))


def _loss(row: Row, reference: Row) -> Loss | None:
    """The drop that the row has where it is from the reference, else of the two accuracies, as counts of images.

    Networks formed here share the bundle's test images; a user's own may have labels of their own each.
    """
    own, other = row.accuracy, reference.accuracy
    drops = [(own.device_drop, own.device_test_images), (own.host_drop, own.host_test_images)]
    is_from_reference = own.drop_from.value in (reference.identity.label, reference.identity.network)
    for drop, count in drops if is_from_reference else []:
        if drop.estimate.value is not None and drop.interval.value is not None and count.value is not None:
            return Loss(drop.estimate.value, drop.interval.value, count.value)
    if row.identity.is_given or reference.identity.is_given:
        return None
    return _counted(other.device, other.device_test_images, own.device, own.device_test_images) or _counted(
        other.host, other.host_test_images, own.host, own.host_test_images
    )


def _counted(theirs: Figure[float], of: Figure[int], own: Figure[float], images: Figure[int]) -> Loss | None:
    if theirs.value is None or own.value is None or not images.value or of.value != images.value:
        return None
    right = [(round(share * images.value), images.value) for share in (theirs.value, own.value)]
    return Loss(theirs.value - own.value, proportion_difference(right[0], right[1]), images.value)
