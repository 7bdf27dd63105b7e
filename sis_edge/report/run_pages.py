"""Pages of single runs beside an overview: each is made once, and again only where its run or our code has changed.

The last line of a page has the key of what it was made from (`summaries.key_of`) and the hash of all before it, so that
a page is known without reading it, and one that somebody changed is never removed.
"""

import hashlib
import os
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from sis_edge.files.atomic import write_text
from sis_edge.files.disk import writing
from sis_edge.report.charts import charts
from sis_edge.report.document import document
from sis_edge.report.html import to_html
from sis_edge.results import store
from sis_edge.results.schema import StoredRun

FOLDER = "runs"
_LAST = re.compile(rb"<!-- sis-edge ([0-9a-f]{64}) ([0-9a-f]{64}) -->\n$")
_LAST_BYTES = len(f"<!-- sis-edge {'0' * 64} {'0' * 64} -->\n")


def run_page(run: StoredRun, seed: int = 0) -> str:
    """The text of one run's page, complete in itself."""
    report = document([run], seed)
    drawn = [charts(section.rows, section.mark, "", section.run) for section in report.sections]
    return to_html(report, drawn, up="../index.html")


def page_name(stored: Path) -> str:
    """The page's file for a run's file: no two runs of a folder share one."""
    return f"{stored.name.removesuffix(store.SUFFIX)}.html"


def link(stored: Path) -> str:
    """The page as a URL from the folder above."""
    return f"{FOLDER}/{quote(page_name(stored))}"


def is_current(page: Path, key: str) -> bool:
    """Whether the page is there and was made from just this."""
    try:
        with page.open("rb") as file:
            file.seek(-_LAST_BYTES, os.SEEK_END)
            found = _LAST.fullmatch(file.read(_LAST_BYTES))
    except OSError:  # not there, or shorter than the line
        return False
    return found is not None and found[1].decode() == key


def write(run: StoredRun, key: str, page: Path) -> Path:
    """Write a run's page; raises DiskError."""
    text = run_page(run)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return write_text(page, f"{text}<!-- sis-edge {key} {sha256} -->\n")


def remove_others(folder: Path, names: Collection[str]) -> None:
    """Remove the pages in this folder that have none of these names, were written here, and nobody changed since."""
    for page in sorted(folder.glob("*.html")):
        if page.name not in names and not page.is_symlink() and _is_unchanged(page):
            with writing(folder):
                page.unlink(missing_ok=True)


def _is_unchanged(page: Path) -> bool:
    data = page.read_bytes() if page.is_file() else b""
    found = _LAST.search(data)
    return found is not None and hashlib.sha256(data[: found.start()]).hexdigest() == found[2].decode()
