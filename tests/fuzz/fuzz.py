"""What all fuzz targets share: how many cases there are, and sound documents with something wrong in them.

Each target is a test of its own: a parser is given what a broken board, a damaged disk or an enemy may give it, and
either takes it or raises the error that it documents. `SIS_EDGE_FUZZ_CASES=10000` makes the runs long.
"""

import copy
import json
import os
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("SIS_EDGE_FUZZ_CASES", "40"))

DEEP = "a deeply nested list"
Place = tuple[str | int, ...]
T = TypeVar("T", bound=Callable[..., Any])

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 7, 0.0, -0.0, 0.5, 1.5, -1.5, 5e-324, 1e-300, 1e300, 1e308, -1e308),
    *(float("inf"), float("-inf"), float("nan"), 2**31, 2**63, -(2**63), 2**64 + 1, 10**400),
    *("", "x", "0", "-1", "nan", "true", "../../x", "/dev/zero", "\x1b[2J\x07", "\ud800", "\u202e", "a\nb", "\0", "é"),
    *([], {}, [[]], [None], [0], [-1.0], ["x"], {"": None}, {"x": []}, [1, 2, 3], {"a": {"b": {}}}),
)
"""Values that stand where another kind, or another size, was meant."""

PIECES = (
    *(b"", b"\0", b"\xff", b"\xc3", b"\n", b"\r\n", b" ", b'"', b"'", b"\\", b"-", b"%", b"0", b"9" * 30, b"-1"),
    *(b"nan", b"inf", b"1e999", b"\xd9\xa1", b"\xc2\xb2", b"\xe2\x80\xae", b"\x1b[2J", b"=", b":", b",", b"[", b"{"),
    *(b"(", b")", b"*", b"!", b"@", b"|", b"/", b"..", b"#", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"x" * 5000),
)
"""Bytes that mean something to some parser."""


def obeyed(text: str) -> list[str]:
    """The letters of a text that a terminal may obey; tabs and ends of lines too."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [letter for letter in text if unicodedata.category(letter) in kinds and letter not in "\u200c\u200d"]


def fuzzed(test: T, one_in: int = 1) -> T:
    """The test with as many cases as were asked for; nothing of it depends on time or on an earlier run.

    `one_in` lowers the count where a case takes tens of milliseconds.
    """
    configured = settings(
        max_examples=max(CASES // one_in, 1),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    return configured(test)


def seldom_fuzzed(test: T) -> T:
    """As `fuzzed`, with a quarter of the cases."""
    return fuzzed(test, one_in=4)


@st.composite
def odd_json(draw: st.DrawFn, document: Any) -> str:
    """The JSON of a document in which one to three places have something else, or are gone."""
    whole = [copy.deepcopy(document)]
    places = list(_places([document]))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places))
        holder: Any = whole
        try:
            for step in way:
                holder = holder[step]
            match draw(st.integers(0, 9)):
                case 0:
                    del holder[last]
                case 1:
                    holder[last] = [holder[last]]
                case 2 if isinstance(holder, list):
                    holder.insert(last, holder[last])
                case 3:
                    holder[last] = DEEP
                case 4:
                    holder[draw(st.sampled_from(("x", "", "name")))] = copy.deepcopy(draw(st.sampled_from(ODD)))
                case 5:
                    holder[last] = draw(st.floats() | st.integers() | st.text(max_size=20))
                case _:
                    holder[last] = copy.deepcopy(draw(st.sampled_from(ODD)))
        except (KeyError, IndexError, TypeError):
            continue  # an edit before this one took the place away
    depth = draw(st.sampled_from((3, 70, 100_000)))
    return json.dumps(whole[0] if whole else None).replace(f'"{DEEP}"', "[" * depth + "]" * depth)


@st.composite
def odd_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with one to four edits: something put in, taken out, doubled, or replaced."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(found)))
        end = min(len(found), start + draw(st.sampled_from((0, 1, 2, 4, 16, 300))))
        match draw(st.integers(0, 4)):
            case 0:
                del found[start:end]
            case 1:
                found[start:start] = found[start:end]
            case 2:
                found[start:end] = draw(st.binary(max_size=8))
            case 3:
                del found[start:]
            case _:
                found[start:end] = draw(st.sampled_from(PIECES))
    return bytes(found)


@st.composite
def odd_lines(draw: st.DrawFn, text: str) -> bytes:
    """A text with words replaced, lines doubled, dropped or in another order, then edited as bytes now and then."""
    lines = [line.split(" ") for line in text.split("\n")]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines.insert(at, list(lines[at]))
            case 2:
                lines.append(lines.pop(at))
            case _:
                word = draw(st.integers(0, len(lines[at]) - 1))
                piece = draw(st.sampled_from(PIECES) | st.text(max_size=6).map(lambda t: t.encode(errors="replace")))
                lines[at][word] = piece.decode(errors="surrogateescape")
    data = "\n".join(" ".join(words) for words in lines).encode(errors="surrogateescape")
    return draw(odd_bytes(data)) if draw(st.booleans()) else data


def _places(value: Any, before: Place = ()) -> Iterator[Place]:
    """Every place below a value; of long lists of one kind the first and the last two."""
    if isinstance(value, dict):
        steps: list[str | int] = list(value)
    elif isinstance(value, list):
        steps = [at for at in range(len(value)) if at < 2 or at >= len(value) - 1]
    else:
        return
    for step in steps:
        yield (*before, step)
        yield from _places(value[step], (*before, step))
