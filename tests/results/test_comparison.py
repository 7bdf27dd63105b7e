import pytest

from results.factory import NETWORKS, facts, failed, network_entry, network_record, stored_run
from sis_agent.schema import Accuracy, GoldenCheck, Memory, Problem, RoundSamples
from sis_edge.bundles.manifest import Granularities
from sis_edge.errors import RecordError
from sis_edge.results.comparison import Row, compare, compare_all
from sis_edge.results.rows import Figure
from sis_edge.results.rows.accuracy import REFERENCE
from sis_edge.results.rows.fields import NAMES, reasons, values


def by_name(run) -> dict[str, Row]:
    return {row.identity.label: row for row in compare(run)}


def test_every_unknown_has_a_reason_and_nothing_else_has() -> None:
    measured = [network_record("nin", 3, 5), failed("cifar10-sis2")]
    for row in compare(stored_run(measured)) + compare(stored_run(dense=None)):
        unknown = {name for name, value in values(row).items() if value is None}
        assert unknown == reasons(row).keys()
        assert all(reasons(row).values())


@pytest.mark.parametrize(("value", "reason"), [(None, None), (None, ""), (1.0, "a reason")])
def test_a_value_and_a_reason_exclude_each_other(value, reason) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Figure(value, reason)


def test_an_unknown_value_stays_unknown_with_its_reason() -> None:
    assert Figure(2.0).map(str) == Figure("2.0")
    assert Figure.unknown("no sensor").map(str) == Figure.of(None, "no sensor") == Figure(None, "no sensor")
    assert Figure.of(0.0, "no sensor") == Figure(0.0)


def test_a_row_holds_what_was_measured() -> None:
    run = stored_run(dataset="cifar10")
    row = by_name(run)["cifar10-sis3"]
    record = run.record.networks[3]
    structure = row.structure
    counts = (structure.conv_synapses.value, structure.micro_synapses.value, structure.synapses.value)
    assert counts == (
        212_544,
        28_240,
        240_784,
    )
    assert row.accuracy.paper.value == 0.8646
    assert row.accuracy.device.value == record.accuracy.correct / 450
    interval = row.accuracy.device_interval.value
    assert interval.low < row.accuracy.device.value < interval.high
    assert row.start.load_s.value == record.load_s
    assert row.start.first_inference_s.value == record.first_inference_s
    assert row.memory.peak_above_baseline_bytes.value == record.memory.peak_rss_bytes - record.memory.baseline_rss_bytes
    assert (row.latency.samples, row.latency.rounds) == (600, 30)
    assert row.latency.p50_s.value == pytest.approx(2.81e-3, rel=0.03)
    assert row.speed_up.estimate.value == pytest.approx(9.21 / 2.81, rel=0.02)
    assert row.speed_up.interval.value.low < row.speed_up.estimate.value < row.speed_up.interval.value.high
    assert row.speed_up.share_of_ceiling.value == pytest.approx(
        row.speed_up.estimate.value / row.structure.ceiling.value
    )
    assert row.accuracy.host_drop.estimate.value == pytest.approx(0.9733 - 0.9422)
    assert row.problem is None


def test_the_dense_network_is_the_reference() -> None:
    row = by_name(stored_run())["nin"]
    assert row.identity.is_reference
    assert row.speed_up.estimate == row.accuracy.host_drop.estimate == Figure(None, REFERENCE)


def test_a_failed_network_has_a_row_that_says_so() -> None:
    run = stored_run([network_record("nin"), failed("cifar10-sis1"), network_record("cifar10-sis2")])
    rows = by_name(run)
    assert list(rows) == list(NETWORKS)
    assert "opset 13" in rows["cifar10-sis1"].problem
    assert "opset 13" in rows["cifar10-sis1"].speed_up.estimate.reason
    assert rows["cifar10-sis1"].latency.p50_s.value is None
    assert rows["cifar10-sis1"].structure.synapses.value == 353_650
    assert rows["cifar10-sis3"].problem == "the job did not contain this network"


def test_a_job_that_ended_early_says_why() -> None:
    problem = Problem("time", "the time limit of 10 s was reached")
    row = by_name(stored_run([network_record("nin")], problem=problem))["cifar10-sis3"]
    assert row.problem == "the job ended early: the time limit of 10 s was reached"


def test_without_the_dense_network_there_is_no_speed_up() -> None:
    for row in compare(stored_run(names=("cifar10-sis1", "cifar10-sis2"), dense=None)):
        assert row.speed_up.estimate == Figure(None, "the run has no dense network to compare with")
        assert row.latency.p50_s.value is not None


def test_a_dense_network_that_failed_is_named() -> None:
    row = by_name(stored_run([failed("nin"), network_record("cifar10-sis1")]))["cifar10-sis1"]
    assert row.speed_up.estimate == Figure(None, "the dense network nin was not measured in this run")
    assert row.accuracy.host_drop.estimate.value is not None


@pytest.mark.parametrize(
    ("rounds", "per_round", "name", "reason"),
    [
        (2, 5, "latency_p50_s", "insufficient (n = 10, needs 11)"),
        (4, 10, "latency_p90_s", "insufficient (n = 40, needs 64)"),
        (30, 20, "latency_p99_s", "insufficient (n = 600, needs 662)"),
        (5, 20, "speed_up_low", "insufficient (5 rounds, an interval needs 6)"),
    ],
)
def test_an_insufficient_sample_is_said_with_its_numbers(rounds, per_round, name, reason) -> None:
    row = by_name(stored_run(rounds=rounds, per_round=per_round))["cifar10-sis1"]
    assert values(row)[name] is None
    assert reasons(row)[name] == reason
    assert row.speed_up.estimate.value is not None


def test_a_failed_golden_check_is_a_problem() -> None:
    wrong = network_record("cifar10-sis1")._replace(golden=GoldenCheck(16, 0.52, 0.1, 0.9, False))
    row = by_name(stored_run([network_record("nin"), wrong]))["cifar10-sis1"]
    assert row.golden.passed.value is False
    assert "differ from the host's by up to 0.52 (tolerance 0.001)" in row.problem
    assert row.latency.p50_s.value is not None


def test_a_clock_that_is_too_coarse_is_said() -> None:
    coarse = network_record("cifar10-sis1")._replace(rounds=[RoundSamples(n, 0, 0.0, [0.0, 1e-3]) for n in range(9)])
    row = by_name(stored_run([network_record("nin"), coarse]))["cifar10-sis1"]
    assert row.speed_up.estimate.value is None
    assert "too coarse" in row.speed_up.estimate.reason


def test_unknown_memory_and_accuracy_stay_unknown() -> None:
    record = network_record("nin")._replace(
        memory=Memory(None, None, 5, "no /proc on this system"), accuracy=Accuracy(0, 0)
    )
    row = by_name(stored_run([record]))["nin"]
    assert row.memory.peak_rss_bytes == Figure(5)
    assert row.memory.peak_above_baseline_bytes == Figure(None, "no /proc on this system")
    assert row.accuracy.device.value is None


@pytest.mark.parametrize("kind", ["simulated", "emulated"])
def test_marks_come_from_the_record(kind) -> None:
    rows = compare(stored_run(facts_before=facts(**{kind: True})))
    assert all(getattr(row.run, kind) for row in rows)
    assert not any(getattr(row.run, kind) for row in compare(stored_run()))
    assert all(row.run.simulated for row in compare(stored_run(simulated=True)))


def test_runs_are_compared_each_with_its_own_dense_network() -> None:
    slow = stored_run(run_id="slow", names=("nin", "cifar10-sis1"))
    alone = stored_run(run_id="alone", names=("cifar10-sis1",), dense=None)
    rows = compare_all([slow, alone])
    assert [(row.run.run_id, row.speed_up.estimate.value is None) for row in rows] == [
        ("slow", True),
        ("slow", False),
        ("alone", True),
    ]


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(RecordError, match="sis-edge deploy"):
        compare_all([])


def test_rows_are_flat_values_with_units_in_their_names() -> None:
    entries = (
        network_entry("nin"),
        network_entry("cifar10-sis1", granularity=Granularities(conv="nm", micro="neuron")),
    )
    row = compare(stored_run(names=("nin", "cifar10-sis1"), entries=entries))[1]
    assert tuple(values(row)) == NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert row.identity.granularity.value == values(row)["granularity"] == "nm / neuron"
    assert all(value is None or isinstance(value, (str, int, float, bool)) for value in values(row).values())
