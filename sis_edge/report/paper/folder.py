"""The files for a paper: `all.tex` and what it includes, and `SHA256SUMS` by which a later report knows them again."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from sis_edge.files.atomic import write_bytes
from sis_edge.files.disk import writing
from sis_edge.files.hashing import file_sha256
from sis_edge.files.names import safe
from sis_edge.report.charts import Chart, svg
from sis_edge.report.document import Report, Section
from sis_edge.report.paper.captions import Caption, of_all, of_run
from sis_edge.report.paper.csv import table_csv
from sis_edge.report.paper.latex import PACKAGES, document_latex, figure_latex, table_latex
from sis_edge.report.paper.pdf import pdf
from sis_edge.report.table import Table
from sis_edge.results.rows import Row

FOLDER = "paper"
MAIN, CAPTIONS, SUMS = "all.tex", "captions.txt", "SHA256SUMS"


@dataclass(frozen=True)
class _Piece:
    """One table or figure: its file's stem, its caption, and its files by their endings."""

    stem: str
    caption: Caption
    files: dict[str, str | bytes]


def paper(report: Report, charts: Sequence[Sequence[Chart]]) -> dict[str, bytes]:
    """Every file's content by its name; `charts` holds each section's. Raises UsageError where PDF cannot be made."""
    pieces = list(_pieces(report, charts))
    found = {
        MAIN: (_head(report.sections) + document_latex(report.title, [piece.stem for piece in pieces])).encode(),
        CAPTIONS: "".join(f"{piece.stem}: {piece.caption.words}\n" for piece in pieces).encode(),
    }
    for piece in pieces:
        found |= {f"{piece.stem}{end}": _bytes(content) for end, content in piece.files.items()}
    return found | {SUMS: "".join(f"{hashlib.sha256(found[name]).hexdigest()}  {name}\n" for name in found).encode()}


def write_paper(found: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write the files into `paper/` of a report's folder, and remove what an earlier report wrote there and nobody
    changed since; raises DiskError.
    """
    place = folder / FOLDER
    left_over = _written_before(place) - found.keys()
    written = [write_bytes(place / name, content) for name, content in found.items()]
    for name in left_over:
        with writing(place):
            (place / name).unlink(missing_ok=True)
    return written


def _written_before(place: Path) -> set[str]:
    try:
        lines = (place / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return set()
    sums = [line.partition("  ") for line in lines]
    return {name for sha256, _, name in sums if name == Path(name).name and _is_same(place / name, sha256)}


def _is_same(path: Path, sha256: str) -> bool:
    return path.is_file() and not path.is_symlink() and file_sha256(path) == sha256


def _pieces(report: Report, charts: Sequence[Sequence[Chart]]) -> Iterator[_Piece]:
    """The tables over several runs, then each run's tables and figures."""
    used: set[str] = set()
    for table in report.overview:
        caption = of_all(report.sections, table.title, table.caption)
        yield _table(table, _unused(safe(table.name), used), caption, report.sections)
    for number, (section, drawn) in enumerate(zip(report.sections, charts, strict=True), 1):
        suffix = f"-{number}" if len(report.sections) > 1 else ""
        for table in section.tables:
            caption = of_run(section, table.title, table.caption)
            name = _unused(f"{safe(table.name)}{suffix}", used)
            yield _table(table, name, caption, (section,), section.rows)
        for chart in drawn:
            yield _figure(chart, section)


def _unused(name: str, used: set[str]) -> str:
    """The name, or where another has it, since long ones are cut, one of its own."""
    found = next(each for each in chain((name,), (f"{name}-{copy}" for copy in count(2))) if each not in used)
    used.add(found)
    return found


def _table(table: Table, name: str, caption: Caption, sections: Sequence[Section], rows: Sequence[Row] = ()) -> _Piece:
    latex = _head(sections) + table_latex(table, caption, name)
    return _Piece(f"table-{name}", caption, {".tex": latex, ".csv": table_csv(table, rows)})


def _figure(chart: Chart, section: Section) -> _Piece:
    stem, caption = f"figure-{chart.name}", of_run(section, chart.title, chart.caption)
    latex = _head((section,)) + figure_latex(f"{stem}.pdf", caption, chart.name)
    return _Piece(stem, caption, {".tex": latex, ".svg": svg(chart), ".pdf": pdf(chart)})


def _head(sections: Sequence[Section]) -> str:
    """Comments: what a document needs to include the file, and what it was made from."""
    runs = [f"% run {_comment(each.run.record.run_id)}, stored {each.run.stored_at.isoformat()}" for each in sections]
    return "\n".join((f"% sis-edge report --paper; needs {', '.join(PACKAGES)}", *runs)) + "\n"


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _comment(text: str) -> str:
    """Text that ends where the comment ends."""
    return " ".join(text.split())
