import platform
from pathlib import Path

import pytest

from sis_edge.native import build
from sis_edge.native.library import Library


@pytest.fixture(scope="session")
def library_path() -> Path:
    """The library for this machine, from the user's cache."""
    return build.library(platform.machine())


@pytest.fixture(scope="session")
def library(library_path: Path) -> Library:
    return Library(library_path)
