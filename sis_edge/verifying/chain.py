"""A stored run followed along its hashes: record, bundle, weights, graphs, data."""

from pathlib import Path

from sis_edge.bundles.verify import Bundle
from sis_edge.results import store
from sis_edge.verifying import bundle_files, images, run_file
from sis_edge.verifying.link import ChainLink, Verification


def verify(
    path: Path,
    bundle: Bundle | Path,
    *,
    manifest: Bundle | None = None,
    with_dataset: bool = False,
    shown: Path | None = None,
) -> Verification:
    """Check a stored run's file and what it names; `bundle` is the run's, or the folder where bundles are.

    `manifest` is a bundle of which perhaps only the manifest is here; `shown` is how messages name the file. Raises
    RecordError where the file is no readable run: then there is nothing to follow.
    """
    data = store.content(path)
    run, text = store.parsed(data, shown or path), store.text(data, shown or path)
    found = [*run_file.of_file(data, text), run_file.of_parts(run)]
    there = bundle_files.find(run, bundle) if isinstance(bundle, Path) else bundle
    if isinstance(there, ChainLink):
        found += [bundle_files.without(run, manifest), there]
    else:
        found += bundle_files.of_bundle(run, there)
    found += images.of_dataset(run, is_loaded=with_dataset)
    return Verification(run.record.run_id, run.bundle_id, tuple(found))
