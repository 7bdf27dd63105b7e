"""Two stored runs against each other: which networks belong together, what is refused, and what is found."""

import pytest

from results.factory import HASH, network_entry
from results.given import given_network, given_run
from results.two_runs_of import changed, on_board, slower
from sis_agent.schema import Accuracy, GoldenCheck, TimedCall, TimedPart
from sis_edge.bundles.manifest import FileEntry
from sis_edge.errors import RecordError, UsageError
from sis_edge.results.named import NamedRun, network_of
from sis_edge.results.schema import StoredRun
from sis_edge.results.two_runs import RunComparison, compare_two

A, B = on_board(1), on_board(2, day=23)


def compared(a: StoredRun, b: StoredRun, *networks: str, force: bool = True) -> RunComparison:
    named = [
        NamedRun(run, network_of(run, name) if name else None)
        for run, name in zip((a, b), networks or ("", ""), strict=True)
    ]
    return compare_two(*named, force=force, resamples=300)


def refused(a: StoredRun, b: StoredRun) -> set[str]:
    return {each.code for each in compared(a, b).obstacles if each.is_refused}


def of_manifest(run: StoredRun, **changes: object) -> StoredRun:
    return run.model_copy(update={"manifest": run.manifest.model_copy(update=changes)})


def with_hash(run: StoredRun, path: str) -> StoredRun:
    files = [
        FileEntry(path=file.path, sha256=HASH[::-1] if file.path == path else file.sha256, size_bytes=1)
        for file in run.manifest.files
    ]
    return of_manifest(run, files=tuple(files))


def test_two_quiet_runs_of_a_bundle_compare_and_differ_by_chance() -> None:
    found = compared(A, B, force=False)
    assert found.obstacles == ()
    assert [network.title for network in found.networks] == ["nin", "cifar10-sis1", "cifar10-sis2", "cifar10-sis3"]
    for network in found.networks:
        assert (network.latency.method, network.latency.finding) == ("unpaired", "not significant")
        assert network.memory.finding == "equal"
        assert network.energy.finding == "not significant"
        low, high = network.energy.interval.value.low, network.energy.interval.value.high
        assert low < network.energy.change.value < high


def test_a_slower_run_is_found_slower_with_the_true_ratio_inside() -> None:
    for network in compared(A, slower(B, 1.2), force=False).networks:
        assert network.latency.finding == "higher"
        assert network.latency.interval.value.low < 1.2 < network.latency.interval.value.high
        assert network.latency.change.value == pytest.approx(
            network.latency.b.value / network.latency.a.value, rel=0.02
        )


def test_the_networks_of_one_run_are_paired_so_that_a_drift_cancels() -> None:
    own = compared(A, A, force=False)
    assert own.is_one_run
    assert [(network.a, network.b) for network in own.networks] == [
        ("nin", f"cifar10-sis{number}") for number in (1, 2, 3)
    ]
    one, across = own.networks[0].latency, compared(A, B, "nin", "cifar10-sis1").networks[0].latency
    assert (one.method, across.method) == ("paired by round", "unpaired")
    widths = [each.interval.value.high - each.interval.value.low for each in (one, across)]
    assert widths[0] < 0.5 * widths[1]
    (chosen,) = compared(A, A, "cifar10-sis3", "cifar10-sis1").networks
    assert (chosen.a, chosen.b, chosen.latency.finding) == ("cifar10-sis3", "cifar10-sis1", "higher")
    assert {network.b for network in compared(A, A, "", "cifar10-sis3").networks} == {"cifar10-sis3"}


def test_a_chosen_network_is_compared_with_its_namesake_or_with_the_one_that_was_named() -> None:
    (same,) = compared(A, B, "cifar10-sis2", "").networks
    assert same.title == "cifar10-sis2"
    (other,) = compared(A, B, "nin", "cifar10-sis3").networks
    assert other.title == "nin -> cifar10-sis3"
    with pytest.raises(UsageError, match="unknown network of run 20261122-000001 'nim'; did you mean nin"):
        network_of(A, "nim")


@pytest.mark.parametrize(
    ("code", "words", "changes"),
    [
        ("batch-size", "the batch size is 1 in A and 8 in B", {"job": {"batch_size": 8}}),
        ("threads", "the number of threads is 1 in A and 4 in B", {"job": {"threads": 4}}),
        ("cores", "the list of cores is open in A and 0,1 in B", {"job": {"cores": [0, 1]}}),
        ("device", "the processing unit is CPU in A and GPU in B", {"job": {"on_gpu": True}}),
        ("board", "the board is raspberry-pi-5 in A and raspberry-pi-4 in B", {"facts": {"model": "raspberry-pi-4"}}),
        ("simulated", "B is of a simulated board, A of a real one", {"simulated": True}),
        (
            "emulated",
            "B was measured on an emulated board, whose times are the emulator's",
            {"facts": {"emulated": True}},
        ),
    ],
)
def test_what_answers_another_question_is_refused(code: str, words: str, changes: dict) -> None:
    other = changed(B, **changes)
    assert code in refused(A, other)
    with pytest.raises(RecordError, match=f"(?s)cannot be compared:.*- {words}.*--force compares them anyway"):
        compared(A, other, force=False)
    assert code in {each.code for each in compared(A, other).obstacles}, "with --force they are compared all the same"


def test_another_power_mode_is_refused_and_an_unknown_one_is_not() -> None:
    jetson, other = on_board(1, "orin-nano-jp5"), on_board(2, "orin-nano-jp5", day=23)
    assert refused(jetson, changed(other, facts={"power_mode": "7W"})) >= {"power-mode"}
    assert "power-mode" not in refused(jetson, changed(other, facts={"power_mode": None}))


def test_other_images_and_other_weights_under_one_name_are_refused() -> None:
    images = compared(A, with_hash(B, "data/test_images.npy"))
    assert [each.sentence for each in images.obstacles] == ["the test images are others in B than in A"]
    assert images.networks[0].accuracy.change.reason == "the two accuracies are of different test images"
    assert refused(A, of_manifest(B, dataset="cifar10")) == {"images"}
    weights = compared(A, with_hash(B, "networks/nin/model.onnx"))
    assert [each.sentence for each in weights.obstacles] == ["nin has other weights in B than in A under the same name"]
    assert refused(A, B.model_copy(update={"profile": "raspberry-pi-4"})) == {"profile"}
    assert compared(A, with_hash(B, "networks/nin/model.onnx"), "nin", "nin").obstacles == (), "both were named"


def test_another_timed_call_is_refused_and_of_chosen_networks_noted() -> None:
    def timed(run: StoredRun, where: str) -> StoredRun:
        call = TimedCall(
            "run", "host", input_copy=TimedPart(where, "as it is"), output_copy=TimedPart("none", "shared")
        )
        return changed(run, networks=[each._replace(timed_call=call) for each in run.record.networks])

    one, other = timed(A, "inside"), timed(B, "outside")
    found = compared(one, other).obstacles
    assert found[0].sentence == (
        "the copy of inputs of nin is inside the timed call in A and outside the timed call in B"
    )
    assert {(each.code, each.is_refused) for each in found} == {("timed-call", True)}
    assert refused(one, B) == set(), "older agents do not say"
    (note,) = compared(one, other, "nin", "nin", force=False).obstacles
    assert (note.code, note.is_refused) == ("timed-call", False)


def test_an_invalid_run_is_refused_and_a_suspect_one_is_a_note() -> None:
    broken = [network._replace(golden=GoldenCheck(16, 0.52, 0.1, 0.9, False)) for network in B.record.networks]
    assert refused(A, changed(B, networks=broken)) == {"invalid"}
    assert refused(changed(A, networks=broken), changed(A, networks=broken)) == {"invalid"}, "of one run, too"
    notes = compared(A, changed(B, job={"min_inferences": 5000}), force=False).obstacles
    assert [(each.code, each.is_refused) for each in notes] == [("verdict", False)]
    assert notes[0].sentence.startswith("B is SUSPECT: network nin has 600 inferences")
    (quick,) = compared(A, changed(B, job={"quick": True}), force=False).obstacles
    assert quick.sentence == "B is QUICK: it is too short for numbers to rely on"


def test_what_merely_happened_is_a_note() -> None:
    other = changed(B, facts={"kernel": "6.9.0", "hostname": "other"})
    details = {**B.record.runner_details, "onnxruntime": "1.24.0"}
    found = compared(A, changed(other, runner_details=details), force=False)
    assert [each.sentence for each in found.obstacles] == [
        "the boards are named bench and other: perhaps two of a kind",
        "not alike: kernel 6.18.2 in A, 6.9.0 in B; onnxruntime 1.23.2 in A, 1.24.0 in B; "
        "`sis-edge explain` weighs such differences",
    ]


def test_runs_without_a_common_network_are_named_with_what_they_have() -> None:
    other = given_run()
    with pytest.raises(RecordError, match=r"nin, cifar10-sis1.*resnet, mobilenet.*RUN:NETWORK"):
        compared(A, other)
    one = given_run(entries=(given_network("resnet"),), reference="resnet")
    with pytest.raises(RecordError, match="has one network only"):
        compared(one, one)


def test_a_network_in_another_precision_is_matched_by_its_name_and_refused() -> None:
    networks = [
        each._replace(precision="int8") if each.network == "cifar10-sis1" else each for each in B.record.networks
    ]
    found = compared(A, changed(B, networks=networks))
    assert found.networks[1].title == "cifar10-sis1 -> cifar10-sis1 int8"
    assert "cifar10-sis1 is computed in fp32 in A and int8 in B" in [each.sentence for each in found.obstacles]
    fewer = changed(B, networks=B.record.networks[1:])
    assert compared(A, fewer).networks[0].problem == "the job did not contain this network"
    without = of_manifest(fewer, networks=tuple(network_entry(f"cifar10-sis{number}") for number in (1, 2, 3)))
    assert compared(A, without).matching.only_a == ("nin",)


def test_accuracy_is_paired_by_image_where_both_say_which_are_wrong() -> None:
    def counted(run: StoredRun, wrong: list[int]) -> StoredRun:
        networks = [each._replace(accuracy=Accuracy(450, 450 - len(wrong), wrong)) for each in run.record.networks]
        return changed(run, networks=networks)

    paired = compared(counted(A, list(range(12))), counted(B, list(range(20)))).networks[0].accuracy
    assert (paired.method, paired.finding) == ("paired by image", "lower")
    assert paired.change.value == pytest.approx(-8 / 450)
    assert paired.interval.value.low < -8 / 450 < paired.interval.value.high
    plain = compared(A, B).networks[0].accuracy
    assert (plain.method, plain.finding) == ("unpaired", "not significant")


def test_memory_differs_where_the_ranges_of_repeated_peaks_do() -> None:
    def peaks(run: StoredRun, *values: int) -> StoredRun:
        networks = [
            each._replace(memory=each.memory._replace(peak_rss_bytes=values[0], repeats_peak_rss_bytes=list(values)))
            for each in run.record.networks
        ]
        return changed(run, networks=networks)

    for values, finding in (((96, 102), "not significant"), ((90, 92), "lower"), ((110, 109), "higher")):
        memory = compared(peaks(A, 100, 98), peaks(B, *values)).networks[0].memory
        assert (memory.finding, memory.method) == (finding, "range of repeated peaks")
        assert memory.interval.value.low <= values[0] / 100 <= memory.interval.value.high
    once = compared(peaks(A, 100), peaks(B, 90)).networks[0].memory
    assert (once.finding, once.interval.reason) == ("unknown", "each peak was measured once")


def test_energies_of_other_sensors_have_no_ratio() -> None:
    power = B.record.power._replace(scope="wall")
    energy = compared(A, changed(B, power=power)).networks[0].energy
    assert energy.change.reason == "the two energies are of other sensors, or of other parts of the board"
    assert energy.a.value is not None
    assert energy.b.value is not None
