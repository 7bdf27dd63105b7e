"""How long a job is expected to take: what it asks for, and no more than its time limit."""

import pytest
from tiny_bundle import tiny_bundle

from sis_agent.schema import Facts, Job
from sis_edge import profiles
from sis_edge.board.duration import announcement, expected_s
from sis_edge.board.jobs import MeasuringOptions, job_for
from sis_edge.bundles.verify import Bundle

SENSOR = Facts(power_sources={"rapl": "available", "hwmon": "no such folder"})
NONE = Facts(power_sources={"rapl": "no permission"})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("duration") / "bundle")


def asked(bundle: Bundle, **options: object) -> Job:
    return job_for(bundle, profiles.load("local"), options=MeasuringOptions(**options))  # type: ignore[arg-type]


def test_every_network_has_its_time(bundle: Bundle) -> None:
    job = asked(bundle)
    more = expected_s(job._replace(min_time_s=job.min_time_s + 50), NONE) - expected_s(job, NONE)
    assert more == pytest.approx(50 * len(job.networks))
    assert expected_s(job._replace(rounds=10_000), NONE) > 1000 * len(job.networks)
    assert expected_s(asked(bundle, length="quick"), NONE) < expected_s(job, NONE) < expected_s(job, SENSOR)


def test_energy_is_counted_where_it_will_be_measured(bundle: Bundle) -> None:
    job = asked(bundle)
    assert job.power is not None
    blocks_s = job.power.blocks * job.power.block_s * len(job.networks)
    assert expected_s(job, SENSOR) - expected_s(job, NONE) >= blocks_s + 2 * job.power.idle_s
    assert expected_s(job._replace(power=None), SENSOR) == expected_s(job, NONE)
    metered = asked(bundle, external_meter=True)
    assert expected_s(metered, NONE) == expected_s(metered, SENSOR) > expected_s(job, SENSOR)


def test_the_time_limit_is_the_most(bundle: Bundle) -> None:
    assert expected_s(asked(bundle, length="strict")._replace(time_limit_s=9.0), SENSOR) == 9.0


def test_the_bundle_is_named_with_what_is_measured(bundle: Bundle) -> None:
    said = announcement(bundle, asked(bundle, threads=1), NONE, "pi@pi5:22")
    assert said.startswith(f"bundle {bundle.path}: measuring 2 networks on pi@pi5:22 with onnxruntime, 1 thread, batch")
    assert "; expected: about " in said
    assert "; expected: at most about " in announcement(bundle, asked(bundle, target_ci=0.1), NONE, "here")
