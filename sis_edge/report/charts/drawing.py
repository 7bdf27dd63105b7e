"""SVG elements as text, in the order in which they are painted. Lengths are pixels, y grows downwards."""

import base64
import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any

# The page's colours, with those of a light page for a picture that stands alone.
INK, MUTED, GRID, GROUND = "var(--ink,#1b1f24)", "var(--muted,#57606a)", "var(--grid,#e4e8ec)", "var(--ground,#ffffff)"
REFERENCE, WARN, BAD = "var(--reference,#57606a)", "var(--warn,#8a4b00)", "var(--bad,#a3161f)"
SERIES = tuple(
    f"var(--series-{number},{colour})"
    for number, colour in enumerate(("#1a63a3", "#b4530a", "#1b7546", "#87439b", "#71620a", "#ab2f4a"), 1)
)

SIZE = 12.0
"""Pixels: the height of a chart's text."""

BOLD = 1.13
"""How much wider bold letters are."""

LINE = 15.0
"""Pixels from one line of text to the next."""

SHAPES = ("circle", "square", "triangle", "diamond", "cross")

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDTHS = dict.fromkeys("fijlrt.,:;'|!()[]/I -", 0.4) | dict.fromkeys("mwMW@%—", 0.98)


class Drawing:
    """What is drawn so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def __str__(self) -> str:
        return "".join(self._parts)

    def add(self, other: "Drawing") -> None:
        """What another drawing holds, on top."""
        self._parts += other._parts

    def element(self, name: str, tip: str = "", words: str = "", **attributes: Any) -> None:
        """One element; `_` in a name stands for `-`, and what is None is left out.

        `tip` is shown where a mouse rests on it, `words` are its text.
        """
        given = "".join(
            f' {key.replace("_", "-")}="{attribute(value)}"' for key, value in attributes.items() if value is not None
        )
        inside = (f"<title>{plain(tip)}</title>" if tip else "") + plain(words)
        self._parts.append(f"<{name}{given}>{inside}</{name}>" if inside else f"<{name}{given}/>")

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1, **more: Any) -> None:
        """A straight line."""
        self.element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width, **more)

    def curve(self, points: Sequence[tuple[float, float]], stroke: str, width: float = 1.5, **more: Any) -> None:
        """Straight pieces from point to point."""
        shape = path(points) if len(points) > 1 else f"{path(points)}h0"
        self.element("path", d=shape, fill="none", stroke=stroke, stroke_width=width, stroke_linecap="round", **more)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        size: float = SIZE,
        fill: str = INK,
        is_bold: bool = False,
        has_halo: bool = False,
    ) -> None:
        """Words on a base line; a halo in the colour of the ground sets them off from what lies below."""
        looks: dict[str, Any] = {
            "text_anchor": None if anchor == "start" else anchor,
            "font_size": None if size == SIZE else size,
            "font_weight": "600" if is_bold else None,
        }
        if has_halo:
            looks |= {"stroke": GROUND, "stroke_width": 3, "stroke_linejoin": "round", "paint_order": "stroke"}
        self.element("text", words=words, x=x, y=y, fill=fill, **looks)

    def mark(self, shape: str, x: float, y: float, size: float, fill: str, stroke: str, tip: str = "") -> None:
        """A point of one of SHAPES, `size` from its middle to its side."""
        colours: dict[str, Any] = {"fill": fill, "stroke": stroke, "stroke_width": 1.8}
        if shape == "circle":
            self.element("circle", tip, cx=x, cy=y, r=size, **colours)
        elif shape == "square":
            self.element("rect", tip, x=x - size, y=y - size, width=2 * size, height=2 * size, **colours)
        else:
            self.element("path", tip, d=_outline(shape, x, y, size), **colours)

    def picture(
        self, x: float, y: float, width: float, height: float, png: bytes, tip: str, rendering: str | None = None
    ) -> None:
        """A PNG, stretched to this size."""
        data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        size: dict[str, Any] = {"x": x, "y": y, "width": width, "height": height}
        self.element("image", tip, **size, preserveAspectRatio="none", image_rendering=rendering, href=data)


def _outline(shape: str, x: float, y: float, size: float) -> str:
    corners = {
        "triangle": ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        "cross": ((-1, -1), (0, -0.35), (1, -1), (0.35, 0), (1, 1), (0, 0.35), (-1, 1), (-0.35, 0)),
    }[shape]
    return f"{path([(x + size * across, y + size * down) for across, down in corners])}Z"


def path(points: Sequence[tuple[float, float]]) -> str:
    """The data of a path through these points."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def number(value: float) -> str:
    """A length to a tenth of a pixel, as short as it goes."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def plain(words: str) -> str:
    """Text that is text in XML whatever it holds, on one line."""
    return escape(" ".join(_NOT_XML.sub("\ufffd", words).split()), quote=False)


def attribute(value: str | float) -> str:
    """A length, or text, within an attribute's quotes."""
    return escape(_NOT_XML.sub("\ufffd", value)) if isinstance(value, str) else number(value)


def width_of(words: str, size: float = SIZE, is_bold: bool = False) -> float:
    """About how wide a text is, in pixels: that of a wide font, since nobody knows which the reader has."""
    return _ems(words) * size * (BOLD if is_bold else 1)


@lru_cache(maxsize=8192)
def _ems(words: str) -> float:
    """Most words are drawn three times: for a file, a wide page and a narrow one."""
    return sum(_WIDTHS.get(letter, 0.74 if letter.isupper() else 0.64) for letter in words)


def wrapped(words: str, room: float, size: float = SIZE, is_bold: bool = False, most: int = 2) -> list[str]:
    """The words in lines no wider than `room` pixels, broken where a name has a joint; the last ends in … if cut."""
    lines = [""]
    for part in re.findall(r"[^\s\-_/.,]*[\s\-_/.,]+|[^\s\-_/.,]+", " ".join(words.split())):
        if lines[-1] and width_of(lines[-1] + part.rstrip(), size, is_bold) > room:
            lines.append("")
        while width_of(part.rstrip(), size, is_bold) > room:  # a part without a joint is broken where the line ends
            lines[-1] = shortened(part, room, size, is_bold).removesuffix("…") or part[0]
            part = part[len(lines[-1]) :]
            lines.append("")
        lines[-1] += part
    lines = [line.strip() for line in lines]
    is_cut = len(lines) > most
    lines = [shortened(line, room, size, is_bold) for line in lines[:most]]
    if is_cut and not lines[-1].endswith("…"):
        lines[-1] = shortened(lines[-1] + "……", room, size, is_bold).rstrip("…") + "…"
    return lines


def shortened(words: str, room: float, size: float = SIZE, is_bold: bool = False) -> str:
    """The words, or as many of their letters as the room has, with … behind them."""
    if width_of(words, size, is_bold) <= room:
        return words
    left = room - width_of("…", size, is_bold)
    for at, letter in enumerate(words):
        left -= width_of(letter, size, is_bold)
        if left < 0:
            return words[:at].rstrip() + "…"
    return words + "…"
