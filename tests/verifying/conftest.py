from pathlib import Path

import pytest

from verifying.measured import Measured, measured, moved


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Not to be changed."""
    return measured(tmp_path_factory.mktemp("measured"))


@pytest.fixture
def mine(made: Measured, tmp_path: Path) -> Measured:
    """May be changed."""
    return moved(made, tmp_path)
