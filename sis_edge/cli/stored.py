"""Stored runs for commands that go through all of them; what cannot be read is named and left out."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sis_edge.report.summary import RunSummary


def summarized(runs_dir: Path) -> "Iterator[tuple[Path, RunSummary]]":
    """Each run's file with its summary, warning of files that are none; raises RecordError where no run is left."""
    from sis_edge.cli import console
    from sis_edge.errors import RecordError
    from sis_edge.report import summaries

    is_any, last = False, ""
    for each in summaries.each(runs_dir):
        if each.summary is None:
            last = str(each.warning)
            console.warn(last)
        else:
            is_any = True
            yield each.path, each.summary
    if not is_any:
        raise RecordError(f"no file in {runs_dir} is a readable run; the last: {last}")
