"""What all fuzz targets share: how many cases there are, and sound documents with something wrong in them.

Each target is a test of its own: a parser is given what a broken board, a damaged disk or an enemy may give it, and
either takes it or raises the error that it documents. A case is made from the target's name and its number, so it is
the same wherever it runs: 1,000 of them every day, 10,000 in the long tests, and fewer where one takes longer than a
tenth of a millisecond (`one_in`). `SIS_EDGE_FUZZ_CASES=10000` makes so many of each.
"""

import copy
import functools
import inspect
import json
import os
import pickle
import struct
import unicodedata
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar

import pytest

EVERY_DAY, LONG = 1_000, 10_000
ASKED = int(os.environ.get("SIS_EDGE_FUZZ_CASES", "0"))

DEEP = "a deeply nested list"
Place = tuple[str | int, ...]
Value = TypeVar("Value")
Maker = Callable[[Random], Value]
"""Makes a value of a test from random numbers."""

Test = Callable[..., None]
LONGEST_NOTE = 4000

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
    *(b"9" * 5000, b"[" * 3000, b"{a=" * 3000),
)
"""Bytes that mean something to some parser."""


def obeyed(text: str) -> list[str]:
    """The letters of a text that a terminal may obey; tabs and ends of lines too."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [letter for letter in text if unicodedata.category(letter) in kinds and letter not in "\u200c\u200d"]


def fuzzed(one_in: int = 1, **makers: Maker[Any]) -> Callable[[Test], Test]:
    """Give a test its cases: each parameter that is named here is made anew for each.

    `one_in` lowers their number: that of tenths of a millisecond that one takes.
    """

    def declare(test: Test) -> Test:
        @functools.wraps(test)
        def run(*, cases: int, **others: Any) -> None:
            for number in range(cases):
                random = Random(f"{test.__module__}.{test.__name__} {number}")
                values = {name: make(random) for name, make in makers.items()}
                try:
                    test(**others, **values)
                except BaseException as error:
                    error.add_note(f"case {number}: {ascii(values)[:LONGEST_NOTE]}")
                    raise

        own = [each for name, each in inspect.signature(test).parameters.items() if name not in makers]
        count = inspect.Parameter("cases", inspect.Parameter.KEYWORD_ONLY)
        run.__signature__ = inspect.Signature([*own, count])  # type: ignore[attr-defined]
        every_day, long = (ASKED or count // one_in for count in (EVERY_DAY, LONG))
        marked = pytest.param(long, id="long", marks=pytest.mark.slow)
        return pytest.mark.parametrize("cases", [pytest.param(every_day, id="every day"), marked])(run)

    return declare


def numbers(random: Random) -> Random:
    """For a test that makes its values itself."""
    return random


def odd_json(document: Any) -> Maker[str]:
    """Makes the JSON of a document in which one to three places have something else, or are gone."""
    places = list(_places([document]))
    packed = pickle.dumps([document])  # which is copied faster so

    def make(random: Random) -> str:
        whole = pickle.loads(packed)
        for _ in range(random.randint(1, 3)):
            *way, last = random.choice(places)
            holder: Any = whole
            try:
                for step in way:
                    holder = holder[step]
                _spoil(holder, last, random)
            except (KeyError, IndexError, TypeError):
                continue  # an edit before this one took the place away
        text = json.dumps(whole[0] if whole else None)
        depth = random.choice((3, 70, 70, 70, 100_000))
        return text.replace(f'"{DEEP}"', "[" * depth + "]" * depth) if DEEP in text else text

    return make


def _spoil(holder: Any, last: Any, random: Random) -> None:
    """Change what is at this place of a list or an object."""
    match random.randint(0, 9):
        case 0:
            del holder[last]
        case 1:
            holder[last] = [holder[last]]
        case 2 if isinstance(holder, list):
            holder.insert(last, holder[last])
        case 3:
            holder[last] = DEEP
        case 4:
            holder[random.choice(("x", "", "name"))] = copy.deepcopy(random.choice(ODD))
        case 5:
            holder[last] = random.choice((any_float, any_integer, any_text))(random)
        case _:
            holder[last] = copy.deepcopy(random.choice(ODD))


def odd_bytes(data: bytes) -> Maker[bytes]:
    """Makes the bytes with one to four edits: something put in, taken out, doubled, or replaced."""

    def make(random: Random) -> bytes:
        found = bytearray(data)
        for _ in range(random.randint(1, 4)):
            start = random.randint(0, len(found))
            end = min(len(found), start + random.choice((0, 1, 2, 4, 16, 300)))
            match random.randint(0, 9):
                case 0 | 1:
                    del found[start:end]
                case 2 | 3:
                    found[start:start] = found[start:end]
                case 4 | 5:
                    found[start:end] = any_bytes(random, 8)
                case 6:
                    del found[start:]
                case _:
                    found[start:end] = random.choice(PIECES)
        return bytes(found)

    return make


def odd_lines(text: str) -> Maker[bytes]:
    """Makes the text with words replaced, lines doubled, dropped or moved, then edited as bytes now and then."""
    sound = [line.split(" ") for line in text.split("\n")]

    def make(random: Random) -> bytes:
        lines = [list(words) for words in sound]
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(lines))
            match random.randint(0, 4):
                case 0 if len(lines) > 1:
                    del lines[at]
                case 1:
                    lines.insert(at, list(lines[at]))
                case 2:
                    lines.append(lines.pop(at))
                case _:
                    piece = random.choice((random.choice(PIECES), any_text(random, 6).encode(errors="replace")))
                    lines[at][random.randrange(len(lines[at]))] = piece.decode(errors="surrogateescape")
        data = "\n".join(" ".join(words) for words in lines).encode(errors="surrogateescape")
        return odd_bytes(data)(random) if random.randint(0, 1) else data

    return make


def or_sound(sound: Value, odd: Maker[Value]) -> Maker[Value]:
    """Makes the sound value half of the time, for what is looked at in several steps."""
    return lambda random: sound if random.randint(0, 1) else odd(random)


def any_bytes(random: Random, most: int = 200) -> bytes:
    """Up to so many bytes."""
    return random.randbytes(random.randint(0, most))


def any_text(random: Random, most: int = 20) -> str:
    """Up to so many letters of any script."""
    last = random.choice((0x7E, 0xFF, 0xD7FF, 0x10FFFF))
    letters = (random.randint(0, last) for _ in range(random.randint(0, most)))
    return "".join(chr(letter) for letter in letters if not 0xD800 <= letter < 0xE000)


def any_float(random: Random) -> float:
    """A number of any size, or none."""
    return float(struct.unpack("<d", random.randbytes(8))[0])


def any_integer(random: Random) -> int:
    """A whole number of up to 200 bits."""
    return random.getrandbits(random.randint(1, 200)) * random.choice((1, -1))


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
