"""Every threshold of the verdict on the board and its load: just below it, at it, and just above."""

from typing import Any

import pytest

from results.quiet import CLEAN, QUIET, level, watched
from sis_agent.schema import Facts
from sis_edge.results.verdict import judge


def test_nothing_is_wrong_with_what_is_changed_below() -> None:
    assert judge(watched()).level == "VALID"


NO_LIMIT = {"cpu_max_frequency_hz": None}
PC = {"machine": "x86_64", "cpu_max_frequency_hz": 4e9}


def clocks(hertz: float) -> dict[str, Any]:
    return {"cpu_frequency_hz": [hertz] * 4}


@pytest.mark.parametrize(
    ("changed", "hertz", "facts", "job", "expected"),
    [
        # 95% of what is expected, in more than 5% of the states, in more than half of them
        (100, 0.95 * 1.8e9, {}, {}, "none"),
        (100, 0.949 * 1.8e9, {}, {}, "INVALID"),
        (5, 0.949 * 1.8e9, {}, {}, "none"),
        (6, 0.949 * 1.8e9, {}, {}, "SUSPECT"),
        (50, 0.949 * 1.8e9, {}, {}, "SUSPECT"),
        (51, 0.949 * 1.8e9, {}, {}, "INVALID"),
        # the profile's clock goes before the board's own limit
        (100, 0.951 * 1.5e9, {}, {"expected_cpu_hz": 1.5e9}, "none"),
        (100, 0.949 * 1.5e9, {}, {"expected_cpu_hz": 1.5e9}, "INVALID"),
        # 90% of the run's own best, where nothing is expected
        (50, 0.901 * 1.8e9, NO_LIMIT, {}, "none"),
        (50, 0.899 * 1.8e9, NO_LIMIT, {}, "SUSPECT"),
        (51, 0.899 * 1.8e9, NO_LIMIT, {}, "INVALID"),
        (5, 0.899 * 1.8e9, NO_LIMIT, {}, "none"),
        # a PC's turbo clock: 85% of it for one thread, 60% for several or for pinned ones
        (100, 0.851 * 4e9, PC, {}, "none"),
        (100, 0.849 * 4e9, PC, {}, "SUSPECT"),
        (100, 0.601 * 4e9, PC, {"threads": 2}, "none"),
        (100, 0.599 * 4e9, PC, {"threads": 2}, "SUSPECT"),
        (100, 0.601 * 4e9, PC, {"cores": [1]}, "none"),
        (100, 0.599 * 4e9, PC, {"cores": [1]}, "SUSPECT"),
    ],
)  # fmt: skip
def test_cpu_clock(changed: int, hertz: float, facts: dict[str, Any], job: dict[str, Any], expected: str) -> None:
    assert level(watched(changed, facts=facts, job=job, **clocks(hertz)), "cpu-clock") == expected


@pytest.mark.parametrize(
    ("load", "hertz", "on_gpu", "machine", "expected"),
    [
        (0.9, 0.951e9, True, "aarch64", "none"),
        (0.9, 0.949e9, True, "aarch64", "INVALID"),
        (0.1, 0.949e9, True, "aarch64", "INVALID"),
        (0.09, 0.949e9, True, "aarch64", "none"),
        (None, 0.949e9, True, "aarch64", "INVALID"),
        (0.9, 0.949e9, False, "aarch64", "none"),
        (0.9, 0.851e9, True, "x86_64", "none"),
        (0.9, 0.849e9, True, "x86_64", "SUSPECT"),
    ],
)
def test_gpu_clock(load: float | None, hertz: float, on_gpu: bool, machine: str, expected: str) -> None:
    facts = {"gpu_max_frequency_hz": 1e9, "machine": machine}
    found = watched(facts=facts, job={"on_gpu": on_gpu}, gpu_load=load, gpu_frequency_hz=hertz)
    assert level(found, "gpu-clock") == expected


@pytest.mark.parametrize(("load", "expected"), [(0.5, "INVALID"), (0.49, "none")])
def test_the_gpu_of_a_job_on_the_cpu_counts_where_the_profile_has_its_clock(load: float, expected: str) -> None:
    found = watched(job={"expected_gpu_hz": 1e9}, gpu_load=load, gpu_frequency_hz=0.949e9)
    assert level(found, "gpu-clock") == expected


@pytest.mark.parametrize(("changed", "expected"), [(0, "none"), (1, "SUSPECT"), (9, "SUSPECT"), (10, "INVALID")])
def test_throttled_share(changed: int, expected: str) -> None:
    flags = {**QUIET.throttle, "throttled": 1.0}
    assert level(watched(changed, throttle=flags), "throttling") == expected


@pytest.mark.parametrize(
    ("share", "expected"), [(0.02, "none"), (0.0201, "SUSPECT"), (0.1, "SUSPECT"), (0.1001, "INVALID")]
)
def test_steal(share: float, expected: str) -> None:
    assert level(watched(steal=share), "steal") == expected


@pytest.mark.parametrize(
    ("grown", "expected"),
    [(1 << 20, "none"), ((1 << 20) + 1, "SUSPECT"), (64 << 20, "SUSPECT"), ((64 << 20) + 1, "INVALID")],
)
def test_swap(grown: int, expected: str) -> None:
    found = watched()
    used = [50 << 20] * 50 + [(50 << 20) + grown] * 50
    states = [state._replace(swap_used_bytes=each) for state, each in zip(found.states, used, strict=True)]
    assert level(found._replace(states=states), "swap") == expected


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, "none"), (0.0101, "SUSPECT"), (0.1, "SUSPECT"), (0.1001, "INVALID")]
)
def test_memory_pressure(share: float, expected: str) -> None:
    assert level(watched(memory_pressure=share), "memory-pressure") == expected


@pytest.mark.parametrize(("left", "expected"), [(50_000_000, "none"), (49_999_999, "SUSPECT")])
def test_memory_left(left: int, expected: str) -> None:
    found = watched(1, facts={"memory_total_bytes": 10**9}, memory_available_bytes=left)
    assert level(found, "memory-pressure") == expected


@pytest.mark.parametrize(
    ("celsius", "trip_c", "expected"),
    [(94.9, None, "none"), (95.0, None, "SUSPECT"), (74.9, 80.0, "none"), (75.0, 80.0, "SUSPECT"),
     (99.9, 105.0, "none"), (94.9, 0.0, "none"), (35.0, 40.0, "SUSPECT"), (94.9, 39.9, "none")],
)  # fmt: skip
def test_hot(celsius: float, trip_c: float | None, expected: str) -> None:
    trips = {} if trip_c is None else {"cpu-thermal": trip_c}
    found = watched(1, facts={"trip_points_c": trips}, temperatures_c={"cpu-thermal": celsius})
    assert level(found, "hot") == expected


def busy(cores: float, of: int = 4) -> dict[str, Any]:
    """Other programs on so many of the cores, beside the job's own one."""
    return {"own_cpu": 1 / of, "cpu_busy": (1 + cores) / of}


@pytest.mark.parametrize(
    ("changed", "cores", "job", "sees", "expected"),
    [
        (100, 0.249, {}, True, "none"),
        (100, 0.251, {}, True, "SUSPECT"),
        (100, 0.099, {}, False, "none"),
        (100, 0.101, {}, False, "SUSPECT"),
        # bursts: of half a core, in more than 5% of the states
        (5, 0.6, {}, True, "none"),
        (6, 0.6, {}, True, "SUSPECT"),
        (6, 0.49, {}, True, "none"),
        # taken from the job, which needs all cores: a share of its threads
        (100, 0.19, {"threads": 4}, True, "none"),
        (100, 0.21, {"threads": 4}, True, "SUSPECT"),
        (100, 0.39, {"threads": 4}, True, "SUSPECT"),
        (100, 0.41, {"threads": 4}, True, "INVALID"),
    ],
)
def test_other_programs(changed: int, cores: float, job: dict[str, Any], sees: bool, expected: str) -> None:
    found = watched(changed, job=job, **busy(cores))
    if not sees:
        networks = [
            network._replace(rounds=[turn._replace(cpu_s=None) for turn in network.rounds])
            for network in found.networks
        ]
        found = found._replace(networks=networks)
    assert level(found, "other-processes") == expected


@pytest.mark.parametrize(
    ("core_busy", "expected"),
    [
        ({"0": 0.0, "1": 1.0, "2": 1.0, "3": 1.0}, "none"),  # a quiet core beside three busy ones
        ({"0": 0.0, "1": 0.0, "2": 1.04, "3": 0.0}, "none"),
        ({"0": 0.0, "1": 0.0, "2": 1.06, "3": 0.0}, "SUSPECT"),
        ({"0": 0.0, "1": 0.0, "2": 1.09, "3": 0.0}, "SUSPECT"),
        ({"0": 0.0, "1": 0.0, "2": 1.11, "3": 0.0}, "INVALID"),
    ],
)
@pytest.mark.parametrize("by", ["pinned", "cpuset"])
def test_only_the_cores_that_the_job_may_use_count(core_busy: dict[str, float], expected: str, by: str) -> None:
    limit: dict[str, Any] = {"job": {"cores": [2]}} if by == "pinned" else {"facts": {"allowed_cores": [2]}}
    total = sum(core_busy.values()) / 4
    found = watched(own_cpu=0.25, cpu_busy=total, core_busy=core_busy, **limit)
    assert level(found, "other-processes") == expected


@pytest.mark.parametrize(("cores", "expected"), [(2.0, "none"), (1.99, "INVALID")])
def test_quota(cores: float, expected: str) -> None:
    assert level(watched(facts={"cpu_quota_cores": cores}, job={"threads": 2}), "cpu-quota") == expected


def test_threads_on_the_cores_that_may_be_used() -> None:
    assert level(watched(facts={"allowed_cores": [1, 2]}, job={"threads": 2}), "too-many-threads") == "none"
    assert level(watched(facts={"allowed_cores": [1, 2]}, job={"threads": 3}), "too-many-threads") == "SUSPECT"


@pytest.mark.parametrize(
    "field", ["kernel", "os_name", "l4t", "cpu_model", "cpu_count", "memory_total_bytes", "governor"]
)
def test_another_board_afterwards(field: str) -> None:
    one, other = (4, 3) if field in ("cpu_count", "memory_total_bytes") else ("one", "other")
    before = CLEAN.facts_before._replace(**{field: one})
    changed = CLEAN._replace(facts_before=before, facts_after=before._replace(**{field: other}))
    assert level(changed, "board-changed") == "INVALID"
    assert (
        level(CLEAN._replace(facts_before=before, facts_after=before._replace(**{field: None})), "board-changed")
        == "none"
    )


def test_another_runtime_afterwards() -> None:
    before = CLEAN.facts_before._replace(packages={"onnxruntime": "1.23.2", "numpy": None})
    for packages, expected in (
        ({"onnxruntime": "1.24.0", "numpy": None}, "INVALID"),
        ({"onnxruntime": "1.23.2", "numpy": "2.4.6"}, "none"),
        ({}, "none"),
    ):
        changed = CLEAN._replace(facts_before=before, facts_after=before._replace(packages=packages))
        assert level(changed, "board-changed") == expected


def test_what_moves_while_measuring_is_no_change() -> None:
    after: Facts = CLEAN.facts_before._replace(
        load_average_1min=3.0, memory_available_bytes=1, temperatures_c={"cpu-thermal": 80.0}, hostname="other",
        cpu_frequency_hz=[6e8] * 4, disk_free_bytes=1,
    )  # fmt: skip
    assert level(CLEAN._replace(facts_after=after), "board-changed") == "none"


@pytest.mark.parametrize("field", ["cpu_max_frequency_hz", "gpu_max_frequency_hz"])
def test_a_highest_clock_that_falls_is_a_change(field: str) -> None:
    before = CLEAN.facts_before._replace(**{field: 1.8e9})
    changed = CLEAN._replace(facts_before=before, facts_after=before._replace(**{field: 1.5e9}))
    assert level(changed, "board-changed") == "INVALID"


@pytest.mark.parametrize(
    ("modes", "expected"), [(("MAXN", "MAXN"), "none"), (("MAXN", "maxn "), "none"), (("MAXN", "10W"), "INVALID")]
)
def test_a_power_mode_that_changes_whatever_the_profile_says(modes: tuple[str, str], expected: str) -> None:
    found = watched(1, facts={"power_mode": modes[0]}, job={"expected_power_mode": None}, power_mode=modes[1])
    assert level(found, "power-mode") == expected


@pytest.mark.parametrize(("before", "after", "expected"), [(1.0, 1.0, "none"), (0.0, 1.0, "SUSPECT")])
def test_a_flag_that_stays_set_until_the_next_start(before: float, after: float, expected: str) -> None:
    """However long it stays: of what happened it says one moment."""
    found = watched()
    states = [
        state._replace(throttle={"throttling-occurred": before if at == 0 else after})
        for at, state in enumerate(found.states)
    ]
    assert level(found._replace(states=states), "throttling") == expected


@pytest.mark.parametrize(
    ("name", "code", "advice"),
    [
        ("core_throttle_count", "throttling", "cool the board"),
        ("oc1_event_count", "weak-supply", "use a supply that carries its current, or a lower power mode"),
    ],
)
def test_events_count_from_the_first_state_on(name: str, code: str, advice: str) -> None:
    """A board counts from its start, and has counted before."""
    assert level(watched(counters={name: 70.0}), code) == "none"
    found = watched(counters={name: 70.0})
    found = found._replace(states=[*found.states[:-1], found.states[-1]._replace(counters={name: 73.0})])
    (reason,) = (reason for reason in judge(found).reasons if reason.code == code)
    assert reason.level == "SUSPECT"
    assert reason.sentence == f"the board counted 3 events of {name} during the run; {advice}"


@pytest.mark.parametrize(
    ("name", "code"),
    [("under-voltage", "weak-supply"), ("soft-temperature-limit", "throttling"), ("OC1", "weak-supply")],
)
def test_a_weak_supply_is_not_told_as_heat(name: str, code: str) -> None:
    found = watched(throttle={**QUIET.throttle, name: 1.0})
    assert [reason.code for reason in judge(found).reasons if reason.level == "INVALID"] == [code]


def test_a_pmic_answers_100_degrees_always() -> None:
    assert level(watched(temperatures_c={"PMIC-Die": 100.0, "CPU-therm": 60.0}), "hot") == "none"
    assert level(watched(temperatures_c={"PMIC-Die": 60.0, "CPU-therm": 100.0}), "hot") == "SUSPECT"


def test_flags_or_counters_are_signs_of_throttling() -> None:
    """Without either nothing shows that the board kept its speed."""
    for throttle, counters, is_seen in (
        ({}, {}, False),
        ({}, {"core_throttle_count": 3.0}, True),
        ({"a": 0.0}, {}, True),
    ):
        unseen = judge(watched(throttle=throttle, counters=counters)).unseen
        assert ("signs of throttling" not in unseen) is is_seen
