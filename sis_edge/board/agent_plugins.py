"""Runners and power sensors that other packages add to the agent: a module each, named by an entry point.

    [project.entry-points."sis_agent.power"]
    my-meter = "my_meter_on_the_board"

The module is one file that runs on the board, next to the agent's own: Python 3.6, `sis_agent` and the standard
library, and its runtime imported where it is used (the agent's README has its functions). It is copied into the
archive, and `sis_agent/plugins.py` there names it.
"""

import ast
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sis_agent import builtin
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

OUTSIDE = "sis_agent/outside"
TABLES_MEMBER = "sis_agent/plugins.py"
_OLDEST = (3, 6)
_OLDEST_TEXT = "boards have Python 3.6 and newer"
_OUTSIDE_DOCSTRING = b'"""Modules that other packages brought; plugins.py has their names."""\n'
_TABLES_DOCSTRING = '"""Runners and power sensors that other packages brought, written by the host."""\n\n'


class PluginKind(NamedTuple):
    """One kind of plugin: what a message calls it, its table in `sis_agent.plugins`, the names that are taken."""

    kind: str
    table: str
    builtin: Mapping[str, str]


GROUPS = {
    "sis_agent.runners": PluginKind("runner", "RUNNERS", builtin.RUNNERS),
    "sis_agent.power": PluginKind("power sensor", "POWER", builtin.POWER),
}


class SourceFault(NamedTuple):
    """What is wrong with a module's source, and in which line."""

    line: int
    text: str


def members() -> dict[str, bytes]:
    """What plugins add to the agent's archive, path -> content; empty where there are none.

    Raises UsageError for a plugin that cannot work on a board.
    """
    from importlib.metadata import entry_points

    found: dict[str, bytes] = {}
    tables = []
    for name, group in GROUPS.items():
        modules: dict[str, str] = {}
        for point in sorted(entry_points(group=name), key=lambda point: (point.name, point.value)):
            who = f"{group.kind} '{point.name}' of {_package(point)}"
            if point.name in group.builtin or point.name in modules:
                raise UsageError(f"{who}: there is a {group.kind} of this name already; choose another one")
            module = point.value.replace(".", "__")
            found[f"{OUTSIDE}/{module}.py"] = _source(point.value, who)
            modules[point.name] = f"{OUTSIDE.replace('/', '.')}.{module}"
        tables.append(f"{group.table} = {modules!r}\n")
    if not found:
        return {}
    found[f"{OUTSIDE}/__init__.py"] = _OUTSIDE_DOCSTRING
    found[TABLES_MEMBER] = (_TABLES_DOCSTRING + "".join(tables)).encode()
    return found


def _source(module: str, who: str) -> bytes:
    """The text of a module that is one file and fits on a board."""
    if ":" in module:
        raise UsageError(f"{who}: '{module}' is not a module; leave out what follows the colon")
    try:
        spec = find_spec(module)
    except Exception as error:  # importing the package around it may do anything
        raise UsageError(f"{who}: module '{module}' cannot be imported ({error}); reinstall the package") from error
    if spec is None:
        raise UsageError(f"{who}: there is no module '{module}'; reinstall the package")
    path = _file(spec)
    if path is None:
        raise UsageError(f"{who}: module '{module}' is not a single Python file; put what the board needs into one")
    source = path.read_bytes()
    fault = _fault(source)
    if fault is not None:
        raise UsageError(f"{who}: {path}, line {fault.line}: {fault.text}")
    return source


def _file(spec: ModuleSpec) -> Path | None:
    """The file of a module that is no more than that; None for a package, a compiled or a built-in module."""
    if spec.submodule_search_locations is not None or not isinstance(spec.loader, SourceFileLoader):
        return None
    return Path(spec.loader.path)


def _fault(source: bytes) -> SourceFault | None:
    """What in a module cannot work on a board, as far as a newer Python sees it.

    That is the grammar of Python 3.6, `annotations` from the future (3.7), and imports of what no board has. What this
    leaves, the board's own Python finds when it imports the module, and its answer says so.
    """
    try:
        tree = ast.parse(source, feature_version=_OLDEST)
    except SyntaxError as error:
        return SourceFault(error.lineno or 1, f"{error.msg}; {_OLDEST_TEXT}")
    except ValueError as error:  # a NUL byte
        return SourceFault(1, f"{error}; {_OLDEST_TEXT}")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                return SourceFault(node.lineno, "a relative import; on the board the module has no package around it")
            if node.module == "__future__" and "annotations" in (alias.name for alias in node.names):
                return SourceFault(
                    node.lineno, f"`from __future__ import annotations` needs Python 3.7; {_OLDEST_TEXT}"
                )
            imported = [node.module or ""]
        elif isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        else:
            continue
        if "sis_edge" in (name.partition(".")[0] for name in imported):
            return SourceFault(node.lineno, "it imports sis_edge, which boards do not have")
    return None


def _package(point: "EntryPoint") -> str:
    return f"the package {point.dist.name}" if point.dist is not None else "an unknown package"
