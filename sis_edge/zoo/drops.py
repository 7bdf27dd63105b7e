"""How far a network of the zoo is below our own dense network, image by image where both say which they get wrong."""

from collections.abc import Iterable, Sequence

from sis_edge.bundles import wrong_images
from sis_edge.report.rows import p_equals
from sis_edge.results.rows.accuracy import OTHER_IMAGES, REFERENCE, Drop
from sis_edge.zoo.entry import ZooEntry

ONLY_COUNTED = "the zoo has how many images one of the two gets right, not which"


def drop_from_dense(entry: ZooEntry, known: Sequence[ZooEntry]) -> Drop:
    """The drop from an entry's `reference_of`; unknown for a dense network itself."""
    dense = reference_of(entry, known)
    return Drop.unknown(without_reference(entry)) if dense is None else drop_from(dense, entry)


def reference_of(entry: ZooEntry, known: Sequence[ZooEntry]) -> ZooEntry | None:
    """The dense network among `known` that an entry is compared with; None where there is none, and for itself.

    Of several of its architecture and data it is the one with the entry's recipe, else the one trained longest.
    """
    if entry.is_dense:
        return None
    alike = (other for other in known if other.is_dense and other.architecture == entry.architecture)
    dense = (other for other in alike if other.dataset == entry.dataset)
    return max(dense, key=lambda other: (other.is_trained_as(entry), int(other.recipe["epochs"])), default=None)


def by_reference(compared: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    """The networks behind each dense network, from the names of both; none where that is the same one for all."""
    behind: dict[str, list[str]] = {}
    for name, reference in compared:
        if reference is not None:
            behind.setdefault(reference, []).append(name)
    return behind if len(behind) > 1 else {}


def without_reference(entry: ZooEntry) -> str:
    """Why an entry has no dense network that it is compared with."""
    return REFERENCE if entry.is_dense else f"the zoo has no {entry.dense_name} on {entry.dataset}"


def drop_from(reference: ZooEntry, entry: ZooEntry) -> Drop:
    """How far an entry is below another one; unknown where they were tested on other images.

    Both were tested on the same images, so the 95% interval is the paired one, and there is McNemar's test; of an entry
    without its wrong images the interval is that of two independent samples.
    """
    if (reference.dataset_sha256, reference.test_images) != (entry.dataset_sha256, entry.test_images):
        return Drop.unknown(OTHER_IMAGES)
    if reference.wrong_images is None or entry.wrong_images is None:
        return Drop.unpaired(_counts(reference), _counts(entry), ONLY_COUNTED)
    theirs, own = (wrong_images.unpack(wrong) for wrong in (reference.wrong_images, entry.wrong_images))
    return Drop.paired(theirs, own, entry.test_images)


def words(entry: ZooEntry, known: Sequence[ZooEntry]) -> str:
    """The drop for people, or why there is none."""
    drop = drop_from_dense(entry, known)
    estimate, interval = drop.estimate.value, drop.interval.value
    reference = reference_of(entry, known)
    if estimate is None or interval is None or reference is None:
        return f"none: {drop.estimate.reason}"
    same = "the same" if drop.is_paired.value else "not paired,"
    p_value = drop.p_value.map(lambda found: f"McNemar's {p_equals(found)}, ").value or ""
    return (
        f"{100 * estimate:.2f} points from our own {entry.dense_name}, {reference.name} (95% interval "
        f"{100 * interval.low:.2f} to {100 * interval.high:.2f}, {p_value}{same} {entry.test_images:,} test images)"
    )


def _counts(entry: ZooEntry) -> tuple[int, int]:
    return round(entry.accuracy * entry.test_images), entry.test_images
