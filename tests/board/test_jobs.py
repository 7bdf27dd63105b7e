from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle, tiny_profile

from sis_edge import profiles
from sis_edge.board.deploy import deploy_each
from sis_edge.board.jobs import LENGTHS, METER_BLOCK_S, MeasuringOptions, combinations, job_for
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import UsageError
from sis_edge.registries import BACKENDS
from sis_edge.transport.local import LocalTransport


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("jobs") / "bundle")


@pytest.mark.parametrize(
    ("length", "expected"),
    [("profile", (10, 1000, 30, 3, 3)), ("strict", (60, 1024, 30, 5, 3)), ("quick", (1, 100, 30, 1, 1))],
)
def test_how_long_a_job_is(bundle: Bundle, length: str, expected: tuple[float, int, int, int, int]) -> None:
    job = job_for(bundle, profiles.load("local"), options=MeasuringOptions(length=length))
    assert (job.min_time_s, job.min_inferences, job.rounds, job.memory_repeats, job.processes) == expected
    assert job.inferences_per_round == 0  # the agent's choice
    assert job.quick is (length == "quick")


def test_a_length_names_fields_that_there_are() -> None:
    """`model_copy` would take any."""
    for measuring, power in LENGTHS.values():
        assert set(measuring) <= set(profiles.Measuring.model_fields)
        assert set(power) <= set(profiles.PowerSettings.model_fields)
        profiles.Measuring.model_validate(measuring)
        profiles.PowerSettings.model_validate(power)


def test_what_the_profile_knows_of_the_board_goes_along(bundle: Bundle) -> None:
    job = job_for(bundle, profiles.load("jetson-nano"), runner="onnxruntime")
    assert job.expected_power_mode == "MAXN"
    assert job.power is not None
    assert (job.power.total_rails, job.power.idle_s) == (["POM_5V_IN"], 10)
    assert job.reference == bundle.manifest.reference


def test_the_clocks_of_a_power_mode_go_along(bundle: Bundle) -> None:
    nano = job_for(bundle, profiles.load("jetson-nano"), runner="onnxruntime")
    assert (nano.expected_cpu_hz, nano.expected_gpu_hz) == (1_479_000_000, 921_600_000)
    unknown = job_for(bundle, profiles.load("local"))
    assert (unknown.expected_cpu_hz, unknown.expected_gpu_hz) == (None, None)


def test_blocks_for_a_meter_are_long_enough_for_one_reading_a_second(bundle: Bundle) -> None:
    quick, metered = (
        job_for(bundle, profiles.load("jetson-nano"), runner="onnxruntime", options=options).power
        for options in (MeasuringOptions("quick"), MeasuringOptions("quick", external_meter=True))
    )
    assert quick is not None
    assert metered is not None
    assert (quick.block_s, quick.external_meter) == (1, False)
    assert (metered.block_s, metered.external_meter) == (METER_BLOCK_S, True)


def test_what_the_user_asks_for_goes_along(bundle: Bundle) -> None:
    asked = MeasuringOptions(target_ci=0.01, cores=(1, 0), lock_clocks=True, threads=3, batch_size=2)
    job = job_for(bundle, profiles.load("local"), options=asked)
    assert (job.target_ci, job.cores, job.lock_clocks, job.threads, job.batch_size) == (0.01, [1, 0], True, 3, 2)


@pytest.mark.parametrize("length", list(LENGTHS))
def test_processes_of_the_users_choice_replace_the_lengths(bundle: Bundle, length: str) -> None:
    asked = MeasuringOptions(length=length, processes=4)
    assert job_for(bundle, profiles.load("local"), options=asked).processes == 4


def test_a_runtime_that_starts_a_process_for_each_turn_needs_no_others(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BACKENDS.find("onnxruntime").__class__, "rounds_in_process", False)
    assert job_for(bundle, profiles.load("local"), options=MeasuringOptions(processes=4)).processes == 1


@pytest.mark.parametrize(
    ("options", "networks", "sentence"),
    [
        (MeasuringOptions(length="endless"), None, "known: profile, strict, quick"),
        (MeasuringOptions(target_ci=1.0), None, "a precision of 1.0 cannot be reached"),
        (MeasuringOptions(target_ci=0.01), ["sparse"], "the dense network is not measured"),
        (MeasuringOptions(), ["sis9"], "known: dense, sparse"),
    ],
)
def test_what_cannot_be_meant(
    bundle: Bundle, options: MeasuringOptions, networks: list[str] | None, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        job_for(bundle, tiny_profile(), networks=networks, options=options)


def with_several(threads: list[int], sizes: list[int]) -> profiles.DeviceProfile:
    profile = tiny_profile()
    runtime = profiles.Runtime.model_validate({"threads": threads, "batch_sizes": sizes})
    return profile.model_copy(update={"runtime": runtime})


def test_every_combination_once() -> None:
    profile = with_several([1, 4], [1, 8])
    found = [(each.threads, each.batch_size) for each in combinations(profile)]
    assert found == [(1, 1), (1, 8), (4, 1), (4, 8)]
    found = [(each.threads, each.batch_size) for each in combinations(profile, MeasuringOptions(threads=2))]
    assert found == [(2, 1), (2, 8)]


@pytest.mark.slow
def test_a_record_for_every_combination(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    records = list(deploy_each(bundle, LocalTransport(tmp_path), with_several([1, 2], [1, 3])))
    assert [(record.job.threads, record.job.batch_size) for record in records] == [(1, 1), (1, 3), (2, 1), (2, 3)]
    assert len({record.run_id for record in records}) == 4
    assert all(network.rounds and network.problem is None for record in records for network in record.networks)
    assert [record.runner_details["intra_op_threads"] for record in records] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("profile", "length", "external_meter", "expected"),
    [
        ("raspberry-pi-5", "quick", False, (8.0, 8.0, 3)),  # its sensor needs 8 s, at rest too
        ("raspberry-pi-5", "profile", False, (8.0, 10.0, 5)),
        ("raspberry-pi-5", "strict", False, (8.0, 10.0, 10)),
        ("jetson-nano", "quick", False, (1.0, 3.0, 3)),
        ("jetson-nano", "quick", True, (METER_BLOCK_S, METER_BLOCK_S, 3)),
        ("raspberry-pi-5", "quick", True, (8.0, 8.0, 3)),
    ],
)
def test_a_shorter_run_leaves_a_sensor_what_it_needs(
    bundle: Bundle, profile: str, length: str, external_meter: bool, expected: tuple[float, float, int]
) -> None:
    options = MeasuringOptions(length=length, external_meter=external_meter)
    power = job_for(bundle, profiles.load(profile), options=options, runner="onnxruntime").power
    assert power is not None
    assert (power.block_s, power.idle_s, power.blocks) == expected


def test_the_board_s_limits_go_with_the_job(bundle: Bundle) -> None:
    power = job_for(bundle, profiles.load("raspberry-pi-4")).power
    assert power is not None
    assert (power.floor_w, power.max_w, power.gain_error) == (1.5, 20, None)
