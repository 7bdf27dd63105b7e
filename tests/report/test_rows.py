import pytest
from hypothesis import given
from hypothesis import strategies as st

from sis_edge.report import rows as show
from sis_edge.results.statistics import Interval

PREFIXES = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (0.0092041, "9.20 ms"),
        (999.6e-6, "1.00 ms"),
        (0.9994, "999 ms"),
        (1, "1.00 s"),
        (41.66, "41.7 s"),
        (1e-9, "1.00 ns"),
        (3e15, "3000 Ts"),
    ],
)
def test_si_prefixes(value, text) -> None:
    assert show.seconds(value) == text


@given(st.floats(1e-11, 9e14))
def test_a_number_with_its_prefix_reads_back(value) -> None:
    number, unit = show.si(value, "s").split()
    assert float(number) * PREFIXES[unit[:-1]] == pytest.approx(value, rel=0.0051)
    assert 0.99 <= float(number) < 1000
    assert len(number.replace(".", "")) == 3


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (3_845_416, "3.85 MB"), (8.3e9, "8.30 GB")]
)
def test_sizes(value, text) -> None:
    assert show.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0222, "2.22"), (-0.0031, "−0.31"), (-1e-9, "0.00"), (0, "0.00")])
def test_points_have_a_true_minus_and_no_negative_zero(value, text) -> None:
    assert show.points(value) == text


def test_counts_and_nouns() -> None:
    assert show.count(959104) == "959,104"
    assert show.plural(1, "round") == "1 round"
    assert show.plural(0, "round") == "0 rounds"
    assert show.span([30, 30]) == "30"
    assert show.span([1200, 5]) == "5 to 1,200"


def test_words_for_the_unknown() -> None:
    assert show.unknown("the reference") == "reference"
    assert show.unknown("insufficient (n = 40, needs 64)") == "insufficient (n = 40, needs 64)"
    assert show.unknown("none") == "none"
    assert show.unknown("no /proc on this system") is None


def test_a_speed_up_has_the_digits_that_its_interval_supports() -> None:
    narrow, wide = Interval(1.141, 1.145), Interval(2.1, 4.3)
    assert (show.speed_up(1.1436, narrow), show.speed_up_interval(narrow)) == ("1.144×", "1.141 to 1.145")
    assert (show.speed_up(3.776, wide), show.speed_up_ends(wide)) == ("3.78×", ("2.10", "4.30"))
    assert show.speed_up(1.876, None) == "1.88×"
