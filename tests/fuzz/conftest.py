from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all cases of a target share: one for each would be made ten thousand times."""
    return tmp_path_factory.mktemp("fuzz")
