"""The changelog has the form of Keep a Changelog, and its newest release is the version of the package."""

import datetime
import re
from pathlib import Path

from packaging.version import Version

from sis_edge import __version__

TEXT = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_versions_and_dates_fall() -> None:
    first, *rest = re.findall(r"^## (.+)$", TEXT, re.M)
    assert first == "[Unreleased]"
    parts = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", each) for each in rest]
    released = [(Version(each[1]), datetime.date.fromisoformat(each[2])) for each in parts if each]
    assert len(released) == len(rest) > 0
    assert released == sorted(released, reverse=True)
    assert len({version for version, _ in released}) == len(released)


def test_the_newest_is_this_version() -> None:
    """After a release the version ends in `.dev0`, and is above it."""
    newest = re.search(r"^## \[(\d.+)\]", TEXT, re.M)
    assert newest is not None
    here, there = Version(__version__), Version(newest[1])
    assert here > there if here.is_devrelease else here == there


def test_changes_are_of_the_known_kinds() -> None:
    assert set(re.findall(r"^### (.+)$", TEXT, re.M)) <= KINDS
