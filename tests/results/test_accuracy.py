"""Accuracy drops: paired on the same images, INT8 against its own float32, trainings that differ said with them."""

from dataclasses import replace

import numpy as np
import pytest
from report.conftest import RUNS
from scipy.stats import binom, binomtest

from results.factory import network_entry, network_record, stored_run, tensorrt_run
from sis_agent.schema import Accuracy, NetworkJob, NetworkRecord
from sis_edge.bundles import wrong_images
from sis_edge.bundles.manifest import NetworkEntry, Variant
from sis_edge.bundles.sparse_form import Parity
from sis_edge.report.sections.findings import finding
from sis_edge.results.comparison import compare
from sis_edge.results.rows import Row
from sis_edge.results.rows.accuracy import NO_DENSE, ONLY_COUNTED, OTHER_IMAGES, REFERENCE
from sis_edge.results.rows.fields import values
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import paired_difference, paired_p_value, proportion_difference

IMAGES = 450
DENSE, SPARSE = range(12), range(4, 40)  # images that each gets wrong: 8 are both's


def mid_p(lost: int, won: int) -> float:
    """Twice the smaller tail of a fair coin, less one observed outcome: the exact p-value less its probability."""
    exact = binomtest(lost, lost + won).pvalue
    return float(exact - binom.pmf(lost, lost + won, 0.5))


def answered(name: str, wrong: range | None) -> NetworkRecord:
    record = network_record(name)
    if wrong is None:  # as many as on the host, and not which
        return record
    return record._replace(accuracy=Accuracy(IMAGES, IMAGES - len(wrong), list(wrong)))


def entry(name: str, wrong: range | None = None, **changes: object) -> NetworkEntry:
    training = network_entry(name).training
    if wrong is not None:
        changes |= {"host_wrong": wrong_images.pack(wrong), "host_accuracy": 1 - len(wrong) / IMAGES}
    return network_entry(name, training=training.model_copy(update=changes))


def row_of(run: StoredRun, label: str = "cifar10-sis1") -> Row:
    return next(row for row in compare(run) if row.identity.label == label)


@pytest.fixture(scope="module")
def paired() -> Row:
    entries = (entry("nin", DENSE), entry("cifar10-sis1", SPARSE))
    return row_of(stored_run([answered("nin", DENSE), answered("cifar10-sis1", SPARSE)], entries=entries))


def test_drops_are_paired_on_the_host_and_on_the_board(paired: Row) -> None:
    expected = paired_difference(28, 4, IMAGES)
    for drop in (paired.accuracy.host_drop, paired.accuracy.device_drop):
        assert drop.estimate.value == pytest.approx(24 / IMAGES)
        assert drop.interval.value == expected
        assert drop.is_paired.value is True
        assert drop.p_value.value == pytest.approx(mid_p(28, 4))
    flat = values(paired)
    assert (flat["accuracy_drop_low"], flat["accuracy_drop_high"]) == (expected.low, expected.high)
    assert (flat["device_accuracy_drop_low"], flat["device_accuracy_drop_high"]) == (expected.low, expected.high)
    assert (flat["accuracy_drop_from"], flat["accuracy_drop_is_paired"]) == ("nin", True)
    assert flat["accuracy_drop_p_value"] == flat["device_accuracy_drop_p_value"] == pytest.approx(mid_p(28, 4))


def test_a_finding_names_the_ends_of_the_interval(paired: Row) -> None:
    said = finding(paired, "nin")
    assert "accuracy on the board 5.33 points below nin (95% interval of the drop 2.83 to 7.79, " in said
    assert ", McNemar's p < 0.0001, the same" in said
    assert said.endswith("the same 450 test images).")


@pytest.mark.parametrize(("low", "high", "is_significant"), [(0.0, 0.02, False), (-0.02, 0.0, False), (1e-9, 1, True)])
def test_an_interval_that_ends_at_no_drop_is_not_significant(
    paired: Row, low: float, high: float, is_significant: bool
) -> None:
    from sis_edge.results.rows.figure import Figure
    from sis_edge.results.statistics import Interval

    drop = replace(paired.accuracy.device_drop, interval=Figure(Interval(low, high)))
    said = finding(replace(paired, accuracy=replace(paired.accuracy, device_drop=drop)), "nin")
    assert said.endswith("test images).") is is_significant


def test_what_is_not_of_the_same_images_is_not_compared() -> None:
    run = stored_run(
        [answered("nin", DENSE), answered("cifar10-sis1", SPARSE)._replace(accuracy=Accuracy(10, 9, [3]))],
        entries=(entry("nin", host_test_images=10_000), entry("cifar10-sis1")),
    )
    row = row_of(run)
    assert row.accuracy.host_drop.estimate.reason == row.accuracy.device_drop.estimate.reason == OTHER_IMAGES
    assert "accuracy" not in finding(row, "nin")


def test_counts_alone_are_compared_by_the_wider_interval() -> None:
    row = row_of(stored_run([answered("nin", None), answered("cifar10-sis1", None)]))
    for drop in (row.accuracy.host_drop, row.accuracy.device_drop):
        assert drop.is_paired.value is False
        assert drop.interval.value == proportion_difference((438, 450), (428, 450))
        assert (drop.p_value.value, drop.p_value.reason) == (None, ONLY_COUNTED)
    assert row.accuracy.device_drop.estimate.value == pytest.approx(10 / 450)
    assert values(row)["device_accuracy_drop_is_paired"] is False
    said = finding(row, "nin")
    assert "accuracy on the board 2.22 points below nin" in said
    assert f"450 test images; not paired: {ONLY_COUNTED})" in said
    assert "the same" not in said
    assert "McNemar" not in said


def test_a_finding_takes_the_host_where_only_there_the_images_are_known() -> None:
    entries = (entry("nin", DENSE), entry("cifar10-sis1", SPARSE))
    counted = [
        network_record(name)._replace(accuracy=Accuracy(IMAGES, IMAGES - len(wrong)))
        for name, wrong in (("nin", DENSE), ("cifar10-sis1", SPARSE))
    ]
    row = row_of(stored_run(counted, entries=entries))
    assert row.accuracy.device_drop.is_paired.value is False
    said = finding(row, "nin")
    assert "accuracy on the host 5.33 points below nin" in said
    assert said.endswith("the same 450 test images).")


def test_the_reference_and_a_run_without_one_have_no_drop() -> None:
    assert row_of(stored_run(), "nin").accuracy.device_drop.estimate.reason == REFERENCE
    assert row_of(RUNS["alone"]).accuracy.drop_from.reason == NO_DENSE


def test_another_precision_is_compared_with_its_own_float32() -> None:
    rows = {row.identity.label: row for row in compare(tensorrt_run())}
    for label, row in rows.items():
        if row.identity.precision != "fp32" and not row.identity.is_reference:
            assert row.accuracy.drop_from.value == row.identity.network, label


@pytest.mark.parametrize("is_measured", [True, False], ids=["fp32 measured too", "INT8 alone"])
def test_int8_is_compared_on_the_images_of_both(is_measured: bool) -> None:
    """Float32 may have an accuracy on more images; INT8 has one on the bundle's, and float32's on the same."""
    int8 = Variant(
        name="int8",
        precision="int8",
        runtime="onnxruntime",
        model="networks/cifar10-sis1/int8.onnx",
        golden_logits="g",
        golden_tolerance=0.1,
        host_accuracy=1 - 4 / 500,
        fp32_accuracy=1 - 3 / 500,
        host_test_images=500,
        agreement=Parity(images=500, max_abs_difference=0.1, top1_agreement=0.99),
        host_wrong="2 3 4 5",
        fp32_wrong="1 2 3",
    )
    sparse = network_entry(
        "cifar10-sis1", variants=(int8,), training=entry("cifar10-sis1", host_test_images=10_000).training
    )
    run = stored_run([answered("nin", DENSE), answered("cifar10-sis1", SPARSE)])
    quantised = answered("cifar10-sis1", range(4, 44))._replace(name="cifar10-sis1 int8", precision="int8")
    networks = [*run.record.networks[: 2 if is_measured else 1], quantised]
    jobs = [*run.record.job.networks, NetworkJob("cifar10-sis1 int8", int8.model, "g", network="cifar10-sis1")]
    record = run.record._replace(networks=networks, job=run.record.job._replace(networks=jobs))
    manifest = run.manifest.model_copy(update={"networks": (run.manifest.networks[0], sparse)})
    row = row_of(run.model_copy(update={"record": record, "manifest": manifest}), "cifar10-sis1 int8")
    assert row.accuracy.drop_from.value == "cifar10-sis1"
    assert row.accuracy.host_drop.estimate.value == pytest.approx(1 / 500)
    assert row.accuracy.host_drop.interval.value == paired_difference(2, 1, 500)
    assert row.accuracy.training_difference is None
    board = row.accuracy.device_drop
    if is_measured:
        assert board.interval.value == paired_difference(4, 0, IMAGES)
        assert "points below cifar10-sis1 in fp32 (95% interval" in finding(row, "nin")
    else:
        assert board.estimate.reason == "what it is compared with has no accuracy on the board"


def test_networks_that_were_trained_differently_are_compared_with_that_difference() -> None:
    run = stored_run(entries=(entry("nin", epochs=17), entry("cifar10-sis1", epochs=30)), names=("nin", "cifar10-sis1"))
    row = row_of(run)
    difference = "trained for 30 epochs of 1,297 images, nin for 17 epochs of 1,297 images"
    assert row.accuracy.training_difference == difference
    (sentence,) = [part for part in finding(row, "nin").split("; ") if part.startswith("accuracy")]
    assert f"points below nin ({difference})" in sentence
    assert row_of(stored_run()).accuracy.training_difference is None
    run = stored_run(entries=(entry("nin"), entry("cifar10-sis1", teacher="nin")), names=("nin", "cifar10-sis1"))
    assert row_of(run).accuracy.training_difference == (
        "trained for 4 epochs of 1,297 images, taught by nin, nin for 4 epochs of 1,297 images"
    )


@pytest.mark.parametrize(("share_both", "share_lost", "share_won"), [(0.05, 0.03, 0.01), (0.1, 0.01, 0.01)])
def test_the_paired_interval_covers(share_both: float, share_lost: float, share_won: float) -> None:
    """2,000 pairs of networks on 500 images: nominally 95%, three standard errors being 1.5%."""
    generator = np.random.default_rng(0)
    rest = 1 - share_both - share_lost - share_won
    drawn = generator.multinomial(500, [share_both, share_lost, share_won, rest], size=2000)
    found = [paired_difference(int(lost), int(won), 500) for _, lost, won, _ in drawn]
    truth = share_lost - share_won
    assert np.mean([interval.low <= truth <= interval.high for interval in found]) >= 0.935
    assert np.mean([interval.high - interval.low for interval in found]) < 0.04


def test_the_paired_interval_by_hand() -> None:
    # (28 + 1, 4 + 1) of 450 + 2: 0.0531 -+ 1.96 sqrt((34 / 452 - 0.0531^2) / 452)
    found = paired_difference(28, 4, 450)
    assert (found.low, found.high) == pytest.approx((0.02831, 0.07788), abs=5e-5)
    turned = paired_difference(4, 28, 450)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    for wrong in ((-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)):
        with pytest.raises(ValueError, match="not a paired comparison"):
            paired_difference(*wrong)


@pytest.mark.parametrize(("lost", "won"), [(0, 1), (1, 0), (5, 9), (9, 5), (28, 4), (0, 12), (300, 241)])
def test_the_p_value_is_the_mid_p_of_mcnemar_s_test(lost: int, won: int) -> None:
    assert paired_p_value(lost, won) == pytest.approx(mid_p(lost, won), rel=1e-9)
    assert paired_p_value(won, lost) == pytest.approx(paired_p_value(lost, won))


def test_the_p_value_by_hand_and_where_nothing_speaks_for_a_difference() -> None:
    # 2 of 9 discordant images: (1 + 9 + 36 / 2) / 512, both tails
    assert paired_p_value(7, 2) == pytest.approx(2 * 28 / 512)
    for lost_and_won in (0, 1, 40):
        assert paired_p_value(lost_and_won, lost_and_won) == pytest.approx(1)
    with pytest.raises(ValueError, match="not a paired comparison"):
        paired_p_value(-1, 3)


def test_the_p_value_keeps_its_level() -> None:
    """Of 4,000 pairs of equally good networks on 500 images some 5% have a p-value below 0.05."""
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(500, [0.02, 0.02, 0.96], size=4000)
    rejected = np.mean([paired_p_value(int(lost), int(won)) < 0.05 for lost, won, _ in drawn])
    assert 0.035 < rejected < 0.062
