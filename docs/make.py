"""Write the pages of the documentation with their generated parts to `.docs/`: `make docs` builds them into `site/`.

Which program builds them is of no matter here: it finds Markdown only.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from generated import fill, outside_links
from generated.links import ROOT

DOCS = ROOT / "docs"
PAGES = {"develop/contributing.md": "CONTRIBUTING.md", "develop/changelog.md": "CHANGELOG.md"}
"""Pages that are files of the repository elsewhere."""


def pages() -> Iterator[tuple[str, str]]:
    """Every page: its path below the documentation, and its text with the generated parts."""
    for path in sorted(DOCS.rglob("*.md")):
        name = path.relative_to(DOCS).as_posix()
        yield name, outside_links(fill(path.read_text(encoding="utf-8")), name)
    for name, source in PAGES.items():
        yield name, outside_links((ROOT / source).read_text(encoding="utf-8"), f"../{source}")


def write(folder: Path) -> None:
    """Write all pages and pictures into a folder, which then holds nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS / "images", folder / "images")
    for name, text in pages():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".docs")
