"""What the source of a package says of itself, without importing it: who imports whom, how long its parts are.

The direction of imports is held by `misdirected`, by a table of tiers from the ground up: the agent's is in
`agent/test_imports.py`.
"""

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One module imported by another, by full names; `for_types`: only where a type checker looks."""

    importer: str
    imported: str
    line: int
    for_types: bool = False


@dataclass(frozen=True)
class Source:
    """The modules of a package below its folder, by their full names."""

    package: str
    folder: Path

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """Every module, parsed."""
        return {self._name(path): ast.parse(path.read_text()) for path in sorted(self.folder.rglob("*.py"))}

    @cached_property
    def lines(self) -> dict[str, int]:
        """Every module's lines."""
        return {self._name(path): len(path.read_text().splitlines()) for path in sorted(self.folder.rglob("*.py"))}

    def imports(self) -> list[Import]:
        """All of them, those inside of functions too."""
        return [found for name, tree in self.trees.items() for found in self._of(name, tree, for_types=False)]

    def long_functions(self, most: int) -> list[str]:
        """Functions whose body has more lines than that, the docstring not counted."""
        return [
            f"{name}.{function.name} has {length} lines"
            for name, tree in self.trees.items()
            for function in ast.walk(tree)
            if isinstance(function, Function) and (length := body_lines(function)) > most
        ]

    def long_modules(self, most: int) -> list[str]:
        """Modules with more lines than that."""
        return [f"{name} has {lines} lines" for name, lines in self.lines.items() if lines > most]

    def classes(self) -> list[tuple[str, str]]:
        """Every class: its own name and its module's."""
        return [
            (node.name, name)
            for name, tree in self.trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
        ]

    def rooms(self) -> set[str]:
        """The packages and modules right below the package, as `room` names them."""
        return {room(self.package, name) for name in self.trees}

    def _name(self, path: Path) -> str:
        parts = [self.package, *path.relative_to(self.folder).with_suffix("").parts]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _of(self, name: str, node: ast.AST, *, for_types: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, for_types)
        elif isinstance(node, ast.ImportFrom):
            base = self._base(name, node)
            for alias in node.names:
                module = f"{base}.{alias.name}"
                yield Import(name, module if module in self.trees else base, node.lineno, for_types)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for part in node.body:
                yield from self._of(name, part, for_types=True)
            for part in node.orelse:
                yield from self._of(name, part, for_types=for_types)
        else:
            for part in ast.iter_child_nodes(node):
                yield from self._of(name, part, for_types=for_types)

    def _base(self, name: str, node: ast.ImportFrom) -> str:
        """The module that names are imported from; a relative one (`from .log import Log`) by its full name."""
        if not node.level:
            return node.module or ""
        is_package = any(other.startswith(name + ".") for other in self.trees)
        parts = name.split(".")
        kept = parts[: len(parts) - node.level + is_package]
        return ".".join([*kept, node.module] if node.module else kept)


def body_lines(function: Function) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def room(package: str, module: str) -> str:
    """The package or module right below `package` that a module belongs to; the package itself is `__init__`."""
    return module.removeprefix(package).removeprefix(".").partition(".")[0] or "__init__"


def misdirected(
    imports: Sequence[Import],
    package: str,
    tiers: Sequence[str],
    same_tier: Collection[tuple[str, str]] = (),
    forbidden: Collection[str] = (),
) -> list[str]:
    """What imports against the direction, a sentence each.

    `tiers` are the rooms from the ground up, blanks between those of one tier. A room may import from the tiers below
    its own, and within its own what `same_tier` lists as (importer, imported). `forbidden` are packages that nobody may
    import.
    """
    height = {name: level for level, tier in enumerate(tiers) for name in tier.split()}
    faults = []
    for found in imports:
        where = f"{found.importer}, line {found.line}: imports {found.imported}"
        if found.imported.partition(".")[0] in forbidden:
            faults.append(f"{where}, a package that is out of bounds")
        if found.imported.partition(".")[0] != package:
            continue
        importer, imported = room(package, found.importer), room(package, found.imported)
        missing = [name for name in (importer, imported) if name not in height]
        if missing:
            faults.append(f"{where}: {missing[0]} is in no tier of the table")
        elif height[imported] > height[importer]:
            faults.append(f"{where}, upwards")
        elif height[imported] == height[importer] and importer != imported and (importer, imported) not in same_tier:
            faults.append(f"{where}, sideways, and the table does not list it")
    return faults


def repeated(classes: Sequence[tuple[str, str]]) -> list[str]:
    """Class names that more than one module uses."""
    modules: dict[str, list[str]] = {}
    for name, module in classes:
        modules.setdefault(name, []).append(module)
    return [f"{name}: {', '.join(places)}" for name, places in sorted(modules.items()) if len(places) > 1]
