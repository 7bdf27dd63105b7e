import platform
from pathlib import Path

import pytest

from sis_agent.native.library import Library
from sis_edge.native import build


@pytest.fixture(scope="session")
def library_path() -> Path:
    """The library for this machine, from the user's cache."""
    return build.library(platform.machine())


@pytest.fixture(scope="session")
def library(library_path: Path) -> Library:
    return Library(library_path)
