"""Text and JSON that somebody else wrote (a board, a bundle, a stored file): bounded, and safe to show.

Everything that comes from outside goes through here once, where it enters, so that what is printed later holds no
control sequences, no number that is not finite and no text of megabytes.
"""

import json
import math
import re
import unicodedata
from typing import Any

MOST_DEPTH = 64
"""Levels of lists and objects; ours have ten."""

LONGEST = 10_000
"""Characters of one text in a board's answer; longer ones are cut."""

LARGEST = 1 << 64
"""Whole numbers are below it: larger ones would overflow as soon as they are divided."""

_CUT = "\N{HORIZONTAL ELLIPSIS}"
_BREAKS = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+ *")
_REPLACED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of Unicode that a terminal may obey: controls, directions of writing, halves of pairs, line separators."""

_JOINERS = "\u200c\u200d"
"""Of these, what writing needs: in Persian and Hindi, and in emoji."""


def printable(text: str) -> str:
    """The text for a message: bytes that are not UTF-8, control characters and directions of writing are replaced.

    >>> printable("nano\\x1b[2J")
    'nano\N{REPLACEMENT CHARACTER}[2J'
    """
    if text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in _REPLACED and letter not in _JOINERS else letter
        for letter in text
    )


def one_line(text: str, longest: int | None = LONGEST) -> str:
    """The text in one line without control characters, cut where it is longer than that.

    >>> one_line("Traceback:\\n  \\x1b[31mboom"), one_line("abcdef", 4)
    ('Traceback: \N{REPLACEMENT CHARACTER}[31mboom', 'abc\N{HORIZONTAL ELLIPSIS}')
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + _CUT
    return text if text.isprintable() else printable(_BREAKS.sub(" ", text))


def lines(text: str) -> str:
    """Each line of a message without control characters; the lines stay."""
    return "\n".join(map(printable, text.split("\n")))


def loads(data: bytes | str, *, longest: int | None = LONGEST) -> Any:
    """Parsed JSON of lists, objects, texts as `one_line` has them, and finite numbers; raises ValueError for others."""
    try:
        return _cleaned(json.loads(data), 0, longest)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MOST_DEPTH} levels") from None


def _cleaned(value: Any, depth: int, longest: int | None) -> Any:
    if isinstance(value, str):
        return one_line(value, longest)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("it holds a number that is not finite")
        return value
    if isinstance(value, int):
        if abs(value) >= LARGEST:
            raise ValueError("it holds a whole number of more than 64 bits")
        return value
    if depth >= MOST_DEPTH:
        raise ValueError(f"it is nested deeper than {MOST_DEPTH} levels")
    if isinstance(value, list):
        return [_cleaned(each, depth + 1, longest) for each in value]
    if isinstance(value, dict):
        return {one_line(name, longest): _cleaned(each, depth + 1, longest) for name, each in value.items()}
    return value
