"""The page in a browser: by keyboard, narrow and wide, light and dark, on paper, without scripts, and by axe-core."""

from pathlib import Path

import pytest
from results.given import given_network, given_record, given_run

from report import axe
from report.browser import Browser, browser
from report.conftest import only, report_of, sections
from sis_edge.report.charts import charts
from sis_edge.report.document import Report, document
from sis_edge.report.html import tables_page, to_html
from sis_edge.report.table import Column, Table, text_cells

pytestmark = pytest.mark.slow

LONG = "a-network-with-a-name-of-eighty-characters-as-tools-for-exporting-make-them-fp16"
CUT = (
    "[...document.querySelectorAll('.scroll')]"
    ".filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth).length"
)
OPEN = "document.querySelectorAll('details').forEach((each) => (each.open = true))"
LATENCIES = Table(
    "Latencies",
    "Of eight boards.",
    (Column("Board", is_number=False), Column("Median latency"), Column("Change")),
    text_cells(
        [
            ("nano", "9.20 ms", "−0.20"),
            ("orin", "910 µs", "1.5"),
            ("pi-4", "1.1 s", "−3"),
            ("pi-5", "–", "–"),
            ("xavier", "[85.0 ms]", "+4"),
            ("thor", "1,100 ns", "0.00"),
            ("tx2", "reference", "12"),
            ("agx", "insufficient (n = 3)", "2"),
        ]
    ),
)
UPWARDS = ["1,100 ns", "910 µs", "9.20 ms", "[85.0 ms]", "1.1 s", "–", "reference", "insufficient (n = 3)"]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


def drawn(report: Report) -> str:
    groups = [charts(each.rows, each.mark, f"-{number}", each.run) for number, each in enumerate(report.sections, 1)]
    return to_html(report, groups, ["results.csv", "report.md"])


def long_names() -> Report:
    records = [given_record(name) for name in ("resnet", "mobilenet")]
    records[1] = records[1]._replace(name=LONG, network=LONG)
    short = [record._replace(rounds=record.rounds[:8]) for record in records]
    return document([given_run(*short, entries=tuple(given_network(name) for name in ("resnet", LONG)))])


PAGES = {
    "one run": lambda: drawn(only("board")),
    "several runs": lambda: drawn(report_of("board", "throttled", "hostile")),
    "long names": lambda: drawn(long_names()),
    "tables": lambda: tables_page("Latencies", ["A note."], [LATENCIES], [], ["results.csv"], "A sentence."),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {name: folder / f"{name}.html" for name in PAGES}
    for name, path in found.items():
        path.write_text(PAGES[name](), encoding="utf-8")
    return found


def column(chromium: Browser) -> list[str]:
    texts = "[...document.querySelectorAll('tbody tr')].map((row) => row.cells[1].textContent.replace(/\\s/g, ' '))"
    return chromium.run(texts)


def tab_to(chromium: Browser, text: str) -> None:
    """By the keyboard alone to what has this text or label."""
    for _ in range(60):
        chromium.press("Tab")
        focused = "(document.activeElement.labels?.[0] ?? document.activeElement)"
        if text in chromium.run(f"document.activeElement === document.body ? '' : {focused}.textContent"):
            return
    raise AssertionError(f"the keyboard does not reach {text!r}")


def test_a_table_sorts_by_keyboard_and_what_is_unknown_comes_last(chromium, pages) -> None:
    chromium.open(pages["tables"])
    before = column(chromium)
    tab_to(chromium, "Median latency")
    sorts = "[...document.querySelectorAll('th[aria-sort]')].map((each) => each.textContent + each.ariaSort)"
    chromium.press("Enter")
    assert column(chromium) == UPWARDS
    assert chromium.run(sorts) == ["Median latencyascending"]
    chromium.press("Space")
    assert column(chromium) == [*reversed(UPWARDS[:5]), "–", "reference", "insufficient (n = 3)"]
    chromium.press("Tab")
    chromium.press("Enter")
    assert column(chromium)[:3] == ["1.1 s", "9.20 ms", "1,100 ns"]
    assert chromium.run(sorts) == ["Changeascending"]
    chromium.press("Enter")
    chromium.press("Enter")
    assert column(chromium) == before
    assert chromium.run(sorts) == []


def test_a_table_is_filtered_by_keyboard_and_the_count_is_announced(chromium, pages) -> None:
    chromium.open(pages["tables"])
    tab_to(chromium, "Filter Latencies")
    chromium.type("MS  a")
    shown = "[...document.querySelectorAll('tbody tr')].filter((row) => row.checkVisibility()).length"
    assert chromium.run(shown) == 2  # nano and xavier: others have only one of the words
    assert chromium.run("document.querySelector('output').textContent") == "2 of 8 lines"
    chromium.run("document.querySelector('input').value = ''")
    chromium.type(" ")
    assert chromium.run(shown) == 8


def test_a_long_table_shows_500_lines_sorts_all_of_them_and_shows_all_where_asked(chromium, tmp_path) -> None:
    lines = text_cells([f"board {number}", f"{(number * 7) % 601} ms"] for number in range(601))
    table = Table("Latencies", "", (Column("Board", is_number=False), Column("Median latency")), lines)
    (tmp_path / "long.html").write_text(tables_page("Long", [], [table], []), encoding="utf-8")
    chromium.open(tmp_path / "long.html")
    shown = "[...document.querySelectorAll('tbody tr')].filter((row) => row.checkVisibility()).length"
    assert chromium.run(shown) == 500
    tab_to(chromium, "Median latency")
    chromium.press("Enter")
    assert column(chromium) == [f"{number} ms" for number in range(601)]
    tab_to(chromium, "Filter Latencies")
    chromium.type("60")
    assert chromium.run(shown) == chromium.run("[...document.querySelectorAll('tr:not([hidden])')].length") - 1 > 10
    chromium.run("document.querySelector('input').select()")
    chromium.type(" ")
    tab_to(chromium, "Show all 601 lines")
    chromium.press("Enter")
    assert chromium.run(shown) == 601


def test_a_link_opens_the_folded_part_that_it_leads_to(chromium, pages) -> None:
    chromium.open(pages["several runs"])
    is_open = "document.querySelector('#run-2').open"
    assert chromium.run(is_open) is False
    tab_to(chromium, sections("throttled").run.board)
    chromium.run("document.querySelector('a[href=\"#run-2\"]').focus()")
    chromium.press("Enter")
    chromium.run("new Promise((done) => setTimeout(done, 100))")
    assert chromium.run(is_open) is True
    assert chromium.run("document.querySelector('#run-1').open") is False


@pytest.mark.parametrize("name", PAGES)
def test_nothing_makes_the_page_scroll_sideways(chromium, pages, name) -> None:
    for width in (320, 768):
        chromium.open(pages[name], width)
        chromium.run(OPEN)
        assert chromium.run("document.documentElement.scrollWidth") <= width
    chromium.open(pages[name], 1280)
    chromium.run(OPEN)
    assert chromium.run(CUT) == 0


def test_a_table_that_scrolls_is_a_stop_for_the_keyboard_and_no_other_is(chromium, pages) -> None:
    stops = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done([...document.querySelectorAll("
    stops += "'.scroll')].filter((each) => each.checkVisibility() && each.tabIndex === 0).length), 50)))"
    chromium.open(pages["one run"], 320)
    assert chromium.run(stops) == chromium.run(CUT) > 3
    chromium.open(pages["one run"], 1280)
    assert chromium.run(stops) == 0


def test_on_paper_every_folded_part_is_open_without_a_script_too(chromium, pages) -> None:
    parts = "[...document.querySelectorAll('details > :not(summary)')]"
    seen = f"{parts}.filter((each) => each.checkVisibility()).length"
    chromium.open(pages["one run"])
    assert chromium.run(seen) == 0
    chromium("Emulation.setEmulatedMedia", media="print")
    assert chromium.run(seen) == chromium.run(f"{parts}.length") > 5
    controls = (
        "[...document.querySelectorAll('nav, .downloads, .skip')].filter((each) => each.checkVisibility()).length"
    )
    assert chromium.run(controls) == 0
    chromium("Emulation.setEmulatedMedia", media="")
    assert chromium.run(f"{controls}") == 3


def test_without_a_script_the_page_is_whole(chromium, pages) -> None:
    chromium("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(pages["tables"], 320)
        assert chromium.run("document.querySelectorAll('button, input').length") == 0
        assert chromium.run("document.querySelector('[data-filter]').checkVisibility()") is False
        assert column(chromium) == [cells[1] for cells in LATENCIES.texts]
        assert chromium.run("document.documentElement.scrollWidth") <= 320
    finally:
        chromium("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("one run", 1280, "light"), ("several runs", 1280, "dark"), ("tables", 320, "light")],
)
def test_axe_finds_nothing(chromium, pages, pytestconfig, name, width, scheme) -> None:
    source = axe.script(pytestconfig.cache.mkdir("axe"))
    chromium.open(pages[name], width, scheme)
    chromium.run("document.querySelectorAll('details:not(#run-1, #run-3)').forEach((each) => (each.open = true))")
    assert axe.violations(chromium, source) == []


def test_axe_sees_what_is_wrong(chromium, pages, pytestconfig) -> None:
    source = axe.script(pytestconfig.cache.mkdir("axe"))
    chromium.open(pages["tables"])
    chromium.run("document.querySelector('label').remove(); document.body.style.color = '#aaa'")
    assert {each.partition(":")[0] for each in axe.violations(chromium, source)} == {"label", "color-contrast"}
