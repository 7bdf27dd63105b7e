"""`sis-edge.toml`, damaged or of somebody else's making: the documented error in one line, or what it says."""

from pathlib import Path

import pytest
from config.test_settings import TABLES

from sis_edge import config
from sis_edge.config.file import file_model
from sis_edge.config.refused import REFUSED
from sis_edge.errors import UsageError

from .fuzz import fuzzed, obeyed, odd_bytes, odd_lines

PROJECT = """\
# A project.
[defaults]
threads = 1
networks = ["nin", "cifar10-sis1"]
profile = "local"

[bench]
rate = 2.5
strict = true
precision = "bf16"
onnx = ["a=b.onnx", '''c
d''']

[fleet.deploy]
build-dir = "~/build"
"limit" = "rack-*"

[export-run]
run = ["a.json"]
"""
MODEL = file_model(TABLES)


def is_line(sentence: str) -> None:
    assert not obeyed(sentence)
    assert "\n" not in sentence


@fuzzed(one_in=20, data=odd_lines(PROJECT), torn=odd_bytes(PROJECT.encode()))
def test_a_project_s_file(data: bytes, torn: bytes, tmp_path: Path) -> None:
    for each in (data, torn):
        path = tmp_path / "sis-edge.toml"
        path.write_bytes(each)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("sis_edge.config.file.file_model", lambda options: MODEL)
                found = config.read(TABLES, path)
        except UsageError as error:
            is_line(str(error))
            continue
        for setting in found.settings:
            assert setting.table in TABLES
            assert setting.key in TABLES[setting.table]
            assert setting.key not in REFUSED
            assert 1 <= (setting.line or 0) <= each.count(b"\n") + 1


def test_the_file_is_sound(tmp_path: Path) -> None:
    """So that what becomes of it is more than one error."""
    (tmp_path / "sis-edge.toml").write_text(PROJECT)
    assert len(config.read(TABLES, tmp_path / "sis-edge.toml").settings) == 10
