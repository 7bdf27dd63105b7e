"""The host's rooms: imports point downwards only, names stand for one thing, nothing grows beyond a readable size."""

from pathlib import Path

import pytest
from imports import Source, misdirected, repeated, room

import sis_agent
import sis_edge

HOST = Source("sis_edge", Path(sis_edge.__file__).parent)
AGENT = Source("sis_agent", Path(sis_agent.__file__).parent)

# From the ground up. A room imports from the tiers before its own, and from a neighbour only where SAME_TIER lists it.
TIERS = (
    "__init__ errors extras text",
    "files spec",
    "registries",
    "bundles config formation transport",
    "backends datasets networks",
    "profiles",
    "native simulated",
    "models",
    "exporting training",
    "results",
    "board",
    "report",
    "history query verifying zoo",
    "build doctor explaining sweep",
    "fleet gate",
    "front cli",
    "__main__",
)

SAME_TIER: set[tuple[str, str]] = set()

DOOR = ("sis_edge", "sis_edge.front")
"""The front door stands on the ground floor and opens, when it is first used, to the top."""

SPOKEN = ("sis_agent", "sis_agent.schema", "sis_agent.protocol", "sis_agent.files", "sis_agent.clock")
"""What host and agent say to each other, and the agent's list of what is built in."""

SHARED = {
    ("board", "sis_agent.board.thermal"),
    ("board", "sis_agent.calibration.calibrate"),
    ("board", "sis_agent.job.receive"),
    ("board", "sis_agent.worker.process"),
    ("bundles", "sis_agent.board"),
    ("exporting", "sis_agent.native.library"),
    ("native", "sis_agent.calibration"),
    ("results", "sis_agent.measure.confidence"),
    ("results", "sis_agent.measure.interference"),
    ("results", "sis_agent.power"),
}
"""Code of the agent's that the host runs too, so that it is written once: (room, agent's module)."""

MOST_LINES_OF_A_FUNCTION = 50
MOST_LINES_OF_A_MODULE = 400


def faults(source: Source) -> list[str]:
    """Imports against the direction; what only a type checker follows makes no circle."""
    followed = [found for found in source.imports() if not found.for_types and (found.importer, found.imported) != DOOR]
    return misdirected(followed, "sis_edge", TIERS, SAME_TIER)


def test_imports_point_downwards() -> None:
    assert faults(HOST) == []


def test_the_table_is_the_tree() -> None:
    assert HOST.rooms() == {name for tier in TIERS for name in tier.split()}
    assert sorted(name for tier in TIERS for name in tier.split()) == sorted(HOST.rooms()), "a room stands twice"


@pytest.mark.parametrize(
    ("module", "line", "fault"),
    [
        ("files/disk.py", "from sis_edge.errors import DiskError", None),
        ("files/disk.py", "from sis_edge.bundles.manifest import Manifest", "upwards"),
        ("results/store.py", "def f():\n    from sis_edge import report", "upwards"),
        ("models/net.py", "import sis_edge.exporting.onnx_file", "upwards"),
        ("models/net.py", "from ..results import store", "upwards"),
        ("exporting/fold.py", "from sis_edge.training import recipe", "sideways"),
        ("attic/old.py", "from sis_edge import errors", "attic is in no tier of the table"),
        ("__init__.py", "def f():\n    from sis_edge import front", None),
        ("__init__.py", "def f():\n    from sis_edge import build", "upwards"),
        (
            "registries.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sis_edge.models import net",
            None,
        ),
    ],
)
def test_an_import_in_another_direction_is_a_fault(module: str, line: str, fault: str | None, tmp_path: Path) -> None:
    rooms = ("errors.py", "files/disk.py", "bundles/manifest.py", "results/store.py", "models/net.py", "build/plan.py")
    more = ("exporting/fold.py", "exporting/onnx_file.py", "training/recipe.py", "report/page.py", "front/runs.py")
    for name in (*rooms, *more, "__init__.py", module):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
        ((tmp_path / name).parent / "__init__.py").touch()
    assert faults(Source("sis_edge", tmp_path)) == []
    (tmp_path / module).write_text(line + "\n")
    found = faults(Source("sis_edge", tmp_path))
    if fault is None:
        assert found == []
    else:
        (sentence,) = found
        assert fault in sentence


def test_the_host_takes_little_from_the_agent() -> None:
    taken = {
        (room("sis_edge", found.importer), found.imported)
        for found in HOST.imports()
        if found.imported.partition(".")[0] == "sis_agent" and found.imported not in SPOKEN
    }
    assert taken == SHARED


def test_functions_and_modules_stay_short() -> None:
    assert HOST.long_functions(MOST_LINES_OF_A_FUNCTION) == []
    assert HOST.long_modules(MOST_LINES_OF_A_MODULE) == []


def test_a_class_name_stands_for_one_class_in_both_trees() -> None:
    assert repeated(HOST.classes() + AGENT.classes()) == []
