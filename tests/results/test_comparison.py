import pytest

from results.factory import NETWORKS, facts, failed, network_entry, network_record, stored_run
from sis_agent.schema import Accuracy, GoldenCheck, Memory, Problem, RoundSamples
from sis_edge.bundles.manifest import Granularities
from sis_edge.errors import RecordError
from sis_edge.results.comparison import REFERENCE, VALUE_NAMES, Row, compare, compare_all


def by_name(run) -> dict[str, Row]:
    return {row.network: row for row in compare(run)}


def test_every_unknown_has_a_reason_and_nothing_else_has() -> None:
    measured = [network_record("nin", 3, 5), failed("cifar10-sis2")]
    for row in compare(stored_run(measured)) + compare(stored_run(dense=None)):
        unknown = {name for name, value in row.values().items() if value is None}
        assert unknown == row.reasons.keys()
        assert all(row.reasons.values())


def test_a_row_holds_what_was_measured() -> None:
    run = stored_run(dataset="cifar10")
    row = by_name(run)["cifar10-sis3"]
    record = run.record.networks[3]
    assert (row.conv_synapses, row.micro_synapses, row.synapses) == (212_544, 28_240, 240_784)
    assert row.paper_accuracy == 0.8646
    assert row.device_accuracy == record.accuracy.correct / 450
    assert row.device_accuracy_low < row.device_accuracy < row.device_accuracy_high
    assert row.load_s == record.load_s
    assert row.first_inference_s == record.first_inference_s
    assert row.peak_above_baseline_bytes == record.memory.peak_rss_bytes - record.memory.baseline_rss_bytes
    assert (row.samples, row.rounds) == (600, 30)
    assert row.latency_p50_s == pytest.approx(2.81e-3, rel=0.03)
    assert row.speed_up == pytest.approx(9.21 / 2.81, rel=0.02)
    assert row.speed_up_low < row.speed_up < row.speed_up_high
    assert row.share_of_ceiling == pytest.approx(row.speed_up / row.ceiling)
    assert row.accuracy_drop == pytest.approx(0.9733 - 0.9422)
    assert row.problem is None


def test_the_dense_network_is_the_reference() -> None:
    row = by_name(stored_run())["nin"]
    assert row.is_dense
    assert row.speed_up is None
    assert row.reasons["speed_up"] == row.reasons["accuracy_drop"] == REFERENCE


def test_a_failed_network_has_a_row_that_says_so() -> None:
    run = stored_run([network_record("nin"), failed("cifar10-sis1"), network_record("cifar10-sis2")])
    rows = by_name(run)
    assert list(rows) == list(NETWORKS)
    assert "opset 13" in rows["cifar10-sis1"].problem
    assert "opset 13" in rows["cifar10-sis1"].reasons["speed_up"]
    assert rows["cifar10-sis1"].latency_p50_s is None
    assert rows["cifar10-sis1"].synapses == 353_650
    assert rows["cifar10-sis3"].problem == "the job did not contain this network"


def test_a_job_that_ended_early_says_why() -> None:
    problem = Problem("time", "the time limit of 10 s was reached")
    row = by_name(stored_run([network_record("nin")], problem=problem))["cifar10-sis3"]
    assert row.problem == "the job ended early: the time limit of 10 s was reached"


def test_without_the_dense_network_there_is_no_speed_up() -> None:
    for row in compare(stored_run(names=("cifar10-sis1", "cifar10-sis2"), dense=None)):
        assert row.speed_up is None
        assert row.reasons["speed_up"] == "the run has no dense network to compare with"
        assert row.latency_p50_s is not None


def test_a_dense_network_that_failed_is_named() -> None:
    row = by_name(stored_run([failed("nin"), network_record("cifar10-sis1")]))["cifar10-sis1"]
    assert row.reasons["speed_up"] == "the dense network nin was not measured in this run"
    assert row.accuracy_drop is not None


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
    assert getattr(row, name) is None
    assert row.reasons[name] == reason
    assert row.speed_up is not None


def test_a_failed_golden_check_is_a_problem() -> None:
    wrong = network_record("cifar10-sis1")._replace(golden=GoldenCheck(16, 0.52, 0.1, 0.9, False))
    row = by_name(stored_run([network_record("nin"), wrong]))["cifar10-sis1"]
    assert row.golden_passed is False
    assert "differ from the host's by up to 0.52 (tolerance 0.001)" in row.problem
    assert row.latency_p50_s is not None


def test_a_clock_that_is_too_coarse_is_said() -> None:
    coarse = network_record("cifar10-sis1")._replace(rounds=[RoundSamples(n, 0, 0.0, [0.0, 1e-3]) for n in range(9)])
    row = by_name(stored_run([network_record("nin"), coarse]))["cifar10-sis1"]
    assert row.speed_up is None
    assert "too coarse" in row.reasons["speed_up"]


def test_unknown_memory_and_accuracy_stay_unknown() -> None:
    record = network_record("nin")._replace(
        memory=Memory(None, None, 5, "no /proc on this system"), accuracy=Accuracy(0, 0)
    )
    row = by_name(stored_run([record]))["nin"]
    assert row.peak_rss_bytes == 5
    assert row.peak_above_baseline_bytes is None
    assert row.reasons["peak_above_baseline_bytes"] == "no /proc on this system"
    assert row.device_accuracy is None


@pytest.mark.parametrize("kind", ["simulated", "emulated"])
def test_marks_come_from_the_record(kind) -> None:
    rows = compare(stored_run(facts_before=facts(**{kind: True})))
    assert all(getattr(row, kind) for row in rows)
    assert not any(getattr(row, kind) for row in compare(stored_run()))
    assert all(row.simulated for row in compare(stored_run(simulated=True)))


def test_runs_are_compared_each_with_its_own_dense_network() -> None:
    slow = stored_run(run_id="slow", names=("nin", "cifar10-sis1"))
    alone = stored_run(run_id="alone", names=("cifar10-sis1",), dense=None)
    rows = compare_all([slow, alone])
    assert [(row.run_id, row.speed_up is None) for row in rows] == [
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
    assert tuple(row.values()) == VALUE_NAMES
    assert row.granularity == "nm / neuron"
    assert all(value is None or isinstance(value, (str, int, float, bool)) for value in row.values().values())
