"""A list of what can be named, each name with what it stands for: the one place that help, schema and messages ask.

Names cost no import: what a built-in one stands for is written as "module:attribute" and loaded when it is asked for.
A package of somebody else's adds names by entry points of the registry's group, a program by `register`.

    [project.entry-points."sis_edge.granularities"]
    diagonal = "my_package:Diagonal"
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sis_edge.errors import UsageError, unknown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Names in their order: the built-in ones, those of other packages, those that were registered.

    `kind` is what one of them is called in a message, `group` the entry points' group, `show` the command that lists
    them with more than their names.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str], show: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self.show = show
        self._targets: dict[str, str | T] = dict(builtin)
        self._loaded: dict[str, T] = {}
        self._registered: set[str] = set()
        self._knows_others = False

    def find(self, name: str) -> T:
        """What the name stands for; raises UsageError with the names that there are."""
        if name not in self:
            raise unknown(self.kind, name, self, self.show)
        return self[name]

    def checked(self, name: str) -> str:
        """The name itself, if there is one like it; raises UsageError as `find` does. Loads nothing."""
        if name not in self:
            raise unknown(self.kind, name, self, self.show)
        return name

    def register(self, name: str, what: T) -> None:
        """Add a name for this process, or give one that was registered before another meaning.

        Raises UsageError for a built-in name and for one of another package's.
        """
        if name in self and name not in self._registered:
            raise UsageError(f"{self.kind} '{name}' exists already; choose another name")
        self._registered.add(name)
        self._targets[name] = self._loaded[name] = what

    def listed(self) -> str:
        """The names, comma-separated, for help texts and messages."""
        return ", ".join(self)

    def __getitem__(self, name: str) -> T:
        if name not in self._loaded:
            target = self._all()[name]
            self._loaded[name] = _load(target) if isinstance(target, str) else target
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __eq__(self, other: object) -> bool:
        """A registry equals itself only: it stands in annotations, which are compared and hashed."""
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def _all(self) -> dict[str, str | T]:
        """Every name, the entry points' included: found once, and not before the first question."""
        if not self._knows_others:
            self._knows_others = True
            for point in sorted(_entry_points().select(group=self.group), key=lambda point: point.name):
                self._targets.setdefault(point.name, point.value)
        return self._targets


@dataclass(frozen=True)
class NameIn:
    """For the annotation of a pydantic field: a text that is a name of the registry, now or at the time of reading."""

    registry: Registry[Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: "CoreSchema", handler: "GetJsonSchemaHandler") -> dict[str, Any]:
        return {"type": "string", "enum": list(self.registry)}

    def _checked(self, name: str) -> str:
        try:
            return self.registry.checked(name)
        except UsageError as error:
            raise ValueError(str(error)) from None


@cache
def _entry_points() -> Any:  # its type differs between releases of Python
    """Those of every installed package: one look through them all takes longer than anything else that a help needs."""
    from importlib.metadata import entry_points

    return entry_points()


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    found = import_module(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return found
