"""Top-1 accuracy on the board, image by image: the drop in points."""

from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.results.changes.change import Compared, Metric, MetricChange
from sis_edge.results.rows.accuracy import OTHER_IMAGES, Drop


def change(base: Compared, candidate: Compared) -> MetricChange | str:
    """How far the candidate's accuracy is below the base's, as a difference of shares, on the same images."""
    before, after = base.record.accuracy, candidate.record.accuracy
    for each, found in ((base, before), (candidate, after)):
        if found is None or not found.images:
            return "no labels were given" if isinstance(each.entry, GivenNetwork) else "the bundle holds no test images"
    assert before is not None
    assert after is not None
    if before.images != after.images or _images(base) != _images(candidate):
        return OTHER_IMAGES
    return MetricChange(
        base=before.correct / before.images,
        candidate=after.correct / after.images,
        estimate=(before.correct - after.correct) / before.images,
        interval=Drop.of(before, after).interval.value,
        samples=before.images,
        sampled="test images",
    )


def _images(one: Compared) -> list[str]:
    """What tells sets of labelled images apart: hashes of the files; a user's own inputs may have another shape."""
    job = one.run.record.job
    files = (one.entry.labels,) if isinstance(one.entry, GivenNetwork) else (job.test_images, job.test_labels)
    return [file.sha256 for file in one.run.manifest.files if file.path in files]


METRIC = Metric("accuracy", "accuracy (top-1)", "", change, in_points=True, varies=False)
