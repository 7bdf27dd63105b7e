"""Accuracy drops: paired on the same images, INT8 against its own float32, trainings that differ said with them."""

from dataclasses import replace

import numpy as np
import pytest
from report.conftest import RUNS

from results.factory import network_entry, network_record, stored_run, tensorrt_run
from sis_agent.schema import Accuracy, NetworkJob, NetworkRecord
from sis_edge.bundles import wrong_images
from sis_edge.bundles.manifest import NetworkEntry, Variant
from sis_edge.bundles.sparse_form import Parity
from sis_edge.report.sections.findings import finding
from sis_edge.results.comparison import compare
from sis_edge.results.rows import Row
from sis_edge.results.rows.accuracy import NO_DENSE, ONLY_COUNTED, OTHER_IMAGES, REFERENCE
from sis_edge.results.rows.fields import reasons, values
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import paired_difference

IMAGES = 450
DENSE, SPARSE = range(12), range(4, 40)  # images that each gets wrong: 8 are both's


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
    flat = values(paired)
    assert (flat["accuracy_drop_low"], flat["accuracy_drop_high"]) == (expected.low, expected.high)
    assert (flat["device_accuracy_drop_low"], flat["device_accuracy_drop_high"]) == (expected.low, expected.high)
    assert (flat["accuracy_drop_from"], flat["accuracy_drop_is_paired"]) == ("nin", True)


def test_a_finding_names_the_ends_of_the_interval(paired: Row) -> None:
    said = finding(paired, "nin")
    assert "accuracy on the board 5.33 points below nin (95% interval of the drop 2.83 to 7.79, " in said
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
    assert row.accuracy.device_drop.estimate.reason == ONLY_COUNTED
    assert row.accuracy.host_drop.is_paired.value is False
    assert reasons(row)["device_accuracy_drop"] == ONLY_COUNTED
    assert "accuracy on the host 2.22 points below nin" in finding(row, "nin")
    assert "the same" not in finding(row, "nin")


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
