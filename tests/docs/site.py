"""The documentation as tests read it: pages with their generated parts, headings, links, blocks of commands."""

import importlib
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLED = re.compile(r'^```\S+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def maker(name: str) -> ModuleType:
    """A module of `docs/`, which is no package of sis-edge's."""
    folder = str(ROOT / "docs")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


@cache
def pages() -> dict[str, str]:
    """Every page as the site has it, by its path."""
    return dict(maker("make").pages())


def text(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def anchors(markdown: str) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", markdown), re.MULTILINE)
    return {slug(heading) for heading in headings}


def slug(heading: str) -> str:
    """As Python-Markdown makes it: words in lower case, joined by hyphens."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    plain = re.sub(r"[^\w\s-]", "", plain).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


def links(markdown: str) -> list[str]:
    """The targets of a page's links and pictures."""
    plain = re.sub(r"`[^`\n]*`", "", FENCE.sub("", markdown))
    return re.findall(r"\]\(([^)\s]+)\)", plain)


def command_lines(markdown: str) -> list[str]:
    """The lines of a page's blocks of commands; a line that goes on in the next is one."""
    blocks = [body for language, body in BLOCK.findall(markdown) if language == "sh"]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def titled_blocks(markdown: str) -> dict[str, str]:
    """The blocks of code that name their file."""
    return dict(TITLED.findall(markdown))
