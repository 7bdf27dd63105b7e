"""Sensors and states of a window of sustained work, as means; what was asked for is forgotten."""

import pytest

from sis_agent.measure.window_state import WindowStates, mean_power_w
from sis_agent.schema import PowerTrace, StateSample


def trace(times_s: list[float], watts: list[float | None], update_s: float | None = None) -> PowerTrace:
    return PowerTrace("hwmon", ["IN"], times_s, {"IN": watts}, {}, update_s, 0.5)


def counter(times_s: list[float], joules: list[float | None]) -> PowerTrace:
    return PowerTrace("rapl", ["IN"], times_s, {}, {"IN": joules}, None, 0.5)


def test_mean_power_of_a_sensor_leaves_out_answers_that_reach_before_the_start() -> None:
    found = trace([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], [1.0, 1.0, 5.0, 7.0, 9.0, 1.0], update_s=0.5)
    assert mean_power_w(found, 1.0, 2.5) == {"IN": pytest.approx(7.0)}
    assert mean_power_w(found, 2.9, 3.1) == {"IN": None}
    assert mean_power_w(trace([1.0, 1.5, 2.0], [4.0, None, 6.0]), 0.9, 2.1) == {"IN": 5.0}


def test_mean_power_of_a_counter_is_without_a_gap_from_window_to_window() -> None:
    found = counter([0.8, 1.3, 1.8, 2.3], [10.0, 12.0, 20.0, 21.0])
    first, second = mean_power_w(found, 1.0, 2.0)["IN"], mean_power_w(found, 2.0, 3.0)["IN"]
    assert first == pytest.approx((20.0 - 10.0) / 1.0)
    assert second == pytest.approx((21.0 - 20.0) / 0.5)


def test_windows_take_what_is_theirs_and_no_sample_twice() -> None:
    drained = [
        ([counter([0.5, 1.5], [0.0, 10.0])], [state(0.4, 1.0e9, 40.0, 0.0, 3), state(1.4, 2.0e9, 50.0, 1.0, 4)]),
        ([counter([2.1, 2.5], [16.0, 20.0])], [state(2.4, 1.0e9, 60.0, 1.0, 9)]),
    ]
    windows = WindowStates(lambda: drained.pop(0), [], on_gpu=False)
    first, second = windows.of(0.0, 2.0), windows.of(2.0, 3.0)
    assert first["power_w"] == {"IN": 10.0}
    assert second["power_w"] == {"IN": pytest.approx(10.0)}, "from the last reading before it"
    assert (first["cpu_frequency_hz"], first["temperature_c"], first["states"]) == (1.5e9, 50.0, 2)
    assert (second["cpu_frequency_hz"], second["temperature_c"], second["states"]) == (1.0e9, 60.0, 1)
    assert (first["throttle"], second["throttle"]) == ({"cpu-throttle": 0.5}, {"cpu-throttle": 1.0})
    assert (first["events"], second["events"]) == ({"oc1": 1.0}, {"oc1": 5.0})
    assert (first["gpu_frequency_hz"], second["gpu_frequency_hz"]) == (None, 3e8), "that of a GPU at work"


def test_only_the_cores_that_the_job_may_use_count_and_nothing_is_made_up() -> None:
    states = [state(0.5, 1.0e9, 40.0, 0.0, 0)._replace(cpu_frequency_hz=[1.0e9, 2.0e9, None])]
    assert WindowStates(lambda: ([], states), [0, 2], on_gpu=False).of(0.0, 1.0)["cpu_frequency_hz"] == 1.0e9
    nothing = WindowStates(lambda: ([], []), [], on_gpu=True).of(0.0, 1.0)
    assert nothing == {
        "power_w": {},
        "cpu_frequency_hz": None,
        "gpu_frequency_hz": None,
        "temperature_c": None,
        "throttle": {},
        "events": {},
        "states": 0,
    }


def state(t_s: float, hertz: float, celsius: float, sign: float, count: float) -> StateSample:
    return StateSample(
        t_s=t_s,
        cpu_frequency_hz=[0.5e9, hertz],
        gpu_frequency_hz=3e8,
        gpu_load=0.9 if t_s > 2 else 0.0,
        temperatures_c={"cpu": celsius, "PMIC-Die": 100.0, "gpu": None},
        throttle={"cpu-throttle": sign, "throttled occurred": 1.0},
        counters={"oc1": count},
    )
