"""A value beyond its limit never looks like it: whatever names both shows enough digits to tell them apart."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from native.test_costs import calibration
from onnx import TensorProto, helper, numpy_helper

from sis_agent.schema import Facts, GoldenCheck
from sis_edge import profiles
from sis_edge.board import self_check
from sis_edge.errors import ExportError, UsageError
from sis_edge.exporting import half, parity
from sis_edge.native import costs
from sis_edge.profiles.detect import differences
from sis_edge.results import kernel_choice, meter
from sis_edge.results.comparison import compare
from sis_edge.results.rules import load
from sis_edge.results.statistics import Interval, SpeedUp
from sis_edge.results.verdict import judge
from sis_edge.text.limits import with_limit

from .boards import KINDS, record
from .factory import network_record, stored_run
from .test_kernel_choice import record as timed


def sentence(found: object, code: str) -> str:
    return next(reason.sentence for reason in judge(found).reasons if reason.code == code)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "limit", "spec", "texts"),
    [
        (0.154, 0.15, ".1%", ("15.4%", "15.0%")),
        (0.15004, 0.15, ".1%", ("15.004%", "15.000%")),
        (9.9996, 10, ".3g", ("9.9996", "10")),
        (1234.56, 1234.5, ",.0f", ("1,235", "1,234")),
        (0.15, 0.15, ".1%", ("15.0%", "15.0%")),
        (float("nan"), 0.15, ".1%", ("nan%", "15.0%")),
        (np.nextafter(0.15, 1), 0.15, ".2f", ("0.15000000000000002", "0.14999999999999999")),
    ],
)
def test_a_value_and_its_limit(value: float, limit: float, spec: str, texts: tuple[str, str]) -> None:
    assert with_limit(value, limit, spec) == texts


def test_a_doubtful_calibration() -> None:
    found = calibration().model_copy(update={"fit_error": {"ONNX Runtime": 0.154}})
    assert "cost-model error for ONNX Runtime is 15.4% (limit 15.0%)" in str(found.doubt)
    close = {"fit_error": {"ONNX Runtime": costs.LARGE_ERROR + 4e-5}, "other_cores": costs.OTHER_CORES + 1e-3}
    doubt = str(found.model_copy(update=close).doubt)
    assert "cost-model error for ONNX Runtime is 15.004% (limit 15.000%)" in doubt
    assert "other programs kept 0.251 cores busy (limit 0.250)" in doubt


def test_a_clock_just_below_what_is_expected() -> None:
    clean = record(KINDS["nano"], 0)
    expected_hz = clean.job.expected_cpu_hz or clean.facts_before.cpu_max_frequency_hz
    assert expected_hz is not None
    slow = [state._replace(cpu_frequency_hz=[0.9499 * expected_hz] * 4) for state in clean.states]
    limit, lowest = re.findall(r"(?:below|fell to) ([\d.]+) GHz", sentence(clean._replace(states=slow), "cpu-clock"))
    assert float(lowest) < float(limit)


def test_a_sensor_just_too_slow() -> None:
    clean = record(KINDS["orin-nano-jp6"], 0)
    shortest_s = min(block.end_s - block.start_s for block in clean.energy_blocks)
    traces = [trace._replace(update_interval_s=shortest_s / 9.9996) for trace in clean.power.traces]
    slow = clean._replace(power=clean.power._replace(traces=traces))
    assert "gave 9.9996 values" in sentence(slow, "slow-sensor")


def test_sampling_just_too_costly(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = SimpleNamespace(interval=Interval(1.00504, 1.01))
    monkeypatch.setattr(load, "cost", lambda record: bounds)
    assert "at least 0.504% longer than without (0.500% is allowed)" in sentence(record(KINDS["nano"], 0), "sampling")


def test_a_gain_just_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    almost = SpeedUp(1.03, Interval(1.01996, 1.04), 30)
    monkeypatch.setattr(kernel_choice, "speed_up", lambda *of, **processes: almost)
    choice = kernel_choice.choose_sparse(timed("nin", 1e-3), timed("nin sparse", 1e-3))
    assert "(95% interval 1.01996 to 1.040) as fast, and the lower end is below 1.02000" in choice.reason


@pytest.mark.parametrize(
    ("golden", "problem"),
    [
        (GoldenCheck(16, 0.0010002, 0.0, 1.0, False), "differ from the host's by up to 0.0010002 (tolerance 0.001)"),
        (GoldenCheck(16, 0.0001, 0.0, 15 / 16, False), "class differs from the host's for 1 of 16 golden images"),
    ],
)
def test_logits_that_just_differ_and_another_class_on_top(golden: GoldenCheck, problem: str) -> None:
    wrong = network_record("cifar10-sis1")._replace(golden=golden)
    rows = compare(stored_run([network_record("nin"), wrong]))
    assert problem in next(row.problem for row in rows if row.identity.label == "cifar10-sis1" and row.problem)


def test_the_tolerance_is_that_of_the_networks_own_form() -> None:
    wrong = network_record("cifar10-sis1")._replace(golden=GoldenCheck(16, 0.7, 0.0, 1.0, False))
    run = stored_run([network_record("nin"), wrong])
    networks = [network._replace(golden_tolerance=0.5) for network in run.record.job.networks]
    job = run.record.job._replace(networks=networks)
    rows = compare(run.model_copy(update={"record": run.record._replace(job=job)}))
    assert "by up to 0.7 (tolerance 0.5)" in next(row.problem for row in rows if row.problem)


def test_an_export_that_just_differs(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    reference = np.eye(4, dtype=np.float32)
    answer = reference + np.float32(1.002e-4)
    monkeypatch.setattr(parity, "run_onnx", lambda *of: answer)
    with pytest.raises(ExportError) as caught:
        parity.check(tmp_path / "m.onnx", reference, reference)
    value, allowed = re.findall(r"by up to (\S+) \(allowed (\S+)\)", str(caught.value))[0]
    assert float(value) > float(allowed) == parity.TOLERANCE


def test_a_weight_just_too_large_for_half_precision() -> None:
    weight = numpy_helper.from_array(np.array([65504.4], np.float32), "w")
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("input", "logits")]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["input", "w"], ["logits"])], "g", value[:1], value[1:], [weight]
    )
    with pytest.raises(ExportError, match=r"w holds 65,504\.4, and half precision ends at 65,504;"):
        half.to_half(helper.make_model(graph))


def test_a_check_that_just_fails() -> None:
    check = self_check.Check("nin", SpeedUp(1 + self_check.GOAL + 4e-5, None, 20), 0.96996, 1e-3, 1e-3, 64)
    assert not check.agrees
    assert "agent / plain loop = 1.03004 at p50" in check.sentence()
    assert "0.96996 at p90" in check.sentence()


def test_memory_that_is_just_not_the_profiles() -> None:
    nano = profiles.load("jetson-nano")
    small = nano.model_copy(update={"board": nano.board.model_copy(update={"memory_bytes": 500_000_000})})
    found = "\n".join(differences(Facts(memory_total_bytes=541_000_000), small))
    assert "memory: 0.54 GB usable, the profile says 0.50 GB" in found


def test_a_recording_just_too_short() -> None:
    def lengths_s(last_s: float) -> list[float]:
        """What the sentence says of a recording that ends there: how long it lasts, and how long the job does."""
        times_s = np.append(np.arange(0, last_s, 0.2), last_s)
        with pytest.raises(UsageError) as caught:
            meter.align(
                record(KINDS["orin-nano-jp6"], 0), meter.Recording("short.csv", times_s, np.zeros(len(times_s)))
            )
        return [float(text) for text in re.findall(r"([\d.]+) s\b", str(caught.value))]

    for last_s in (176.7, 176.8):  # 99% of the job's part that must be covered are 176.81 s
        recorded_s, job_s = lengths_s(last_s)
        assert recorded_s < job_s
