"""The pages hang together: every one is in the menu, every link and anchor leads somewhere, nothing is left to fill."""

import re
from posixpath import dirname, join, normpath
from typing import Any

import pytest
import yaml

from .site import ROOT, anchors, links, pages, text

ELSEWHERE = ("http:", "https:", "mailto:")


def menu(entries: Any) -> list[str]:
    """The pages of a menu, in its order."""
    if isinstance(entries, str):
        return [entries]
    parts = entries.values() if isinstance(entries, dict) else entries
    return [page for part in parts for page in menu(part)]


def test_every_page_is_in_the_menu_once() -> None:
    listed = menu(yaml.safe_load(text("mkdocs.yml"))["nav"])
    assert sorted(listed) == sorted(pages())


def test_links_lead_somewhere() -> None:
    assert [f"{name}: {link}" for name in pages() for link in links(pages()[name]) if not leads(name, link)] == []


def leads(name: str, link: str) -> bool:
    """Whether a link of a page leads to a page and a heading of it, or to a picture."""
    target, _, anchor = link.partition("#")
    path = normpath(join(dirname(name), target)) if target else name
    if link.startswith(ELSEWHERE):
        return True
    if path in pages():
        return not anchor or anchor in anchors(pages()[path])
    return path.startswith("images/") and (ROOT / "docs" / path).is_file()


def test_nothing_is_left_to_fill() -> None:
    left = {name: re.findall("^<!--.*?-->", text, re.MULTILINE) for name, text in pages().items()}
    assert {name: found for name, found in left.items() if found} == {}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "agent/README.md", "llms.txt"])
def test_links_of_other_files_resolve(document: str) -> None:
    for link in links(text(document)):
        target, _, anchor = link.partition("#")
        path = (ROOT / document).parent / target
        if link.startswith(ELSEWHERE):
            continue
        assert path.exists(), f"{document}: {link}"
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), f"{document}: {link}"


def test_the_readme_is_short() -> None:
    assert len(text("README.md").splitlines()) <= 120
