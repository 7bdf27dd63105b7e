"""Which network of a run is named first, and what it costs."""

from dataclasses import replace

import pytest
from report.conftest import sections

from results.factory import NETWORKS, network_entry, network_record, stored_run
from sis_edge.results.best import Loss, best
from sis_edge.results.comparison import compare
from sis_edge.results.rows import Figure, Row
from sis_edge.results.statistics import Interval, proportion_difference


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(sections("board").rows)


def with_drop(row: Row, drop: float, half: float, drop_from: str = "nin") -> Row:
    """The row with a drop of its accuracy on the board, and an interval of twice `half`."""
    known = replace(
        row.accuracy.device_drop, estimate=Figure(drop), interval=Figure(Interval(drop - half, drop + half))
    )
    return replace(row, accuracy=replace(row.accuracy, device_drop=known, drop_from=Figure(drop_from)))


def with_speed(row: Row, estimate: float, low: float, high: float) -> Row:
    return replace(row, speed_up=replace(row.speed_up, estimate=Figure(estimate), interval=Figure(Interval(low, high))))


def test_the_fastest_is_named_where_none_costs_little(rows) -> None:
    found = best(rows)
    assert found.row.identity.label == "cifar10-sis3"
    assert found.reference.identity.label == "nin"
    assert found.is_faster
    assert found.fastest is None
    assert found.loss.is_significant


def test_the_fastest_of_those_that_surely_cost_little_is_named_with_the_fastest_of_all(rows) -> None:
    nin, one, two, three = rows
    found = best([nin, with_drop(one, 0.001, 0.002), with_drop(two, 0.012, 0.0079), with_drop(three, 0.012, 0.0081)])
    assert found.row.identity.label == "cifar10-sis2"
    assert found.loss == Loss(0.012, Interval(0.012 - 0.0079, 0.012 + 0.0079), 450)
    assert found.fastest.row.identity.label == "cifar10-sis3"


def test_a_network_that_is_not_faster_for_sure_is_named_only_where_none_is(rows) -> None:
    nin, one, two, three = rows
    doubtful = with_drop(with_speed(two, 9.0, 0.99, 30.0), 0.0, 0.001)
    assert best([nin, one, doubtful, three]).row.identity.label == "cifar10-sis3"
    found = best([nin, with_speed(one, 0.9, 0.8, 0.95), doubtful])
    assert (found.row.identity.label, found.is_faster) == ("cifar10-sis2", False)


def test_a_network_with_a_problem_or_without_an_interval_is_not_named(rows) -> None:
    nin, one, two, three = rows
    broken = replace(three, problem="wrong logits")
    unknown = replace(two, speed_up=replace(two.speed_up, interval=Figure.unknown("insufficient")))
    assert best([nin, one, unknown, broken]).row.identity.label == "cifar10-sis1"
    assert best([nin, unknown, broken]) is None
    assert best([one, two, three]) is None  # nothing to compare with


def test_a_form_in_another_precision_is_held_against_the_reference_by_counts(rows) -> None:
    nin, one = rows[:2]
    int8 = with_drop(one, 0.5, 0.1, drop_from="cifar10-sis1")
    found = best([nin, int8])
    right = [(round(row.accuracy.device.value * 450), 450) for row in (nin, int8)]
    assert found.loss.drop == pytest.approx(nin.accuracy.device.value - int8.accuracy.device.value)
    assert found.loss.interval == proportion_difference(*right)
    given = replace(int8, identity=replace(int8.identity, is_given=True))
    assert best([nin, given]).loss is None  # a user's labels may be of other images
    fewer = replace(int8, accuracy=replace(int8.accuracy, device_test_images=Figure(449), host=Figure.unknown("x")))
    assert best([nin, fewer]).loss is None


def test_energies_are_compared_where_one_sensor_covers_the_same(rows) -> None:
    nin, *_, three = rows
    assert best(rows).energies_j == (three.energy.net_j.value, nin.energy.net_j.value)
    other = replace(three, energy=replace(three.energy, scope=Figure("board")))
    assert best([nin, other]).energies_j is None
    assert best(list(sections("plain").rows)).energies_j is None


def test_networks_alike_are_not_told_apart() -> None:
    same = network_record("nin", 8, seed=9)._replace(name="cifar10-sis1", network="cifar10-sis1")
    entries = (network_entry("nin"), network_entry("cifar10-sis1"))
    found = best(compare(stored_run([network_record("nin", 8), same], entries=entries)))
    assert not found.is_faster
    assert set(NETWORKS) > {found.row.identity.label}
