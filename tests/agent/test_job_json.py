import json

import pytest

from sis_agent import schema
from sis_agent.job.job_json import job_from_json


def valid() -> dict[str, object]:
    return {
        "job_version": schema.JOB_VERSION,
        "bundle_id": "b",
        "networks": [{"name": "a", "model": "m", "golden_logits": "l"}],
        "golden_inputs": "i",
        "golden_tolerance": 1e-4,
        "preprocess": {"mean": [0.5], "std": [0.5]},
    }


def test_a_job_survives_json() -> None:
    job = job_from_json(valid())
    assert job_from_json(json.loads(json.dumps(schema.to_json(job)))) == job


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
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        job_from_json({**valid(), **change})
