"""The agent's rooms: imports point downwards only, and nothing in them grows beyond what one can read."""

from pathlib import Path

import pytest
from imports import Source, misdirected, repeated

import sis_agent

AGENT = Source("sis_agent", Path(sis_agent.__file__).parent)

# From the ground up. A room imports from the tiers before its own, and from a neighbour only where SAME_TIER lists it.
TIERS = (
    "__init__ schema protocol tree files commands clock lock child lookup builtin plugins",
    "board cuda native power",
    "runners",
    "clocks worker",
    "inventory",
    "calibration measure",
    "job",
    "examination",
    "cli",
    "__main__",
)

SAME_TIER = {
    ("protocol", "schema"),
    ("files", "protocol"),
    ("lock", "files"),
    ("lock", "protocol"),
    ("commands", "clock"),
}

HOST = "sis_edge"


def faults(source: Source) -> list[str]:
    return misdirected(source.imports(), "sis_agent", TIERS, SAME_TIER, [HOST])


def test_imports_point_downwards() -> None:
    assert faults(AGENT) == []


def test_the_table_is_the_tree() -> None:
    assert AGENT.rooms() == {name for tier in TIERS for name in tier.split()}
    used = {
        (found.importer.split(".")[1], found.imported.split(".")[1])
        for found in AGENT.imports()
        if found.importer.count(".") and found.imported.startswith("sis_agent.")
    }
    assert used >= SAME_TIER, "the table lists a pair that nobody imports any more"


def test_the_readme_names_every_room() -> None:
    text = (Path(__file__).parents[2] / "agent/README.md").read_text()
    rows = text.partition("## Files")[2].partition("On the board:")[0]
    for name in AGENT.rooms() - {"__init__"}:
        is_package = (AGENT.folder / name).is_dir()
        assert f"`{name}/`" in rows if is_package else f"`{name}.py`" in rows, name


@pytest.mark.parametrize(
    ("module", "line", "fault"),
    [
        ("runners/base.py", "from sis_agent.worker import memory", "upwards"),
        ("runners/base.py", "def f():\n    import sis_agent.worker.memory", "upwards"),
        ("tree.py", "from sis_agent import cli", "upwards"),
        ("power/base.py", "from sis_agent.board.cpu import read", "sideways, and the table does not list it"),
        ("clock.py", "from sis_agent.files import JOBS", "sideways, and the table does not list it"),
        ("clocks/watchdog.py", "from ..worker import memory", "sideways, and the table does not list it"),
        ("job/folder.py", "from sis_edge.spec import Spec", "out of bounds"),
        ("job/folder.py", "import sis_edge", "out of bounds"),
        ("attic.py", "from sis_agent.tree import Tree", "attic is in no tier of the table"),
    ],
)
def test_an_import_in_another_direction_is_a_fault(module: str, line: str, fault: str, tmp_path: Path) -> None:
    for name in ("worker/memory.py", "board/cpu.py", "cli.py", "files.py", "tree.py", module):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert faults(Source("sis_agent", tmp_path)) == []
    (tmp_path / module).write_text(line + "\n")
    (found,) = faults(Source("sis_agent", tmp_path))
    assert fault in found
    assert found.startswith("sis_agent." + module.removesuffix(".py").replace("/", "."))


def test_functions_and_modules_stay_short() -> None:
    assert AGENT.long_functions(50) == []
    assert AGENT.long_modules(400) == []


def test_a_long_function_is_found(tmp_path: Path) -> None:
    lines = "".join(f"        step({at})\n" for at in range(51))
    (tmp_path / "a.py").write_text(f'class A:\n    def b(self):\n        """One.\n\n        Two.\n        """\n{lines}')
    source = Source("sis_agent", tmp_path)
    assert source.long_functions(50) == ["sis_agent.a.b has 51 lines"]
    assert source.long_functions(51) == []
    assert source.long_modules(50) == ["sis_agent.a has 57 lines"]


def test_a_class_name_stands_for_one_class() -> None:
    assert repeated(AGENT.classes()) == []
    assert repeated([("A", "x"), ("B", "x"), ("A", "y")]) == ["A: x, y"]
