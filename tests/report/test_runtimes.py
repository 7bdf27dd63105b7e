"""Several runtimes in a report: speed-ups within each and across, memory by runtime, what stands in the timed call."""

import json

import pytest
from results.factory import network_record, stored_run
from results.given import two_runtimes
from results.test_timed_calls import ENQUEUE, RUN

from sis_agent.schema import Memory, NetworkRecord, Problem
from sis_edge.report.document import Report, section
from sis_edge.report.json import to_json
from sis_edge.report.table import Table
from sis_edge.results.best import best
from sis_edge.results.comparison import compare
from sis_edge.results.rows import Row
from sis_edge.results.rows.dense import NO_DENSE_OF_RUNTIME, ONE_RUNTIME
from sis_edge.results.rows.fields import reasons
from sis_edge.results.schema import StoredRun


def changed(run: StoredRun, **networks: NetworkRecord) -> StoredRun:
    """The run with other records of some networks, by their number."""
    records = list(run.record.networks)
    for number, record in networks.items():
        records[int(number[1:])] = record
    return run.model_copy(update={"record": run.record._replace(networks=records)})


def by_label(run: StoredRun) -> dict[str, Row]:
    return {row.identity.label: row for row in compare(run)}


def table(run: StoredRun, name: str) -> Table:
    return next(table for table in section(run).tables if table.name == name)


def test_each_network_is_compared_within_its_runtime_and_with_the_fastest_dense() -> None:
    """Both networks take twice the time with ONNX Runtime, so within each runtime they are as far apart."""
    rows = by_label(two_runtimes())
    first, second = rows["mobilenet (tensorrt)"], rows["mobilenet (onnxruntime)"]
    assert first.own_dense.over.value == first.fastest_dense.over.value == "resnet (tensorrt)"
    assert first.own_dense.speed_up == first.speed_up
    assert (second.own_dense.over.value, second.fastest_dense.over.value) == (
        "resnet (onnxruntime)",
        "resnet (tensorrt)",
    )
    within, across = second.own_dense.speed_up, second.fastest_dense.speed_up
    assert within.estimate.value == pytest.approx(9.21 / 4.92, rel=0.05)
    assert across.estimate.value == pytest.approx(9.21 / 4.92 / 2, rel=0.05)
    assert within.interval.value is not None
    assert rows["resnet (onnxruntime)"].own_dense.over.reason == "the reference"
    assert rows["resnet (onnxruntime)"].fastest_dense.speed_up.estimate.value == pytest.approx(0.5, rel=0.05)


def test_the_fastest_dense_may_be_one_of_another_runtime_than_the_first() -> None:
    run = two_runtimes()
    slow = run.record.networks[0]
    slower = [turn._replace(latencies_s=[5 * value for value in turn.latencies_s]) for turn in slow.rounds]
    rows = by_label(changed(run, n0=slow._replace(rounds=slower)))
    assert rows["mobilenet (tensorrt)"].fastest_dense.over.value == "resnet (onnxruntime)"
    assert rows["mobilenet (tensorrt)"].own_dense.over.value == "resnet (tensorrt)"


def test_a_dense_network_that_failed_is_not_the_fastest() -> None:
    run = two_runtimes()
    failed = run.record.networks[0]._replace(problem=Problem("worker-died", "the worker died"))
    rows = by_label(changed(run, n0=failed))
    assert rows["mobilenet (tensorrt)"].fastest_dense.over.value == "resnet (onnxruntime)"


def test_without_a_dense_network_of_its_runtime_the_reason_says_so() -> None:
    run = two_runtimes()
    left = [record for record in run.record.networks if record.name != "resnet@onnxruntime"]
    run = run.model_copy(update={"record": run.record._replace(networks=left)})
    row = by_label(run)["mobilenet (onnxruntime)"]
    assert row.own_dense.over.reason == row.own_dense.speed_up.estimate.reason == NO_DENSE_OF_RUNTIME
    assert row.fastest_dense.speed_up.estimate.value is not None


def test_one_runtime_needs_no_second_comparison() -> None:
    row = by_label(stored_run(names=("nin", "cifar10-sis1")))["cifar10-sis1"]
    assert row.own_dense.speed_up == row.speed_up
    assert row.own_dense.over.value == "nin"
    assert reasons(row)["speed_up_over_fastest_dense"] == ONE_RUNTIME


def test_the_network_to_name_first_is_compared_with_the_fastest_dense_of_all_runtimes() -> None:
    """ONNX Runtime's reference, twice as slow, was asked for first: it would make everything look twice as fast."""
    run = two_runtimes()
    job = run.record.job._replace(reference="resnet@onnxruntime")
    rows = compare(run.model_copy(update={"record": run.record._replace(job=job)}))
    assert next(row for row in rows if row.identity.is_reference).identity.label == "resnet (onnxruntime)"
    found = best(rows)
    assert found is not None
    assert (found.row.identity.label, found.reference.identity.label) == ("mobilenet (tensorrt)", "resnet (tensorrt)")
    assert found.estimate == pytest.approx(9.21 / 4.92, rel=0.05)


def test_a_finding_says_both() -> None:
    found = dict(section(two_runtimes()).findings)
    sentence = found["mobilenet (onnxruntime)"]
    assert "the speed of resnet (tensorrt) (95% interval" in sentence
    assert "that of resnet (onnxruntime), the reference with its runtime (95% interval" in sentence
    assert "its runtime" not in found["mobilenet (tensorrt)"], "which is the reference already"


def test_the_report_has_a_table_of_both() -> None:
    made = table(two_runtimes(), "speed-up-by-runtime")
    assert [column.title for column in made.columns][3:7] == [
        "Its runtime's reference",
        "Speed-up",
        "95% interval",
        "Fastest reference",
    ]
    line = next(cells for cells in made.texts if cells[0] == "mobilenet (onnxruntime)")
    assert (line[1], line[3], line[6]) == ("onnxruntime", "resnet (onnxruntime)", "resnet (tensorrt)")
    assert "speed-up-by-runtime" not in [each.name for each in section(stored_run(names=("nin",))).tables]


def test_memory_stands_by_runtime_and_what_is_unknown_has_its_reason() -> None:
    run = two_runtimes()
    memory = Memory(30_000_000, None, None, "loaded in processes of its own", [], None, "not reported", None)
    made = table(changed(run, n0=run.record.networks[0]._replace(memory=memory)), "memory")
    lines = {cells[0]: cells for cells in made.texts}
    assert lines["resnet (onnxruntime)"][1:4] == ("onnxruntime", "31.0 MB", "39.8 MB")
    first, *unknown = lines["resnet (tensorrt)"][2:]
    assert first == "30.0 MB"
    assert unknown == ["– [a]"] * 4 + ["– [b]"]
    assert made.notes[:2] == ("a: loaded in processes of its own", "b: not reported")


def timed() -> StoredRun:
    dense = network_record("nin")._replace(timed_call=RUN)
    copies = {"copies": {"to_device_s": [2e-6], "to_host_s": []}}
    other = network_record("cifar10-sis1")._replace(timed_call=ENQUEUE, form="sparse24", details=copies)
    run = stored_run([dense, other], names=("nin", "cifar10-sis1"))
    details = {**run.record.runner_details, "harness_latencies_s": [2e-7]}
    return run.model_copy(update={"record": run.record._replace(runner_details=details)})


def test_the_timed_call_has_a_column_for_each_runtime_and_form() -> None:
    made = table(timed(), "timed-calls")
    assert [column.title for column in made.columns] == [
        "Part",
        "onnxruntime: plain",
        "onnxruntime: 2:4 sparse kernels",
    ]
    lines = {cells[0]: cells[1:] for cells in made.texts}
    assert lines["Timed call"] == ("InferenceSession.run", "enqueue and wait")
    assert lines["Copy of inputs (host to device)"] == ("– [a]", "outside: on the device before (2.00 µs)")
    assert lines["Cost of the call itself"][0] == "inside: one Python call (a call that computes nothing: 200 ns)"
    assert made.notes == ("a: not recorded: the agent of that version, or that runtime's runner, does not declare it",)


def test_programs_read_it_with_reasons() -> None:
    (run,) = json.loads(to_json(Report("", (section(timed()),))))["runs"]
    first, second = run["timed_calls"]
    assert (first["runtime"], first["forms"], first["clock"]) == ("onnxruntime", ["plain"], "host")
    assert first["input_copy"] is None
    assert first["reasons"]["input_copy"].startswith("not recorded")
    assert second["input_copy"] == {"where": "outside", "how": "on the device before", "cost_s": 2e-6}
