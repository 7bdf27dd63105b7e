"""Tables and charts for a paper: what a document needs of them, and that no mark is lost on the way."""

import csv
import hashlib
import io
import json
import re
import sys
from pathlib import Path

import pytest
from command import sis_edge_here

from report.conftest import RUNS, report_of
from sis_edge.errors import UsageError
from sis_edge.extras import adding
from sis_edge.report import write
from sis_edge.report.charts import charts
from sis_edge.report.paper.captions import Caption
from sis_edge.report.paper.csv import table_csv
from sis_edge.report.paper.folder import paper, write_paper
from sis_edge.report.paper.latex import escape, table_latex
from sis_edge.report.paper.pdf import pdf
from sis_edge.report.paper.units import hoisted
from sis_edge.report.table import Cell, Column, Table, text_cells
from sis_edge.results import store
from sis_edge.results.rows.fields import reasons, values

PLAIN = Caption((), "A title", "What it shows.")


def files_of(*names: str) -> dict[str, str]:
    """The paper's texts of these runs, without charts."""
    report = report_of(*names)
    return {name: content.decode() for name, content in paper(report, [[] for _ in report.sections]).items()}


def column_of(*texts: str) -> Table:
    return Table("T", "C", (Column("p50"),), text_cells((text,) for text in texts))


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("9.20 ms", "10.1 ms"), ("p50 [ms]", "9.20", "10.1")),
        (("−1.5 mJ to 2.00 mJ", "1 mJ to 3 mJ"), ("p50 [mJ]", "−1.5 to 2.00", "1 to 3")),
        (("97.33%",), ("p50 [%]", "97.33")),
        (("1,234 B", "[999 B]"), ("p50 [B]", "1,234", "[999]")),
        (("9.20 ms", "980 µs"), ("p50", "9.20 ms", "980 µs")),
        (("1 µs to 2 ms",), ("p50", "1 µs to 2 ms")),
        (("1.83×", "1.20×"), ("p50", "1.83×", "1.20×")),
        (("passed", "5 ms"), ("p50", "passed", "5 ms")),
        ((), ("p50",)),
    ],
)
def test_a_unit_that_all_values_have_is_in_the_heading(texts, shown) -> None:
    titles, cells = hoisted(column_of(*texts))
    assert (*titles, *(text for (text,) in cells)) == shown


def test_an_unknown_value_does_not_keep_the_unit_in_the_cells() -> None:
    cells = ((Cell("9.20 ms"),), (Cell("– [a]", is_known=False),))
    table = Table("T", "C", (Column("p50"),), cells, ("a: the sensor was off",))
    text = table_latex(table, PLAIN, "x")
    assert "p50 {[}ms{]} \\\\" in text
    assert "\n9.20 \\\\\n--\\textsuperscript{a} \\\\\n" in text
    assert "a: the sensor was off\\par" in text


def test_whatever_a_name_holds_is_text() -> None:
    assert escape(r"a\b") == r"a\textbackslash{}b"
    assert (
        escape("50% & $1 #2_{3} ~^`") == r"50\% \& \$1 \#2\_\{3\} \textasciitilde{}\textasciicircum{}\textasciigrave{}"
    )
    assert escape("[x]* --a \x00\x1b\n\tb") == "{[}x{]}{*} -{}-a ?? b"
    assert escape("×−±µ°–…≤Θ é") == r"$\times$$-$$\pm$\textmu{}\textdegree{}--\dots{}$\le$$\Theta$ é"
    bare = re.compile(r"(?<!\\)[%&$#_~^<>|]|\n\n")
    for name, text in files_of("hostile").items():
        if name.endswith(".tex") and name.startswith("table"):
            body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
            assert not bare.search(re.sub(r"(?<!\\)\$\\?[a-z-]+\$| & ", "", body)), name


def test_every_table_is_there_with_what_its_readers_need() -> None:
    (section,) = report_of("plain").sections
    found = files_of("plain")
    stems = [f"table-{table.name}" for table in section.tables]
    assert found.keys() == {"all.tex", "captions.txt", "SHA256SUMS"} | {
        f"{s}{end}" for s in stems for end in (".tex", ".csv")
    }
    assert re.findall(r"\\input{(.*?)}", found["all.tex"]) == stems
    for table, stem in zip(section.tables, stems, strict=True):
        text = found[f"{stem}.tex"]
        assert rf"\label{{tab:{table.name}}}" in text
        assert text.count(" \\\\\n") == 1 + len(table.cells)
        kinds = re.search(r"begin{tabular}{@{}([lr]+)@{}}", text)
        assert kinds is not None
        lines = text[text.index(r"\midrule") :].splitlines()[1 : 1 + len(table.cells)]
        assert {line.count(" & ") + 1 for line in lines} == {len(table.columns)} == {len(kinds[1])}
        assert "% run " + RUNS["plain"].record.run_id in text


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("plain", ()),
        ("simulated", ("SIMULATED",)),
        ("emulated", ("EMULATED",)),
        ("throttled", ("SIMULATED", "INVALID")),
    ],
)
def test_a_caption_begins_with_what_must_not_be_overlooked(name, marks) -> None:
    found = files_of(name)
    bold = "".join(rf"\textbf{{{mark}.}} " for mark in marks)
    for line in found["captions.txt"].splitlines():
        stem, _, words = line.partition(": ")
        assert words.startswith("".join(f"{mark}. " for mark in marks))
        assert ("SIMULATED. " in words, "EMULATED. " in words) == ("SIMULATED" in marks, "EMULATED" in marks)
        assert re.search(rf"\\caption\[[^]]+(?:\{{\]\}})?[^]]*\]{{{re.escape(bold)}[A-Z]", found[f"{stem}.tex"]), stem
        assert f"Run {RUNS[name].record.run_id}, verdict " in words


def test_of_several_runs_the_overview_says_that_some_are_simulated() -> None:
    found = files_of("plain", "simulated")
    captions = dict(line.split(": ", 1) for line in found["captions.txt"].splitlines())
    assert captions["table-boards-latency"].startswith("PARTLY SIMULATED. ")
    assert captions["table-latency-2"].startswith("SIMULATED. ")
    assert captions["table-latency-1"].startswith("Latency")
    assert "local (SIMULATED)" in found["table-boards-latency.csv"]
    assert files_of("simulated", "simulated")["captions.txt"].startswith("table-overview: SIMULATED. ")


def test_the_csv_has_all_digits_and_the_reasons() -> None:
    (section,) = report_of("broken").sections
    table = next(table for table in section.tables if table.name == "latency")
    lines = list(csv.DictReader(io.StringIO(table_csv(table, section.rows), newline="")))
    assert len(lines) == len(section.rows) == 4
    for row, line in zip(section.rows, lines, strict=True):
        known, unknown = values(row), reasons(row)
        why = json.loads(line.pop("reasons"))
        assert line["network"] == known["network"]
        assert {name: float(line[name]) if line[name] else None for name in line if name != "network"} == {
            name: known[name] for name in line if name != "network"
        }
        assert why == {name: unknown[name] for name in line if name in unknown}
    assert lines[1]["latency_p50_s"] == ""


def test_columns_of_text_have_names_of_their_own() -> None:
    columns = tuple(Column(title) for title in ("Gross", "95% interval", "Net", "95% interval"))
    text = table_csv(Table("T", "C", columns, text_cells([("1", "2", "3", "4")])))
    assert text == "Gross,95% interval,Net,Net: 95% interval\n1,2,3,4\n"


def test_charts_become_pdf_of_their_size_with_their_letters() -> None:
    (section,) = report_of("simulated").sections
    chart = next(iter(charts(section.rows, section.mark, "", section.run)))
    made = pdf(chart)
    assert made.startswith(b"%PDF-")
    assert b"/MediaBox [0 0 560 " in made
    assert b"/FontFile" in made, "letters are letters, with their font"


def test_long_names_share_no_file() -> None:
    report = report_of("plain")
    (section,) = report.sections
    long = [Table("T", "C", (Column("a"),), text_cells([("1",)]), name=f"layers-{'n' * 90}{end}") for end in "ab"]
    doubled = type(report)("R", (type(section)(**{**vars(section), "tables": tuple(long)}),))
    assert len([name for name in paper(doubled, [[]]) if name.endswith(".csv")]) == 2


def test_what_an_earlier_paper_left_goes_and_nothing_else(tmp_path: Path) -> None:
    def content(**files: str) -> dict[str, bytes]:
        found = {name.replace("_", "."): text.encode() for name, text in files.items()}
        sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in found.items())
        return {**found, "SHA256SUMS": (sums + f"{hashlib.sha256(b'x').hexdigest()}  ../out\n").encode()}

    (tmp_path / "out").write_text("x")
    write_paper(content(a_tex="a", b_tex="b", c_tex="c"), tmp_path)
    place = tmp_path / "paper"
    (place / "c.tex").write_text("changed by its user")
    (place / "d.tex").write_text("mine")
    written = write_paper(content(a_tex="a2"), tmp_path)
    assert [path.name for path in written] == ["a.tex", "SHA256SUMS"]
    assert {path.name for path in place.iterdir()} == {"a.tex", "c.tex", "d.tex", "SHA256SUMS"}
    assert (tmp_path / "out").exists()


def test_the_command_writes_it_beside_the_report(tmp_path: Path) -> None:
    path = store.save(RUNS["simulated"], tmp_path / "runs")
    done = sis_edge_here("report", "--run", str(path), "--name", "x", "--paper", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    place = tmp_path / "reports" / "x" / "paper"
    named = dict(reversed(line.split("  ")) for line in (place / "SHA256SUMS").read_text().splitlines())
    assert {path.name for path in place.iterdir()} == {*named, "SHA256SUMS"}
    assert all(hashlib.sha256((place / name).read_bytes()).hexdigest() == sha256 for name, sha256 in named.items())
    assert "reports/x/paper/figure-accuracy-latency.pdf" in done.stdout
    figure = (place / "figure-accuracy-latency.tex").read_text()
    assert (
        r"\includegraphics[width=\linewidth,height=0.75\textheight,keepaspectratio]{figure-accuracy-latency.pdf}"
        in figure
    )
    assert r"{\textbf{SIMULATED.} Accuracy against latency." in figure
    assert (place / "figure-accuracy-latency.svg").read_text() == (place.parent / "accuracy-latency.svg").read_text()
    refused = sis_edge_here("report", "--all", "--paper", cwd=tmp_path)
    assert refused.returncode == 2
    assert "--paper and --all" in refused.stderr


def test_without_the_extra_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(UsageError, match=re.escape(f"vl-convert: `{adding('pdf')}`")):
        write([RUNS["simulated"]], tmp_path / "x", for_paper=True)
    assert not (tmp_path / "x").exists()
