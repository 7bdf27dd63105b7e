import json

import pytest

from sis_agent import schema
from sis_agent.job.job_json import job_from_json

NETWORK = {"name": "a", "model": "m", "golden_logits": "l"}


def valid() -> dict[str, object]:
    return {
        "job_version": schema.JOB_VERSION,
        "bundle_id": "b",
        "networks": [NETWORK],
        "golden_inputs": "i",
        "golden_tolerance": 1e-4,
        "preprocess": {"mean": [0.5], "std": [0.5]},
    }


def test_a_job_survives_json() -> None:
    job = job_from_json(valid())
    assert job_from_json(json.loads(json.dumps(schema.to_json(job)))) == job
    resized = job._replace(preprocess=schema.Preprocess([0.5], [0.5], schema.Resize(96, 64)))
    assert job_from_json(json.loads(json.dumps(schema.to_json(resized)))) == resized
    long = job._replace(rest=schema.RestRequest(5.0, 45.0), sustained=schema.SustainedRequest(60.0, 5.0, 30.0))
    assert job_from_json(json.loads(json.dumps(schema.to_json(long)))) == long


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"job_version": schema.JOB_VERSION + 1}, f"job_version is {schema.JOB_VERSION + 1}, this agent"),
        ({"colour": "red"}, "colour"),
        ({"networks": [{"name": "a"}]}, "model"),
        ({"networks": 3}, "does not fit"),
        ({"preprocess": {"mean": [1]}}, "std"),
        ({"rounds": 1.5}, "rounds is 1.5"),
        ({"threads": "2"}, "threads is '2'"),
        ({"time_limit_s": float("inf")}, "time_limit_s"),
        ({"golden_tolerance": float("nan")}, "golden_tolerance"),
        ({"warmup_s": -1}, "warmup_s"),
        ({"warmup_s": None}, "warmup_s"),
        ({"golden_tolerance": float("inf")}, "golden_tolerance is inf"),
        ({"networks": []}, "names no network"),
        ({"networks": [NETWORK, NETWORK]}, "names a network twice: a, a"),
        ({"networks": [{**NETWORK, "golden_tolerance": -1.0}]}, "golden_tolerance of a is -1.0"),
        ({"reference": "b"}, "the reference 'b' is none of the job's networks"),
        ({"reference": "a", "target_ci": 0}, "target_ci is 0, and must be a share"),
        ({"reference": "a", "target_ci": 1}, "target_ci is 1, and must be a share"),
        ({"target_ci": 0.01}, "target_ci needs a reference"),
        ({"threads": 0}, "threads is 0, and must be a whole number from 1 on"),
        ({"rounds": 0}, "rounds is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"cores": [0, -1]}, "a core is -1, and must be a whole number from 0 on"),
        ({"power": {"blocks": 0}}, "power.blocks is 0"),
        ({"power": {"block_s": -2.0}}, "power.block_s is -2.0"),
        ({"rest": {"rest_s": -1}}, "rest.rest_s is -1"),
        ({"rest": {"cool_to_c": float("nan")}}, "rest.cool_to_c is nan"),
        ({"sustained": {"time_s": 60.0}}, "window_s"),
        ({"sustained": {"time_s": 0, "window_s": 5}}, "sustained.time_s is 0, and must be a number above 0"),
        ({"sustained": {"time_s": 60, "window_s": 5, "rate_hz": "30"}}, "sustained.rate_hz is '30'"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        job_from_json({**valid(), **change})


def test_a_network_with_inputs_of_its_own_needs_nothing_else_of_the_job() -> None:
    own = {"name": "a", "model": "m", "inputs": "i.npz", "expected": "e.npz", "labels": "l.npy", "runner": "null"}
    data = {**valid(), "networks": [own], "golden_inputs": None, "preprocess": None}
    job = job_from_json(data)
    assert job_from_json(json.loads(json.dumps(schema.to_json(job)))) == job


@pytest.mark.parametrize(
    ("network", "change", "text"),
    [
        ({**NETWORK, "expected": "e"}, {}, "expected of a needs inputs"),
        ({**NETWORK, "labels": "e"}, {}, "labels of a needs inputs"),
        ({"name": "a", "model": "m"}, {}, "golden_logits of a is missing, and a has no inputs of its own"),
        (NETWORK, {"golden_inputs": None}, "golden_inputs is missing"),
        (NETWORK, {"preprocess": None}, "preprocess is missing"),
        ({**NETWORK, "golden_relative_tolerance": -1}, {}, "golden_relative_tolerance of a is -1"),
    ],
)
def test_what_a_network_lacks_is_named(network: dict[str, object], change: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        job_from_json({**valid(), "networks": [network], **change})
