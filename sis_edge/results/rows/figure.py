"""A number (or text) that may be unknown: then the reason takes its place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Figure(Generic[T]):
    """A value, or None with the reason why it is unknown: exactly one of the two.

    >>> Figure(0.5).map(lambda value: 2 * value)
    Figure(value=1.0, reason=None)
    >>> Figure[float].unknown("not measured").map(lambda value: 2 * value)
    Figure(value=None, reason='not measured')
    """

    value: T | None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError(f"value {self.value!r} with reason {self.reason!r}: exactly one of the two is needed")

    @classmethod
    def unknown(cls, reason: str) -> "Figure[T]":
        """An unknown value and why it is unknown."""
        return cls(None, reason)

    @classmethod
    def of(cls, value: T | None, reason: str) -> "Figure[T]":
        """The value; where it is None, unknown for this reason."""
        return cls(value, reason if value is None else None)

    def map(self, function: Callable[[T], U]) -> "Figure[U]":
        """The function of a known value; an unknown one keeps its reason."""
        if self.value is None:
            return Figure(None, self.reason)
        return Figure(function(self.value))
