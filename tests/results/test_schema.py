import json

import pytest

from results.factory import board_run, network_record, stored_run
from sis_agent.schema import RECORD_VERSION, RoundSamples
from sis_edge.errors import RecordError
from sis_edge.results.schema import StoredRun


def test_a_run_survives_the_file() -> None:
    run = stored_run()
    assert StoredRun.from_json(run.to_json(), "x") == run


def test_the_record_is_written_by_field_names() -> None:
    data = json.loads(stored_run().to_json())
    assert data["record"]["networks"][0]["rounds"][3]["round"] == 3
    assert data["record"]["facts_before"]["machine"] == "x86_64"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda data: data.pop("profile"), "profile is missing"),
        (lambda data: data.update(extra=1), "extra: Extra inputs"),
        (lambda data: data.update(stored_at="2026-11-22T20:51:00"), "stored_at"),
        (lambda data: data["manifest"].pop("profile"), "manifest.profile"),
        (lambda data: data["manifest"].pop("dataset"), "manifest: Value error, dataset is missing"),
        (lambda data: data["record"]["networks"][1].update(load_s="soon"), "record.networks.1.load_s"),
        (lambda data: data["record"].update(record_version=9), "record_version is 9"),
        (lambda data: data["record"]["networks"][0].update(network="other"), "other, which the manifest"),
        (lambda data: data["record"]["networks"][0].update(name="cifar10-sis1"), "cifar10-sis1 more than once"),
        (lambda data: data.update(store_version=7), "store version 7"),
        (lambda data: data.pop("store_version"), "is not a stored run: it has no store_version; name a file that"),
        (lambda data: data.clear(), "is not a stored run: it has no store_version; name a file that"),
        (lambda data: data.update(store_version="two"), "is not a stored run: it has no store_version"),
    ],
)
def test_a_damaged_run_names_the_file_and_the_field(change, part) -> None:
    data = json.loads(stored_run().to_json())
    change(data)
    with pytest.raises(RecordError, match=r"runs/a\.json") as caught:
        StoredRun.from_json(json.dumps(data), "runs/a.json")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", b"\xff\xfe\x00", '{"store_version": 1}', "[" * 100_000])
def test_what_is_no_run_is_refused(text) -> None:
    with pytest.raises(RecordError, match=r"a\.json"):
        StoredRun.from_json(text, "a.json")


@pytest.mark.parametrize("latency", [-1e-9, float("nan"), float("inf")])
def test_an_impossible_latency_is_refused(latency) -> None:
    record = network_record("nin")._replace(rounds=[RoundSamples(0, 0, 0.0, [1e-3, latency])])
    with pytest.raises(ValueError, match="latenc"):
        stored_run([record])


@pytest.mark.parametrize("is_counter", [False, True])
def test_power_without_a_reading_at_each_time_is_refused(is_counter: bool) -> None:
    run = board_run("raspberry-pi-5")
    trace = run.record.power.traces[0]
    if is_counter:
        trace = trace._replace(power_w={}, energy_j=trace.power_w)
    record = run.record._replace(record_version=RECORD_VERSION, power=run.record.power._replace(traces=[trace]))
    data = json.loads(run.model_copy(update={"record": record}).to_json())
    StoredRun.from_json(json.dumps(data), "a.json")
    name = "energy_j" if is_counter else "power_w"
    del data["record"]["power"]["traces"][0][name][trace.rails[0]][-1]
    count = len(trace.times_s)
    with pytest.raises(RecordError, match=f"{count - 1} readings of {trace.rails[0]} at {count} times"):
        StoredRun.from_json(json.dumps(data), "a.json")
    data["record"]["power"]["traces"][0][name][trace.rails[0]].append(-1e300)
    with pytest.raises(RecordError, match=rf"record.power holds -1e\+300 as a reading of {trace.rails[0]}"):
        StoredRun.from_json(json.dumps(data), "a.json")


def test_networks_pairs_the_bundle_with_the_record() -> None:
    run = stored_run([network_record("nin")])
    measured = {entry.name: record for entry, record in run.networks()}
    assert measured["nin"] == run.record.networks[0]
    assert measured["cifar10-sis1"] is None
