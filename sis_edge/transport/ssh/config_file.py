"""The lines of an OpenSSH client configuration: keyword, words, comments and quotes as OpenSSH splits them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sis_edge.errors import TransportError
from sis_edge.text.foreign import printable

# One `=` may separate keyword and value.
_LINE = re.compile(r'[ \t\r]*"?([^\s="]+)"?(?:[ \t\r]*=[ \t\r]*|[ \t\r]+|$)(.*)', re.DOTALL)


@dataclass(frozen=True)
class ConfigLine:
    """One setting: its keyword in lower case, its value as written, and the words of that without quotes."""

    file: Path
    number: int
    keyword: str
    value: str
    words: tuple[str, ...]

    def error(self, reason: str) -> TransportError:
        """The error for this line, with the place to fix it."""
        return TransportError(
            f"{printable(str(self.file))} line {self.number}: {printable(reason)}; fix the SSH configuration"
        )


def lines(path: Path) -> Iterator[ConfigLine]:
    """The settings of a file in their order; raises OSError, and TransportError for a line that cannot be read."""
    # Paths may hold any bytes; what must be text is checked where it is used.
    text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    for number, raw in enumerate(text.split("\n"), start=1):
        # OpenSSH reads C strings.
        line = raw.partition("\0")[0].rstrip(" \t\r\f")
        match = _LINE.match(line)
        if match is None or match[1].startswith("#"):
            continue
        found = ConfigLine(path, number, match[1].lower(), match[2], ())
        if not match[2]:
            raise found.error(f"{match[1]} has no value")
        try:
            words = split(match[2])
        except ValueError:
            raise found.error("a quote is not closed") from None
        yield ConfigLine(path, number, found.keyword, match[2], words)


def split(text: str) -> tuple[str, ...]:
    r"""The words of a value, up to a comment; raises ValueError for a quote that is not closed.

    >>> split('192.168.1.20 # desk'), split('"two words" it\\\'s a#b'), split("a\\b c\\ d 'e f'")
    (('192.168.1.20',), ('two words', "it's", 'a#b'), ('a\\b', 'c d', 'e f'))
    """
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        if text[at] == "#":
            break
        word, at = _word(text, at)
        words.append(word)
    return tuple(words)


def _word(text: str, at: int) -> tuple[str, int]:
    letters: list[str] = []
    quote = ""
    while at < len(text):
        letter, after = text[at], text[at + 1 : at + 2]
        if letter == "\\" and (after in ("'", '"', "\\") or (after == " " and not quote)):
            letters.append(after)
            at += 1
        elif not quote and letter in " \t":
            break
        elif not quote and letter in "'\"":
            quote = letter
        elif quote and letter == quote:
            quote = ""
        else:
            letters.append(letter)
        at += 1
    if quote:
        raise ValueError("a quote is not closed")
    return "".join(letters), at
