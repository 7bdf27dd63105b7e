"""The data sets, one file each; `registries.DATASETS` lists them; a user's own are in `own`.

Images are uint8 [N, 3, height, width] whatever the source: 32 x 32 from the registry's. Only numpy is imported here:
what a loader needs beyond it, it imports when it runs.
"""

import sys
from pathlib import Path

from sis_edge.datasets.base import Dataset, ImageSet, Loader, Places
from sis_edge.datasets.own import OwnData
from sis_edge.errors import UsageError
from sis_edge.files.cache import cache_root
from sis_edge.files.paths import AnyPath
from sis_edge.registries import DATASETS


def load(
    name: str,
    *,
    data_dir: AnyPath | None = None,
    own: OwnData | None = None,
    cache_dir: AnyPath | None = None,
    progress: bool = True,
) -> Dataset:
    """Load a data set, fetching what the cache lacks; every file is checked by its hash.

    `data_dir` is a folder with the user's own copy of the official files, which is then the only source. `own` are
    images of the user's own, which are loaded instead of a data set of the registry. `cache_dir` replaces the
    platform's cache folder. Raises UsageError for an unknown name or a `data_dir` that is no folder,
    DatasetError when no source has the files (the sentence says why each failed), DiskError when the cache cannot be
    written.
    """
    cache = None if cache_dir is None else Path(cache_dir)
    if own is not None:
        return own.load(cache_dir=cache, progress=progress)
    loader = DATASETS.find(name)
    place = None if data_dir is None else Path(data_dir)
    if place is not None and not place.is_dir():
        raise UsageError(f"there is no folder {place}; --data-dir names a folder with the files of {name}")
    return loader(Places(place, cache_root(cache) / "datasets" / name, progress))


def class_count(name: str, *, data_dir: AnyPath | None = None) -> int:
    """How many classes a data set has; it is loaded only where its module has no list `CLASSES`. Raises as `load`."""
    module = sys.modules[DATASETS.find(name).__module__]
    classes = getattr(module, "CLASSES", None)
    return len(load(name, data_dir=data_dir).classes if classes is None else classes)


__all__ = ["Dataset", "ImageSet", "Loader", "OwnData", "Places", "class_count", "load"]
