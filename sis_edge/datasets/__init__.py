"""The data sets, one file each; `registries.DATASETS` lists them; images are uint8 [N, 3, 32, 32] whatever the source.

Only numpy is imported here: what a loader needs beyond it, it imports when it runs.
"""

from pathlib import Path

from sis_edge.datasets.base import Dataset, ImageSet, Loader, Places
from sis_edge.errors import UsageError
from sis_edge.files.cache import cache_root
from sis_edge.registries import DATASETS


def load(name: str, *, data_dir: Path | None = None, cache_dir: Path | None = None, progress: bool = True) -> Dataset:
    """Load a data set, fetching what the cache lacks; every file is checked by its hash.

    `data_dir` is a folder with the user's own copy of the official files, which is then the only source. `cache_dir`
    replaces the platform's cache folder. Raises UsageError for an unknown name or a `data_dir` that is no folder,
    DatasetError when no source has the files (the sentence says why each failed), DiskError when the cache cannot be
    written.
    """
    loader = DATASETS.find(name)
    if data_dir is not None and not data_dir.is_dir():
        raise UsageError(f"there is no folder {data_dir}; --data-dir names a folder with the files of {name}")
    return loader(Places(data_dir, cache_root(cache_dir) / "datasets" / name, progress))


__all__ = ["Dataset", "ImageSet", "Loader", "Places", "load"]
