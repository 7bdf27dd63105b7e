"""Words of the command line as values: shares, numbers, lists. A mistake names option, value and what is valid."""

import re
from collections.abc import Iterable
from typing import TypeVar

from sis_edge.errors import UsageError
from sis_edge.registries import BACKENDS

Value = TypeVar("Value")


def share(option: str, text: str, *, up_to_one: bool = False) -> float:
    """A share from "1%" or "0.01": above 0 and below 1, or up to 1.

    >>> share("--target-ci", "1%"), share("--t-c", " 0.25 "), share("--t-c", "1", up_to_one=True)
    (0.01, 0.25, 1.0)
    """
    words = text.strip()
    try:
        value = float(words.removesuffix("%")) / (100 if words.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not (0 < value < 1 or (up_to_one and value == 1)):
        limits, example = ("above 0 and up to 1", "0.25 or 25%") if up_to_one else ("between 0 and 1", "1% or 0.01")
        raise UsageError(f"{option} is '{text}', and must be a number {limits}, such as {example}{_with_a_point(text)}")
    return value


def _with_a_point(text: str) -> str:
    """What to add where a decimal comma was written.

    >>> _with_a_point("0,25"), _with_a_point("much")
    ('; write a decimal point: 0.25', '')
    """
    if not re.fullmatch(r"\s*\d+,\d+\s*%?\s*", text):
        return ""
    return f"; write a decimal point: {text.strip().replace(',', '.')}"


def shares(option: str, text: str) -> tuple[float, ...]:
    """Shares from "0.25,0.5,1", each once; none from an empty text.

    >>> shares("--t-c", "0.25, 0.5,1"), shares("--t-c", "")
    ((0.25, 0.5, 1.0), ())
    """
    try:
        return once(share(option, word, up_to_one=True) for word in names(text))
    except UsageError:
        raise UsageError(
            f"{option} is '{text}', and must be numbers above 0 and up to 1, comma-separated, such as 0.25,0.5,1"
            f"{_with_a_point(text)}"
        ) from None


def whole_numbers(option: str, text: str, what: str, below: int, example: str) -> tuple[int, ...]:
    """Whole numbers from 0 up to below a limit, from "0,1,2", each once; `what` says what they are.

    >>> whole_numbers("--seeds", "0, 1,1", "seeds", 2**32, "0,1,2")
    (0, 1)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 11 and int(part) < below for part in parts):
        raise UsageError(
            f"{option} is '{text}', and must be {what} (0 to {below - 1}), comma-separated, such as {example}"
        )
    return once(map(int, parts))


def names(text: str) -> tuple[str, ...]:
    """Names from a comma-separated list.

    >>> names("nin, cifar10-sis1,,nin")
    ('nin', 'cifar10-sis1', 'nin')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def once(values: Iterable[Value]) -> tuple[Value, ...]:
    """Each value once, in the order of their first places."""
    return tuple(dict.fromkeys(values))


def backends(text: str) -> tuple[str, ...]:
    """The runtimes of `--backend`; raises UsageError for an unknown one, and for none.

    >>> backends("tensorrt, onnxruntime")
    ('tensorrt', 'onnxruntime')
    """
    found = names(text)
    for name in found or (text,):
        BACKENDS.checked(name)
    return found
