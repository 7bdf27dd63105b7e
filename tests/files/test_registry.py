"""Names and what they stand for: built-in ones first, those of other packages, those registered by a program."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from sis_edge.errors import UsageError
from sis_edge.files import registry
from sis_edge.files.registry import Registry


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> Registry[object]:
    """Two built-in names, and another package's that would replace one and adds one."""
    points = [
        EntryPoint("red", "math:tau", "paint"),
        EntryPoint("blue", "math:inf", "paint"),
        EntryPoint("nail", "math:nan", "tools"),
    ]
    monkeypatch.setattr(registry, "_entry_points", lambda: EntryPoints(points))
    return Registry("colour", "paint", {"red": "math:pi", "green": "math:e"})


def test_built_in_names_come_first_and_no_package_replaces_one(colours: Registry[object]) -> None:
    assert list(colours) == ["red", "green", "blue"]
    assert colours.listed() == "red, green, blue"
    assert (colours["red"], colours["green"], colours["blue"]) == (
        pytest.approx(3.1416, abs=1e-4),
        pytest.approx(2.7183, abs=1e-4),
        float("inf"),
    )


@pytest.mark.parametrize("name", ["red", "blue"])
def test_only_a_registered_name_gets_another_meaning(colours: Registry[object], name: str) -> None:
    with pytest.raises(UsageError, match=f"colour '{name}' exists already; choose another name"):
        colours.register(name, 1)
    colours.register("mine", 1)
    colours.register("mine", 2)
    assert colours["mine"] == 2
    assert list(colours)[-1] == "mine"


def test_an_unknown_name_lists_the_known(colours: Registry[object]) -> None:
    for ask in (colours.find, colours.checked):
        with pytest.raises(UsageError, match="unknown colour 'purple'; known: red, green, blue"):
            ask("purple")
    assert colours.checked("blue") == "blue"
