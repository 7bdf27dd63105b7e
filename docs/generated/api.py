"""The Python API: each name that `import sis_edge` offers, with its signature, its docstring and its public members."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import sis_edge
from generated.text import paragraphs

MODULES = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])")
"""The modules before a class's name."""

ARRAYS = re.compile(r"numpy\.ndarray\[tuple\[Any, \.\.\.\], numpy\.dtype\[\w+\]\]")


def reference() -> str:
    """The functions first, then the classes that they return."""
    names = sorted(sis_edge.__all__, key=lambda name: (name[0].isupper(), name))
    return "\n".join(_section(name, getattr(sis_edge, name)) for name in names)


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class of ours, those that it inherits from others of ours too."""
    seen = set()
    for each in kind.__mro__:
        for name, member in vars(each).items() if each.__module__.startswith("sis_") else ():
            is_member = callable(member) or isinstance(member, (property, classmethod, staticmethod))
            if is_member and not name.startswith("_") and name not in seen and inspect.getdoc(member):
                seen.add(name)
                yield name, member


def _section(name: str, found: Any) -> str:
    title = f"## sis_edge.{name}\n"
    if not inspect.isclass(found):
        return f"{title}\n{_signature(name, found)}\n{paragraphs(found.__doc__)}\n"
    parts = [f"{title}\n{paragraphs(found.__doc__)}\n"]
    for each, member in members(found):
        called = getattr(member, "__func__", member)
        about = "" if isinstance(member, property) else f"{_signature(each, called)}\n"
        parts.append(f"### {name}.{each}\n\n{about}{paragraphs(inspect.getdoc(member))}\n")
    return "\n".join(parts)


def _signature(name: str, function: Any) -> str:
    """The signature as a block of code, on several lines where it is long."""
    found = inspect.signature(function)
    given = list(_parameters(found))
    answer = "" if found.return_annotation is found.empty else f" -> {_type(found.return_annotation)}"
    text = f"{name}({', '.join(given)}){answer}"
    if len(text) > 90:
        text = "\n".join((f"{name}(", *(f"    {each}," for each in given), f"){answer}"))
    return f"```python\n{text}\n```\n"


def _parameters(found: inspect.Signature) -> Iterator[str]:
    is_named = False
    for each in found.parameters.values():
        if each.name in ("self", "cls"):
            continue
        if each.kind is each.KEYWORD_ONLY and not is_named:
            is_named = True
            yield "*"
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        kind = "" if each.annotation is each.empty else f": {_type(each.annotation)}"
        default = "" if each.default is each.empty else f" = {'...' if callable(each.default) else repr(each.default)}"
        yield f"{stars}{each.name}{kind}{default}"


def _type(annotation: Any) -> str:
    """An annotation by the names of its classes only."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return ARRAYS.sub("ndarray", MODULES.sub("", text))
