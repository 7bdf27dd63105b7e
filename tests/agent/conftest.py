import sys
from pathlib import Path

import pytest

from .board import Board

SENSOR = {"name": "ina3221", "in1_label": "VDD_IN", "in1_input": "5000", "curr1_input": "1200"}


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board whose Python is that of the tests, with files for the null runner."""
    board = Board(tmp_path / "root", sys.executable)
    board.put_empty_bundle()
    return board


@pytest.fixture
def sysroot(tmp_path: Path) -> str:
    """The file tree of a board with a sensor that always says 6 W."""
    folder = tmp_path / "sysroot/sys/class/hwmon/hwmon1"
    folder.mkdir(parents=True)
    for name, text in SENSOR.items():
        (folder / name).write_text(text + "\n")
    return str(tmp_path / "sysroot")
