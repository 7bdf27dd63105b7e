"""From runs to findings: every metric with its own change, and why there is none."""

import numpy as np
import pytest
from results.factory import board_run
from scipy.stats import ttest_ind

from gate.runs import BASE, CANDIDATE, SHOWN, gate_run
from sis_agent.schema import Accuracy, GoldenCheck, Memory, Problem, RoundSamples
from sis_edge.gate.decision import GateFinding
from sis_edge.gate.findings import findings
from sis_edge.gate.limits import Limits
from sis_edge.gate.pairing import NetworkNames
from sis_edge.results.changes import METRICS
from sis_edge.results.changes.independent import log_ratio
from sis_edge.results.schema import StoredRun


def of(run: StoredRun, **limits: float) -> dict[str, GateFinding]:
    return {each.metric.name: each for each in findings(run, run, SHOWN, Limits(own=limits))}


def test_the_same_twice_is_ok_and_what_is_not_measured_says_why() -> None:
    found = of(gate_run())
    assert {name: each.state for name, each in found.items()} == {
        "latency": "ok",
        "energy": "not measured",
        "memory": "ok",
        "accuracy": "not measured",
        "size": "ok",
    }
    assert found["accuracy"].reason == "no labels were given"
    assert "this job did not ask for power" in found["energy"].reason


def test_each_metric_that_is_worse_is_found_alone() -> None:
    assert of(gate_run(0.05))["latency"].state == "regressed"
    assert of(gate_run(-0.05))["latency"].state == "ok"
    assert of(gate_run(larger=0.05))["memory"].state == "regressed"
    assert of(gate_run(larger=0.05), memory=0.1)["memory"].state == "ok"
    size = of(gate_run(candidate={"model_bytes": 200_000}))["size"]
    assert (size.state, size.change.value.estimate) == ("regressed", pytest.approx(200 / 188 - 1))


def test_accuracy_is_compared_image_by_image_in_points() -> None:
    """40 images that only the base gets right, of 1,000: between 2.5 and 5.5 points; unpaired it would be undecided."""
    wrong = list(range(100))
    labels = {"candidate": {"accuracy": Accuracy(1000, 860, [*wrong, *range(500, 540)])}}
    found = of(gate_run(base={"accuracy": Accuracy(1000, 900, wrong)}, **labels))["accuracy"]
    assert found.state == "regressed"
    assert found.change.value.estimate == pytest.approx(0.04)
    counted = {"candidate": {"accuracy": Accuracy(1000, 860)}}
    blind = of(gate_run(base={"accuracy": Accuracy(1000, 900)}, **counted))["accuracy"]
    assert blind.state == "undecided"
    assert blind.reason.endswith("test images")


def energies(run: StoredRun, base: str, candidate: str) -> GateFinding:
    found = findings(run, run, [("x", NetworkNames(base, candidate))], Limits())
    return next(each for each in found if each.metric.name == "energy")


def test_energy_is_compared_on_a_board_with_a_sensor() -> None:
    run = board_run("nano")
    assert energies(run, "nin", "cifar10-sis1").state == "ok"
    more = energies(run, "cifar10-sis1", "nin")
    assert more.state == "regressed"
    assert more.change.value.estimate == pytest.approx(0.1635 / 0.1436 - 1, abs=0.01)
    assert (more.change.value.samples, more.change.value.sampled) == (5, "energy blocks")


@pytest.mark.parametrize(("is_one_run", "state"), [(True, "regressed"), (False, "undecided")])
def test_energy_is_compared_block_by_block_where_both_have_the_same(
    is_one_run: bool, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board whose power doubles in the course of a run; one block of the candidate is missing."""
    joules = {BASE: {0: 1.0, 1: 1.2, 2: 1.5, 3: 1.9}, CANDIDATE: {1: 1.26, 2: 1.57, 3: 2.0}}
    monkeypatch.setattr("sis_edge.results.changes.energy.gross_by_block", lambda record, name: joules[name])
    base, candidate = gate_run(), gate_run()
    found = findings(base, base if is_one_run else candidate, SHOWN, Limits())[1]
    assert (found.metric.name, found.state) == ("energy", state)
    assert found.change.value.samples == 3


def test_energies_of_two_sensors_are_not_compared() -> None:
    base = board_run("nano")
    power = base.record.power._replace(scope="wall")
    candidate = base.model_copy(update={"record": base.record._replace(power=power)})
    names = [("nin", NetworkNames("nin", "nin"))]
    assert findings(base, base.model_copy(), names, Limits())[1].state == "ok"
    found = findings(base, candidate, names, Limits())[1]
    assert found.state == "not measured"
    assert found.reason == "the two energies are of other sensors, or of other parts of the board"


def test_one_fresh_process_for_memory_decides_nothing() -> None:
    found = of(gate_run(candidate={"memory": Memory(1, 2, 60_000_000)}))["memory"]
    assert found.state == "undecided"
    assert found.reason == "needs two fresh processes for memory (measuring.memory_repeats in the profile)"


@pytest.mark.parametrize("side", ["base", "candidate"])
def test_a_network_that_computes_something_else_has_a_size_only(side: str) -> None:
    wrong = GoldenCheck(1, 3.0, 1.0, None, False)
    found = of(gate_run(**{side: {"golden": wrong}}))
    assert {name for name, each in found.items() if each.state == "not measured"} == set(METRICS) - {"size"}
    assert found["latency"].reason.startswith(f"the {side}: it does not compute the same function as on the host")


def test_a_network_that_broke_says_so() -> None:
    broken = {"problem": Problem("runner", "it needs opset 99"), "rounds": []}
    found = of(gate_run(candidate=broken))
    assert found["latency"].reason == "the candidate: it needs opset 99"


def test_a_form_that_is_missing_on_one_side_is_not_measured() -> None:
    found = findings(*(run := gate_run(candidate={"precision": "int8"}), run), SHOWN, Limits())
    by_network = {(each.network, each.metric.name): each for each in found}
    assert by_network["net int8", "latency"].reason == "the base was not measured in this form"
    assert by_network["net", "latency"].reason == "the candidate was not measured in this form"
    assert {each.state for each in found} == {"not measured"}


def test_an_emulated_board_has_no_time() -> None:
    run = gate_run(0.5)
    facts = run.record.facts_before._replace(emulated=True)
    run = run.model_copy(update={"record": run.record._replace(facts_before=facts)})
    found = of(run)
    assert (found["latency"].state, found["memory"].state) == ("not measured", "ok")
    assert "emulator" in found["latency"].reason


def test_an_invalid_run_decides_no_latency() -> None:
    run = gate_run(0.5)
    facts = run.record.facts_after._replace(cpu_count=1)
    run = run.model_copy(update={"record": run.record._replace(facts_after=facts)})
    found = of(run)["latency"]
    assert found.state == "undecided"
    assert found.reason.startswith("the run is INVALID: ")
    assert findings(run, gate_run(), SHOWN, Limits())[0].reason.startswith("the reference is INVALID: ")


def test_two_runs_are_compared_by_what_each_varies_by() -> None:
    """Where the board drifts, only the same rounds decide; where it is steady, two runs do."""
    states = {}
    for kind in ("steady", "drift"):
        together, first, second = (
            gate_run(0.04, kind=kind),
            gate_run(seed=1, kind=kind),
            gate_run(0.04, seed=2, kind=kind),
        )
        pairs = ((together, together), (first, second))
        found = [findings(base, candidate, SHOWN, Limits())[0] for base, candidate in pairs]
        states[kind] = [each.state for each in found]
        assert found[1].change.value.estimate == pytest.approx(0.04, abs=0.05)
    assert states == {"steady": ["regressed", "regressed"], "drift": ["regressed", "undecided"]}


def test_rounds_of_two_runs_have_nothing_in_common() -> None:
    """The same latencies in both, which begin elsewhere: round against round, most of them would be longer."""
    values = [1e-3 * (number + 1) for number in range(30)]
    turned = values[5:] + values[:5]
    base, candidate = (
        gate_run(**{side: {"rounds": [RoundSamples(at, 0, at, [each]) for at, each in enumerate(order)]}})
        for side, order in (("base", values), ("candidate", turned))
    )
    latency = findings(base, candidate, SHOWN, Limits())[0]
    assert latency.change.value.estimate == pytest.approx(0)


def test_few_rounds_have_no_interval() -> None:
    for base, candidate in ((run := gate_run(0.5, rounds=5), run), (gate_run(rounds=5), gate_run(0.5, rounds=5))):
        latency = findings(base, candidate, SHOWN, Limits())[0]
        assert latency.state == "undecided"
        assert "rounds" in latency.reason


def test_welch_s_interval_against_scipy_s_test() -> None:
    first, second = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9], [27.1, 22.0, 20.8, 23.4]
    ratio, interval = log_ratio(*(np.exp(np.array(each) / 10).tolist() for each in (first, second)))
    known = ttest_ind(np.array(second) / 10, np.array(first) / 10, equal_var=False).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((known.low, known.high))
    assert ratio == pytest.approx(np.mean(second) / 10 - np.mean(first) / 10)


def test_what_never_varies_is_known() -> None:
    assert log_ratio([2.0, 2.0], [4.0, 4.0])[1].low == pytest.approx(np.log(2))
