"""Networks that sis-edge did not form, and two runtimes in one run: rows, verdict, and what is honestly unknown."""

import pytest

from results.given import given_network, given_record, given_run, labelled, two_runtimes
from sis_agent.schema import GoldenCheck
from sis_edge.bundles.manifest import BY_USER
from sis_edge.results.comparison import compare
from sis_edge.results.function import entries, wrong_functions
from sis_edge.results.rows.fields import reasons, values
from sis_edge.results.rows.structure import NOT_FORMED
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import NO_OUTPUTS, judge_run

WRONG = GoldenCheck(1, 0.52, 0.1, None, False)
OF_FORMED_ONES = (
    "granularity",
    "t_c",
    "t_p",
    "conv_synapses",
    "micro_synapses",
    "synapses",
    "architectural_efficiency",
    "macs_live",
    "mac_ratio",
    "ceiling",
    "host_accuracy",
    "host_test_images",
    "paper_accuracy",
    "train_images",
    "epochs",
)


def test_a_run_of_given_networks_is_stored_and_read() -> None:
    run = given_run()
    again = StoredRun.from_json(run.to_json(), "again")
    assert again == run
    assert [entry.name for entry, _ in again.networks()] == ["resnet", "mobilenet"]


def test_structure_is_unknown_with_the_reason_and_the_rest_is_measured() -> None:
    reference, other = compare(given_run())
    found, why = values(other), reasons(other)
    assert {name: found[name] for name in OF_FORMED_ONES} == dict.fromkeys(OF_FORMED_ONES)
    assert {why[name] for name in OF_FORMED_ONES} == {NOT_FORMED}
    assert (found["parameters"], found["macs"]) == (11_689_512, 1_814_073_344)
    assert found["inputs"] == "image 1x3x224x224 float32; mask 1x10 int64"
    assert other.speed_up.estimate.value == pytest.approx(9.21 / 4.92, rel=0.05)
    assert other.speed_up.interval.value is not None
    assert reference.identity.is_reference
    assert found["golden_passed"] is True
    assert why["golden_top1_agreement"] == "its first output is no row of class scores"
    assert why["device_accuracy"] == "no labels were given"
    assert not [name for name, value in found.items() if value is None and not why.get(name)]


def test_counts_that_are_not_known_say_so() -> None:
    entry = given_network("resnet", parameters=None, macs=None)
    why = reasons(compare(given_run(entries=(entry,)))[0])
    assert why["parameters"] == "its parameters could not be counted"
    assert why["macs"] == "its multiply-accumulates could not be counted"


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (
            "ONNX Runtime on this host",
            "it does not compute the same function as on the host: its outputs differ from those of ONNX Runtime on "
            "the host by up to 0.52 (tolerance 0.001)",
        ),
        (BY_USER, "it does not compute the outputs that were given: its outputs differ from those given by up to 0.52"),
    ],
)
def test_wrong_outputs_make_the_run_invalid_in_its_first_sentence(origin: str, words: str) -> None:
    entries_of = (given_network("resnet"), given_network("mobilenet", expected_from=origin))
    run = given_run(given_record("resnet"), given_record("mobilenet", golden=WRONG), entries=entries_of)
    verdict = judge_run(run)
    assert verdict.level == "INVALID"
    assert f"network mobilenet: {words}" in verdict.reasons[0].sentence
    row = compare(run)[1]
    assert row.speed_up.estimate.value is None
    assert row.problem is not None
    assert row.problem.startswith(words.partition(":")[0])


def test_a_wrong_reference_leaves_no_speed_up() -> None:
    run = given_run(given_record("resnet", golden=WRONG), given_record("mobilenet"))
    assert compare(run)[1].speed_up.estimate.reason == (
        "the reference resnet does not compute the same function as on the host"
    )


def test_the_relative_tolerance_is_named() -> None:
    run = given_run(given_record("resnet", golden=WRONG))
    jobs = [each._replace(golden_tolerance=0.01, golden_relative_tolerance=0.05) for each in run.record.job.networks]
    record = run.record._replace(job=run.record.job._replace(networks=jobs))
    assert wrong_functions(record, entries(run))["resnet"].endswith("(tolerance 0.01 and 0.05 of each value)")


def test_a_network_without_expected_outputs_is_not_judged_by_them() -> None:
    entry = given_network("resnet", expected=None, expected_from="TFLite needs ai-edge-litert on the host")
    run = given_run(given_record("resnet", golden=None), entries=(entry,))
    verdict = judge_run(run)
    assert NO_OUTPUTS in verdict.unseen
    assert "golden logits" not in verdict.unseen
    assert reasons(compare(run)[0])["golden_passed"] == (
        "no outputs to compare with: TFLite needs ai-edge-litert on the host"
    )


def test_a_far_faster_network_is_no_suspect_where_nobody_counted_its_work() -> None:
    run = given_run(given_record("resnet", slower=50), given_record("mobilenet"))
    assert "beyond-ceiling" not in {reason.code for reason in judge_run(run).reasons}


def test_labels_give_top1_top5_and_a_paired_drop() -> None:
    entries_of = tuple(given_network(name, labels=f"given/{name}/labels.npy") for name in ("resnet", "mobilenet"))
    first, second = compare(given_run(labelled("resnet", 90), labelled("mobilenet", 80), entries=entries_of))
    assert (second.accuracy.device.value, second.accuracy.device_top5.value) == (0.8, 0.83)
    assert second.accuracy.device_drop.estimate.value == pytest.approx(0.1)
    assert second.accuracy.drop_from.value == "resnet"
    assert first.accuracy.device_drop.estimate.value is None


def test_other_labels_are_other_images() -> None:
    entries_of = tuple(given_network(name, labels=f"given/{name}/labels.npy") for name in ("resnet", "mobilenet"))
    run = given_run(labelled("resnet", 90), labelled("mobilenet", 80), entries=entries_of)
    files = tuple(
        file.model_copy(update={"sha256": "f" * 64}) if file.path == "given/mobilenet/labels.npy" else file
        for file in run.manifest.files
    )
    run = run.model_copy(update={"manifest": run.manifest.model_copy(update={"files": files})})
    assert "different test images" in (compare(run)[1].accuracy.device_drop.estimate.reason or "")


def test_two_runtimes_are_told_apart_and_compared_with_the_first() -> None:
    rows = compare(two_runtimes())
    assert [row.identity.label for row in rows] == [
        "resnet (tensorrt)",
        "resnet (onnxruntime)",
        "mobilenet (tensorrt)",
        "mobilenet (onnxruntime)",
    ]
    assert [values(row)["runner"] for row in rows] == ["tensorrt", "onnxruntime"] * 2
    assert [row.identity.is_reference for row in rows] == [True, False, False, False]
    assert rows[1].speed_up.estimate.value == pytest.approx(0.5)
    assert {row.identity.network for row in rows} == {"resnet", "mobilenet"}


def test_the_verdict_names_the_runtime() -> None:
    run = two_runtimes()
    networks = [each._replace(golden=WRONG) if "@" in each.name else each for each in run.record.networks]
    run = run.model_copy(update={"record": run.record._replace(networks=networks)})
    assert "network resnet (onnxruntime): it does not" in judge_run(run).reasons[0].sentence


def test_one_runtime_is_in_no_name() -> None:
    assert [row.identity.label for row in compare(given_run())] == ["resnet", "mobilenet"]
