"""What stands inside the timed call, from the record: declared, not declared, and what parts of it cost."""

import pytest

from results.factory import network_record, stored_run
from sis_agent.schema import NetworkRecord, TimedCall, TimedPart
from sis_edge.results.schema import StoredRun
from sis_edge.results.timed_calls import NOT_DECLARED, NOT_MEASURED, PARTS, timed_calls

RUN = TimedCall(
    "InferenceSession.run",
    "host",
    output_copy=TimedPart("inside", "an array each"),
    call_overhead=TimedPart("inside", "one Python call"),
)
ENQUEUE = RUN._replace(call="enqueue and wait", input_copy=TimedPart("outside", "on the device before"))


def run_of(*networks: NetworkRecord, harness_s: list[float] | None = None) -> StoredRun:
    run = stored_run(names=("nin", "cifar10-sis1"))
    details = {**run.record.runner_details, "harness_latencies_s": harness_s}
    record = run.record._replace(runner_details=details, networks=list(networks))
    return run.model_copy(update={"record": record})


def test_forms_with_the_same_call_share_a_column_and_other_calls_have_their_own() -> None:
    dense = network_record("nin")._replace(timed_call=RUN, runner="onnxruntime")
    native = dense._replace(form="native", name="nin (native kernels)")
    other = network_record("cifar10-sis1")._replace(timed_call=ENQUEUE, runner="tensorrt")
    found = timed_calls(run_of(dense, native, other, harness_s=[3e-7, 1e-7, 2e-7]))
    assert [(each.runtime, each.forms, each.call.value) for each in found] == [
        ("onnxruntime", ("plain", "native"), "InferenceSession.run"),
        ("tensorrt", ("plain",), "enqueue and wait"),
    ]
    assert found[0].parts["output_copy"].value == TimedPart("inside", "an array each")
    assert found[0].parts["input_copy"].reason == NOT_DECLARED
    assert found[0].costs_s["call_overhead"].value == 2e-7
    assert found[0].costs_s["input_copy"].reason == NOT_MEASURED


def test_copies_are_those_that_the_runtime_measured_apart() -> None:
    copies = {"copies": {"to_device_s": [3e-6, 1e-6, 2e-6], "to_host_s": []}}
    network = network_record("nin")._replace(timed_call=ENQUEUE, details=copies)
    (found,) = timed_calls(run_of(network))
    assert found.costs_s["input_copy"].value == 2e-6
    assert found.costs_s["output_copy"].reason == NOT_MEASURED
    assert found.costs_s["call_overhead"].value is None


def test_older_records_say_that_it_is_not_recorded() -> None:
    (found,) = timed_calls(run_of(network_record("nin")))
    assert (found.runtime, found.call.value, found.call.reason) == ("onnxruntime", None, NOT_DECLARED)
    assert {found.parts[name].reason for name in PARTS} == {NOT_DECLARED}


def test_a_network_that_was_not_measured_has_none() -> None:
    assert timed_calls(run_of(network_record("nin")._replace(rounds=[]))) == []


@pytest.mark.parametrize("call", [RUN, None])
def test_it_is_stored_and_read_again(call: TimedCall | None) -> None:
    run = run_of(network_record("nin")._replace(timed_call=call))
    assert StoredRun.from_json(run.to_json(), "again").record.networks[0].timed_call == call
