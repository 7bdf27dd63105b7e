from pathlib import Path

import pytest
from given_models import write
from tiny_bundle import tiny_bundle, tiny_profile

from sis_agent.schema import Facts
from sis_edge import profiles
from sis_edge.board.deploy import check_runtimes, deploy_each
from sis_edge.board.jobs import LENGTHS, METER_BLOCK_S, MeasuringOptions, combinations, job_for
from sis_edge.build.given.bundle import make
from sis_edge.build.given.request import GivenRequest
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BoardError, UsageError
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


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("given")
    request = GivenRequest(onnx=tuple(str(write(name, folder)) for name in ("residual", "depthwise")))
    return make(request, folder / "bundle")


def test_networks_of_the_users_own_go_as_they_are(given: Bundle) -> None:
    job = job_for(given, profiles.load("local"), networks=["residual"])
    (network,) = job.networks
    assert (network.name, network.network, network.runner) == ("residual", "residual", None)
    assert (network.inputs, network.expected) == ("given/residual/inputs.npz", "given/residual/expected.npz")
    assert (job.reference, job.golden_inputs, job.preprocess, job.batch_size) == ("residual", None, None, 1)


def test_every_network_once_with_each_of_several_runtimes(given: Bundle, bundle: Bundle) -> None:
    orin = profiles.with_backend(profiles.load("jetson-orin-nano"), "tensorrt", "onnxruntime")
    options = MeasuringOptions(runtimes=("tensorrt", "onnxruntime"))
    job = job_for(given, orin, options=options)
    assert [(each.name, each.network, each.runner) for each in job.networks] == [
        ("residual (tensorrt)", "residual", "tensorrt"),
        ("residual (onnxruntime)", "residual", "onnxruntime"),
        ("depthwise (tensorrt)", "depthwise", "tensorrt"),
        ("depthwise (onnxruntime)", "depthwise", "onnxruntime"),
    ]
    assert (job.runner, job.reference, job.on_gpu) == ("tensorrt", "residual (tensorrt)", True)
    assert [each.options.get("precision") for each in job.networks] == ["fp32", None, "fp32", None]
    settings = orin.settings_of("tensorrt")
    assert settings is not None
    fp32 = orin.model_copy(update={"tensorrt": settings.model_copy(update={"precisions": ["fp32"]})})
    formed = job_for(bundle, fp32, options=options)
    assert [(each.name, each.runner) for each in formed.networks if each.network == "dense"] == [
        ("dense (tensorrt)", "tensorrt"),
        ("dense (onnxruntime)", "onnxruntime"),
    ]
    assert len({each.name for each in formed.networks}) == len(formed.networks)


def test_a_board_without_one_of_several_runtimes_is_named() -> None:
    facts = Facts(runners={"onnxruntime": "available", "tensorrt": "libnvinfer is not installed"})
    check_runtimes(("onnxruntime",), facts, "orin")
    with pytest.raises(BoardError, match="side by side, and orin cannot run tensorrt: libnvinfer is not installed"):
        check_runtimes(("tensorrt", "onnxruntime"), facts, "orin")


def test_the_batch_of_ones_own_networks_is_in_their_shape(given: Bundle) -> None:
    with pytest.raises(UsageError, match="--shape INPUT=8x"):
        job_for(given, profiles.load("local"), options=MeasuringOptions(batch_size=8))


def test_a_runtime_that_takes_no_such_file_says_so(given: Bundle) -> None:
    rtx = profiles.with_backend(profiles.load("desktop-rtx"), "tensorrt_rtx")
    with pytest.raises(UsageError, match=r"residual is a \.onnx file, which tensorrt_rtx cannot take"):
        job_for(given, rtx)
