import re
import xml.etree.ElementTree as ET

import pytest
from results.factory import network_record, stored_run

from report.conftest import HOSTILE, RUNS, sections
from report.picture import SPACE, parsed, texts, whole, words
from sis_edge.report.charts import CHARTS, charts, left_out, svg
from sis_edge.report.charts.base import NARROW, WIDE
from sis_edge.report.document import section

LONG = "a-network-of-our-own-with-a-name-that-says-all-there-is-to-say-of-it-and-more-v12"


def drawn_of(name: str, mark: str | None = None):
    found = sections(name)
    return charts(found.rows, mark or found.mark, "", found.run)


def names_of(name: str) -> list[str]:
    return [chart.name for chart in drawn_of(name)]


def renamed(run, names: dict[str, str]):
    """The same run whose networks have other names."""
    text = run.to_json()
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return type(run).from_json(text, "")


def test_only_what_was_measured_is_drawn_and_the_rest_has_a_reason() -> None:
    usual = ["accuracy-latency", "speed-up", "latencies", "timeline"]
    assert names_of("plain") == names_of("broken") == usual
    # "alone" has 10 samples, too few for a median, and nothing to be compared with.
    assert names_of("alone") == ["timeline"]
    assert names_of("nothing") == []
    assert names_of("hostile") == ["accuracy-latency", "latencies", "timeline"]
    for name in ("plain", "alone", "nothing", "hostile", "board"):
        found = sections(name)
        said = " ".join(left_out(found.rows, found.run))
        for key, kind in CHARTS.items():
            assert (kind.title in said) is (key not in names_of(name) and not kind.of_sustained)
    assert "no network has a speed-up." in " ".join(left_out(sections("alone").rows, RUNS["alone"]))


def test_names_of_pictures_tell_runs_apart() -> None:
    found = sections("plain")
    assert all(chart.name.endswith("-2") for chart in charts(found.rows, None, "-2", found.run))


@pytest.mark.parametrize("name", ["plain", "throttled", "board", "hostile"])
def test_pictures_load_nothing_say_what_they_show_and_are_small(name) -> None:
    for chart in drawn_of(name):
        picture = svg(chart)
        root = ET.fromstring(picture)
        assert (root.get("role"), root.find(f"{SPACE}title").text) == ("img", chart.title)
        assert len(root.find(f"{SPACE}desc").text) > 40
        assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
        assert float(root.get("width")) == WIDE
        assert "http" not in picture.replace("http://www.w3.org/", "")
        assert len(svg(chart, inline=True).encode()) < 60_000
        assert not re.search(r"[\"\s](nan|inf)\b", picture)


@pytest.mark.parametrize("mark", ["simulated", "simulated and emulated", "unverified profile"])
def test_every_picture_carries_the_mark(mark) -> None:
    for chart in drawn_of("throttled", mark):
        for root in (whole(chart), *pair(chart)):
            assert mark.upper() in words(root)
            assert mark in root.find(f"{SPACE}desc").text.lower()
    assert not any("SIMULATED" in svg(chart) for chart in drawn_of("plain"))


def pair(chart) -> list[ET.Element]:
    """The two pictures of a page."""
    return list(ET.fromstring(f"<div>{svg(chart, inline=True)}</div>"))


def test_a_page_has_a_wide_and_a_narrow_picture_in_its_own_colours() -> None:
    ids: list[str] = []
    for chart in drawn_of("throttled"):
        wide, narrow = pair(chart)
        assert [(each.get("class"), float(each.get("width"))) for each in (wide, narrow)] == [
            ("wide", WIDE),
            ("narrow", NARROW),
        ]
        ids += [element.get("id") for root in (wide, narrow) for element in root.iter() if element.get("id")]
        for root in (wide, narrow):
            assert all(element.get("fill", "none").startswith(("var(--", "none")) for element in root.iter())
        assert "var(" not in svg(chart)
    assert len(ids) == len(set(ids)) == 4 * len(drawn_of("throttled"))


@pytest.mark.parametrize("width", [WIDE - 8, NARROW - 8])
@pytest.mark.parametrize("name", ["plain", "throttled", "board"])
def test_no_text_leaves_the_picture_and_none_covers_another(name, width) -> None:
    for chart in drawn_of(name):
        found = texts(parsed(chart, width))
        for at, text in enumerate(found):
            assert -1 <= text.box.left < text.box.right <= width + 8, (chart.name, text)
            for other in found[at + 1 :]:
                assert not text.box.meets(other.box), (chart.name, text, other)


def test_names_of_eighty_characters_fit() -> None:
    run = renamed(RUNS["plain"], {"cifar10-sis1": LONG, "cifar10-sis2": "b" * 80})
    found = section(run)
    for chart in charts(found.rows, "simulated", "", run):
        for width in (WIDE - 8, NARROW - 8):
            shown = texts(parsed(chart, width))
            assert all(text.box.right <= width + 8 for text in shown)
            letters = "".join(text.words for text in shown)
            assert LONG in letters or LONG[:30] in letters
        assert LONG in chart.alt


def test_a_hostile_name_stays_text() -> None:
    found = section(stored_run([network_record("nin"), network_record("cifar10-sis1")]))
    run = renamed(found.run, {"cifar10-sis1": "<script>x</script>&amp;\\u0000 ]]>"})
    made = charts(section(run).rows, HOSTILE, "", run)
    assert len(made) > 2
    for chart in made:
        for picture in (svg(chart), f"<div>{svg(chart, inline=True)}</div>"):
            assert "<script" not in picture
            ET.fromstring(picture)
        assert "<script>x</script>&amp;" in " ".join(words(whole(chart)))
