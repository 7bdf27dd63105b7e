"""The data set that a run's networks were trained on, by its hash: only the test images are in the bundle."""

from sis_edge import datasets
from sis_edge.errors import DatasetError, UsageError
from sis_edge.results.schema import StoredRun
from sis_edge.verifying.link import ChainLink, changed, ok, unchecked

SUBJECT = "data set"


def of_dataset(run: StoredRun, *, is_loaded: bool) -> list[ChainLink]:
    """The data set of a run; it is loaded, and fetched where the cache lacks it, only where that is asked for."""
    name, expected = run.manifest.dataset, run.manifest.dataset_sha256
    if name is None or expected is None:
        return []
    if run.manifest.own_images is not None:
        return [unchecked(SUBJECT, f"images of the user's own, SHA-256 {expected}: `sis-edge datasets show --data`")]
    if not is_loaded:
        return [unchecked(SUBJECT, f"{name} was not loaded (SHA-256 {expected}); --data loads it")]
    try:
        found = datasets.load(name, progress=False).sha256
    except (DatasetError, UsageError) as error:
        return [unchecked(SUBJECT, f"{name} cannot be loaded: {error}")]
    if found != expected:
        return [changed(SUBJECT, f"{name} has SHA-256 {found} here, the run's was {expected}")]
    return [ok(SUBJECT, f"{name} has the run's SHA-256 {expected}")]
