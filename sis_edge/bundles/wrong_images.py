"""Which images a network classifies wrongly, as one text: their numbers in order, from 0, with blanks between."""

from collections.abc import Iterable


def pack(numbers: Iterable[int]) -> str:
    """The text.

    >>> pack([250, 3, 17]), pack([])
    ('3 17 250', '')
    """
    return " ".join(map(str, sorted(numbers)))


def unpack(text: str) -> frozenset[int]:
    """The numbers of a text.

    >>> sorted(unpack("3 17 250"))
    [3, 17, 250]
    """
    return frozenset(map(int, text.split()))
