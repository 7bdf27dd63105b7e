"""A network that computes something else on the board than on the host: no speed-up, no advice, INVALID first."""

import pytest

from results.factory import NETWORKS, network_entry, network_record, stored_run, tensorrt_run
from sis_agent.schema import Accuracy, GoldenCheck
from sis_edge.bundles.sparse_form import LayerChoice, SparseForm
from sis_edge.errors import VerdictError
from sis_edge.front.runs import Run
from sis_edge.report.document import section
from sis_edge.results import acceptance
from sis_edge.results.comparison import compare
from sis_edge.results.evidence import Evidence
from sis_edge.results.function import P_VALUE, same_images_p_value, sample_p_value
from sis_edge.results.rules.function import BEYOND_CEILING, beyond_ceiling
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import Verdict, judge_run

REVERSED = GoldenCheck(16, 9.7, 2.1, 0.09, False)


def run_with(*wrong: str, **changes) -> StoredRun:
    networks = [network_record(name) for name in NETWORKS]
    return stored_run([each._replace(**changes) if each.name in wrong else each for each in networks])


def first(verdict: Verdict) -> str:
    return verdict.reasons[0].code


def beyond(run: StoredRun) -> list[str]:
    return [reason.sentence for reason in judge_run(run).reasons if reason.code == "beyond-ceiling"]


def test_a_right_function_is_no_reason() -> None:
    assert "wrong-function" not in {reason.code for reason in judge_run(run_with()).reasons}


def test_a_wrong_network_has_no_speed_up_and_the_others_keep_theirs() -> None:
    run = run_with("cifar10-sis2", golden=REVERSED)
    verdict, rows = judge_run(run), {row.identity.label: row for row in compare(run)}
    assert (verdict.level, first(verdict)) == ("INVALID", "wrong-function")
    assert "network cifar10-sis2" in verdict.reasons[0].sentence
    assert "by up to 9.7 (tolerance 0.001)" in verdict.reasons[0].sentence
    wrong = rows["cifar10-sis2"].speed_up
    assert wrong.estimate.value is wrong.interval.value is wrong.share_of_ceiling.value is None
    assert "does not compute the same function" in str(wrong.estimate.reason)
    assert rows["cifar10-sis3"].speed_up.estimate.value == pytest.approx(3.28, rel=0.02)
    assert "cifar10-sis2" not in Run(run).speed_ups()


def test_a_wrong_reference_takes_all_speed_ups() -> None:
    run = run_with("nin", golden=REVERSED)
    assert judge_run(run).level == "INVALID"
    assert Run(run).speed_ups() == {}
    for row in compare(run):
        assert row.speed_up.estimate.value is None
    reasons = {row.speed_up.estimate.reason for row in compare(run) if not row.identity.is_reference}
    assert reasons == {"the dense network nin does not compute the same function as on the host"}


def test_the_report_finds_nothing_in_a_wrong_network() -> None:
    found = section(run_with("cifar10-sis2", golden=REVERSED))
    assert dict(found.findings)["cifar10-sis2"].startswith("no speed-up, since it does not compute the same function")
    assert found.verdict.reasons[0].code == "wrong-function"


@pytest.mark.parametrize(("form", "advised"), [("plain", None), ("sparse24", False), (None, True)])
def test_no_advice_for_a_wrong_form(form: str | None, advised: bool | None) -> None:
    run = tensorrt_run(gain=1.2)
    networks = [
        each._replace(golden=REVERSED) if each.form == form and each.precision == "fp16" else each
        for each in run.record.networks
    ]
    found = section(run.model_copy(update={"record": run.record._replace(networks=networks)}))
    assert [choice.use_sparse for choice in found.choices] == ([] if advised is None else [advised])
    assert any("use the engine with sparse kernels" in words for _, words in found.findings) == (advised is True)


def test_valid_is_not_to_be_had_with_a_wrong_function() -> None:
    run = run_with("cifar10-sis2", golden=REVERSED)
    fault = acceptance.fault([run], require_energy=False, require_valid=True)
    assert isinstance(fault, VerdictError)
    assert "the verdict is INVALID (network cifar10-sis2: it does not compute the same function" in str(fault)


@pytest.mark.parametrize(
    ("correct", "is_wrong"), [(438, False), (428, False), (427, True), (448, False), (449, True), (45, True)]
)
def test_accuracy_off_the_hosts_on_the_same_images(correct: int, is_wrong: bool) -> None:
    # The host has 0.9733 of 450: 438. Eleven images, all lost, are less likely than one in a thousand; ten are not.
    run = run_with("nin", accuracy=Accuracy(450, correct))
    assert (first(judge_run(run)) == "wrong-function") is is_wrong


def test_an_accuracy_beyond_chance_says_both() -> None:
    run = run_with("cifar10-sis3", accuracy=Accuracy(450, 45))
    assert (
        "its accuracy on the board is 10.00% of 450 images, on the host 94.22% of the same, which is beyond chance"
        in (judge_run(run).reasons[0].sentence)
    )
    assert "cifar10-sis3" not in Run(run).speed_ups()


@pytest.mark.parametrize(
    ("images", "correct", "is_wrong"), [(40, 39, False), (40, 34, False), (40, 30, True), (40, 4, True)]
)
def test_accuracy_on_a_part_of_the_hosts_images(images: int, correct: int, is_wrong: bool) -> None:
    run = run_with("nin", accuracy=Accuracy(images, correct))
    assert (first(judge_run(run)) == "wrong-function") is is_wrong


def test_int8_may_change_more_by_rounding() -> None:
    assert same_images_p_value(438, 425, 450, 1e-3) < P_VALUE < same_images_p_value(438, 425, 450, 5e-2)
    assert sample_p_value(0.9, 160, 200, 1e-3) < P_VALUE < sample_p_value(0.9, 160, 200, 5e-2)


def test_p_values_are_those_of_the_exact_tests() -> None:
    assert same_images_p_value(100, 95, 100, 0) == pytest.approx(2 * 0.5**5)
    assert same_images_p_value(95, 100, 100, 0) == pytest.approx(2 * 0.5**5)
    assert same_images_p_value(100, 100, 100, 0) == 1
    assert same_images_p_value(100, 98, 100, 0.1) == pytest.approx(2 * (210 + 120 + 45 + 10 + 1) / 1024)
    assert sample_p_value(0.5, 0, 10, 0) == pytest.approx(2 * 0.5**10)
    assert sample_p_value(0.5, 10, 10, 0) == pytest.approx(2 * 0.5**10)
    assert sample_p_value(1.0, 10, 10, 0) == 1
    assert sample_p_value(1.0, 9, 10, 0) == 0


@pytest.mark.parametrize(("share", "is_beyond"), [(0.99, False), (1.01, True)])
def test_a_speed_up_far_beyond_its_ceiling(share: float, is_beyond: bool) -> None:
    run = stored_run(names=("nin", "cifar10-sis3"))
    gain = compare(run)[1].speed_up.estimate.value
    ceiling = gain / BEYOND_CEILING / share
    entries = list(run.manifest.networks)
    entries[1] = entries[1].model_copy(update={"macs_live": round(entries[0].macs_live / ceiling)})
    run = run.model_copy(update={"manifest": run.manifest.model_copy(update={"networks": tuple(entries)})})
    assert bool(beyond(run)) is is_beyond
    if is_beyond:
        assert f"network cifar10-sis3 is {gain:.2f} times as fast as nin" in beyond(run)[0]
        assert "multiply-accumulates" in beyond(run)[0]


def test_the_ceiling_is_over_the_reference_though_that_is_not_dense() -> None:
    run = stored_run(names=("cifar10-sis1", "cifar10-sis3"), dense="cifar10-sis1")
    run = run.model_copy(update={"manifest": run.manifest.model_copy(update={"reference": "cifar10-sis1"})})
    sis1, sis3 = run.manifest.networks
    rows = {row.identity.network: row for row in compare(run)}
    assert rows["cifar10-sis1"].structure.ceiling.value == 1
    assert rows["cifar10-sis3"].structure.ceiling.value == sis1.macs_live / sis3.macs_live < sis3.ceiling
    assert section(run).title.startswith("SiS against cifar10-sis1: ")

    # As fast as it is over dense NiN, it is far beyond what so small a difference explains.
    like_dense = sis1.model_copy(update={"macs": sis3.macs, "macs_live": sis3.macs_live, "mac_ratio": sis3.mac_ratio})
    manifest = run.manifest.model_copy(update={"networks": (like_dense, sis3)})
    assert (
        "times the ratio of their multiply-accumulates (1.00;"
        in beyond(run.model_copy(update={"manifest": manifest}))[0]
    )


def test_another_precision_has_no_ceiling() -> None:
    slow = network_entry("cifar10-sis1", mac_ratio=1.0, macs=1000, macs_live=1000)
    fast = network_record("cifar10-sis1", per_round=20)
    quick = [turn._replace(latencies_s=[value / 4 for value in turn.latencies_s]) for turn in fast.rounds]
    run = stored_run(
        [network_record("nin"), fast._replace(rounds=quick, precision="int8")],
        names=("nin", "cifar10-sis1"),
        entries=(network_entry("nin", mac_ratio=1.0, macs=1000, macs_live=1000), slow),
    )
    row = compare(run)[1]
    assert row.structure.ceiling.value is row.speed_up.share_of_ceiling.value is None
    assert "int8 against fp32" in str(row.structure.ceiling.reason)
    assert row.speed_up.estimate.value == pytest.approx(4.2, rel=0.05)
    assert not beyond(run)
    assert "ceiling" not in dict(section(run).findings)["cifar10-sis1 int8"]


@pytest.mark.parametrize(("saved", "is_beyond"), [(None, False), (0, True), (500, False)])
def test_winograds_algorithm_explains_a_speed_up(saved: int | None, is_beyond: bool) -> None:
    dense = network_entry("nin", mac_ratio=1.0, macs=1000, macs_live=1000)
    layer = LayerChoice(
        layer="C2", kernel=5, inputs=96, filters=192, share=1, chosen="native", block=1, dense_s=None, native_s=None,
        why="faster", algorithm="winograd",
    )  # fmt: skip
    native = network_entry("nin", mac_ratio=1.0, macs=1000, macs_live=1000).model_copy(
        update={"form": "native", "sparse": SparseForm(layers=(layer,), basis="measured", saved_macs=saved)}
    )
    slow = network_record("nin", per_round=20)
    quick = [turn._replace(latencies_s=[value / 2 for value in turn.latencies_s]) for turn in slow.rounds]
    records = [slow, slow._replace(name="nin (native kernels)", form="native", rounds=quick)]
    evidence = Evidence(
        stored_run([slow], names=("nin",)).record._replace(networks=records),
        {"nin": dense, records[1].name: native},
        "nin",
    )
    found = list(beyond_ceiling(evidence))
    assert bool(found) is is_beyond
    if found:
        assert (
            "2.00 times as fast as nin, 2.00 times the ratio of their multiply-accumulates (1.00;" in found[0].sentence
        )
    half = native.model_copy(update={"precision": "fp16"})
    assert (native.work, half.work) == ({None: None, 0: 1000, 500: 500}[saved], 1000)
