"""What is said of a name that nobody knows."""

import pytest

from sis_edge import profiles
from sis_edge.errors import MANY, unknown

SHOW = "sis-edge profiles list"
TWO = ["cifar10-sis1", "svhn-sis1"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("jetson-nan", "did you mean jetson-nano? `sis-edge profiles list` shows all"),
        ("Raspberry-Pi-5", "did you mean raspberry-pi-5? `sis-edge profiles list` shows all"),
        ("raspbery-pi-5", "did you mean raspberry-pi-5? `sis-edge profiles list` shows all"),
        ("thor", "did you mean jetson-thor? `sis-edge profiles list` shows all"),
        ("x", "known: aarch64, desktop-rtx, "),
        ("", "known: aarch64, desktop-rtx, "),
    ],
)
def test_the_nearest_profile_or_all(name: str, answer: str) -> None:
    sentence = str(unknown("profile", name, profiles.names(), SHOW))
    assert sentence.startswith(f"unknown profile '{name}'; {answer}")


def test_long_lists_are_cut() -> None:
    names = [f"name-{number}" for number in range(MANY + 3)]
    assert str(unknown("thing", "?", names)).endswith(f"name-{MANY - 1} and 3 more")
    assert str(unknown("thing", "?", names, "sis-edge things")).endswith("and 3 more; `sis-edge things` shows all")
    assert str(unknown("thing", "?", names[:MANY], "sis-edge things")).endswith(f"name-{MANY - 1}")


@pytest.mark.parametrize(
    ("name", "known", "answer"),
    [
        ("kernal", ["kernel", "neuron"], "did you mean kernel? known: kernel, neuron"),
        ("sis1", [*TWO, "nin"], "did you mean cifar10-sis1 or svhn-sis1? known: cifar10-sis1, svhn-sis1, nin"),
        ("sis", [*TWO, "svhn-sis2"], "known: cifar10-sis1, svhn-sis1, svhn-sis2"),
        ("a", [], "none is known"),
    ],
)
def test_short_lists_stand_behind_the_answer(name: str, known: list[str], answer: str) -> None:
    assert str(unknown("thing", name, known)) == f"unknown thing '{name}'; {answer}"
