"""The one cache folder: data sets, compiled libraries, the compiler's own cache, calibrations, wheels, sweeps.

And `programs`, the list of the libraries and engines that were made here.
"""

import os
from pathlib import Path

from sis_edge.files.home import expanded


def cache_root(cache_dir: Path | None = None) -> Path:
    """The cache folder: the argument, else the environment's SIS_EDGE_CACHE, else the platform's own."""
    if cache_dir is not None:
        return cache_dir
    if named := os.environ.get("SIS_EDGE_CACHE"):
        return expanded(Path(named))
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("sis-edge"))
