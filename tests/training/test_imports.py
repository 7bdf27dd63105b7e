"""Modules of a package import each other in one direction, local imports and those for types counted."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sis_edge

ROOT = Path(sis_edge.__file__).parent


def import_graph(root: Path, package: str) -> dict[str, set[str]]:
    """Each module of a package, with those of the same package that it imports, wherever in the file."""
    prefix = f"{root.name}.{package}"
    modules = {f"{prefix}.{path.stem}": path for path in (root / package).glob("*.py") if path.stem != "__init__"}
    return {module: _imports(path, prefix) & modules.keys() for module, path in modules.items()}


def _imports(path: Path, prefix: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:  # `from . import x`, `from .x import y`
                source = ".".join(filter(None, [prefix.rsplit(".", node.level - 1)[0], source]))
            names |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("package", ["training", "models", "sweep", "zoo", "datasets", "transport", "simulated"])
def test_no_two_modules_import_each_other(package: str) -> None:
    graph = import_graph(ROOT, package)
    assert any(graph.values())
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_training_goes_from_the_recipe_to_the_stage() -> None:
    graph = import_graph(ROOT, "training")
    order = [f"sis_edge.training.{name}" for name in ("recipe", "distributed", "train", "stage")]
    for at, module in enumerate(order):
        assert not graph[module] & set(order[at:]), f"{module} imports a later one"


@pytest.mark.parametrize(
    "text",
    [
        "from sis_edge.training import train\n",
        "from sis_edge.training.train import train\n",
        "import sis_edge.training.train\n",
        "from . import train\n",
        "from .train import train\n",
        "def f():\n    from sis_edge.training.train import train\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sis_edge.training import train\n",
    ],
)
def test_a_circle_would_be_seen(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "sis_edge" / "training"
    folder.mkdir(parents=True)
    (folder / "distributed.py").write_text(text)
    (folder / "train.py").write_text("from sis_edge.training.distributed import join\n")
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph(tmp_path / "sis_edge", "training")).prepare()
