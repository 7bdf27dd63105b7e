"""Sustained work: histograms, the time to throttle, energy, paced calls, ranking, and what the verdict makes of it."""

from itertools import pairwise
from math import log

import numpy as np
import pytest

from results.sustained_runs import sustained_run
from sis_agent.measure.sustained import CUT_OFF
from sis_agent.schema import (
    LatencyCounts,
    Record,
    SustainedRequest,
    SustainedRun,
    SustainedWindow,
)
from sis_agent.worker.sustain import Histogram
from sis_edge import simulated
from sis_edge.results.schema import StoredRun
from sis_edge.results.sustained import of_run, ranking
from sis_edge.results.sustained.histogram import count, merged, middle, percentile
from sis_edge.results.sustained.networks import NOT_REACHED
from sis_edge.results.sustained.stretches import edges, times_as_long
from sis_edge.results.sustained.throttle import throttle
from sis_edge.results.verdict import Verdict, judge, judge_run
from sis_edge.simulated.heat import Heat

WINDOW_S = 10.0
COOL = "orin-nano-sim"


def counted(values: list[float]) -> LatencyCounts:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram.counted()


def window(number: int, latency_s: float = 0.01, cpu_hz: float | None = 2e9, run: int = 0) -> SustainedWindow:
    start_s = 100.0 + number * WINDOW_S
    return SustainedWindow(
        run, "nin", start_s, start_s + WINDOW_S, counted([latency_s] * 20), cpu_frequency_hz=cpu_hz, states=10
    )


def windows(count: int, **changes: dict[int, float]) -> list[SustainedWindow]:
    made = [window(number) for number in range(count)]
    for number, hertz in changes.get("cpu_hz", {}).items():
        made[number] = made[number]._replace(cpu_frequency_hz=hertz)
    for number, latency_s in changes.get("latency_s", {}).items():
        made[number] = made[number]._replace(service=counted([latency_s] * 20))
    return made


def test_percentiles_of_histograms_are_those_of_the_latencies() -> None:
    values = np.random.default_rng(0).lognormal(log(0.012), 0.3, 5000).tolist()
    parts = [counted(values[:1000]), counted(values[1000:1200]), counted([]), counted(values[1200:])]
    together = merged(parts)
    assert together == counted(values)._replace(sum_s=pytest.approx(sum(values)))
    for percent in (50, 90, 99):
        assert percentile(together, percent) == pytest.approx(float(np.percentile(values, percent)), rel=0.002)
    assert percentile(counted(values[:661]), 99) is None
    assert percentile(counted(values[:662]), 99) is not None
    assert middle(counted([])) is None
    assert middle(counted([0.5])) == 0.5
    assert count(together) == 5000


def test_a_throttling_orin_for_30_minutes() -> None:
    """The time to throttle is that of the model: warmth 1 - exp(-t / 240 s) reaches 99 degrees of 52 to 112."""
    run = sustained_run()
    thermal = simulated.load("orin-nano-hot-sim").thermal
    assert thermal is not None
    for found in of_run(run.record):
        assert found.reason is None
        assert found.rest is not None
        assert found.throttle is not None
        start_c = found.start_c or 0.0
        expected_s = thermal.time_constant_s * log((112 - start_c) / (112 - thermal.throttle_c))
        assert found.throttle.time_s == pytest.approx(expected_s, abs=2 * WINDOW_S)
        assert (found.throttle.cause, found.throttle.signs[0][:18]) == ("CPU clock", "cpu-throttle-alert")
        assert found.max_c == pytest.approx(99.0, abs=0.5)
        assert found.change is not None
        assert found.change.interval is not None
        assert 1.1 < found.change.interval.low < found.change.interval.high < 1.3
        # Energy: 4.6 W at rest and 5.8 W of work in proportion to the clock, so a call takes more when it is slow.
        assert found.first is not None and found.last is not None and found.whole is not None  # noqa: PT018
        assert found.first.power_w == pytest.approx(10.4, rel=0.01)
        assert found.last.power_w == pytest.approx(4.6 + 5.8 / found.change.estimate, rel=0.02)
        assert (found.last.energy_j or 0) > 1.05 * (found.first.energy_j or 0)
        assert found.whole.length_s == pytest.approx(1800.0, abs=1.0)
    rests = run.record.rests
    assert [rest.target_c for rest in rests] == [None, (rests[0].end_c or 0) + 2.0], "the same start temperature"
    assert rests[1].reached


def test_throttling_is_the_subject_there_and_no_fault() -> None:
    run = sustained_run()
    verdict = judge_run(run)
    assert (verdict.level, verdict.reasons) == ("VALID", ())
    assert len(verdict.remarks) == 2
    assert "slowed down for good after 6 min" in verdict.remarks[0]
    assert "1.17" in verdict.remarks[0]
    # The same clocks in the rounds themselves are a fault, as ever.
    states = run.record.states
    hot = [state._replace(cpu_frequency_hz=[0.7e9] * 6) for state in states[len(states) // 4 :]]
    assert judge(run.record._replace(states=[*states[: len(states) // 4], *hot])).level == "INVALID"


def test_a_board_that_keeps_its_speed() -> None:
    run = sustained_run(COOL, SustainedRequest(600.0, 10.0))
    for found in of_run(run.record):
        assert found.throttle is not None
        assert (found.throttle.time_s, found.throttle.slow_share, found.throttle.signs) == (None, 0.0, ())
        assert found.change is not None
        assert found.change.estimate == pytest.approx(1.0, abs=0.005)
    assert all("no slowdown in 10 min" in remark for remark in judge_run(run).remarks)


def test_paced_calls_and_their_deadlines() -> None:
    """5 calls a second: nin takes 0.4 s and falls behind at once, sis3 takes 0.12 s and never does."""
    run = sustained_run(COOL, SustainedRequest(300.0, 10.0, 5.0))
    nin, sis3 = of_run(run.record)
    assert nin.whole is not None and sis3.whole is not None  # noqa: PT018
    assert (nin.whole.due, sis3.whole.due) == (1500, 1500)
    assert nin.whole.calls == pytest.approx(750, abs=8)
    assert nin.whole.missed == 1500, "those that were late, and those that were never begun"
    assert (sis3.whole.calls, sis3.whole.missed) == (1500, 0)
    assert sis3.whole.latency_p99_s == pytest.approx(sis3.whole.p99_s, rel=0.005)
    assert nin.whole.p99_s == pytest.approx(0.4, rel=0.05)
    assert (nin.whole.latency_p99_s or 0) > 100
    # sis3 works for 0.12 s of each 0.2 s: energy a second is between rest and work, energy of a call has its pause.
    assert sis3.whole.power_w == pytest.approx(4.6 + 5.8 * 0.6, rel=0.03)
    assert sis3.whole.energy_j == pytest.approx(0.2 * (4.6 + 5.8 * 0.6), rel=0.03)


def test_a_temperature_that_is_reached_and_one_that_is_not() -> None:
    reached = sustained_run(COOL, SustainedRequest(60.0, 10.0), cool_to_c=46.0)
    assert [rest.reached for rest in reached.record.rests] == [True] * 3
    assert judge_run(reached).level == "VALID"
    cold = sustained_run(COOL, SustainedRequest(60.0, 10.0), cool_to_c=40.0)
    assert [rest.reached for rest in cold.record.rests] == [False] * 3
    verdict = judge_run(cold)
    assert [reason.code for reason in verdict.reasons] == ["not-cooled"]
    assert "was to cool down to 40 °C, for which it got 900 s" in verdict.reasons[0].sentence
    assert "and 2 more times" in verdict.reasons[0].sentence
    blind = cold.record.rests[0]._replace(end_c=None, reached=None)
    sentence = judge(cold.record._replace(rests=[blind])).reasons[0].sentence
    assert "its temperature could not be read" in sentence


@pytest.mark.parametrize(
    ("made", "time_s", "cause"),
    [
        (windows(30), None, None),
        (windows(30, cpu_hz=dict.fromkeys(range(12, 30), 1.8e9)), 120.0, "CPU clock"),
        (windows(30, cpu_hz=dict.fromkeys(range(12, 30), 1.91e9)), None, None),
        (windows(30, latency_s=dict.fromkeys(range(20, 30), 0.0106)), 200.0, "latency"),
        (windows(30, latency_s=dict.fromkeys(range(20, 30), 0.0104)), None, None),
        (windows(30, cpu_hz=dict.fromkeys(range(12, 20), 1.8e9)), None, None),
        (windows(30, cpu_hz=dict.fromkeys(range(28, 30), 1.8e9)), None, None),
        (windows(30, cpu_hz=dict.fromkeys(set(range(10, 30)) - {14, 22}, 1.8e9)), 100.0, "CPU clock"),
        (windows(30, cpu_hz=dict.fromkeys(set(range(10, 30)) - {14, 15, 22}, 1.8e9)), 160.0, "CPU clock"),
    ],
    ids=["steady", "lasting", "within 5%", "slower", "hardly slower", "passing", "too short", "brief", "with gaps"],
)
def test_the_time_to_throttle_is_that_of_what_lasts(
    made: list[SustainedWindow], time_s: float | None, cause: str | None
) -> None:
    found = throttle(made)
    assert (found.time_s, found.cause) == (time_s, cause)


def test_a_slowdown_that_passes_is_told_as_a_share() -> None:
    found = throttle(windows(30, cpu_hz=dict.fromkeys(range(12, 15), 1.5e9)))
    assert (found.time_s, found.slow_share) == (None, 0.1)


def test_first_and_last_minute_and_a_quarter_of_a_short_run() -> None:
    first, last = edges(windows(30))
    assert ([w.start_s for w in first], len(last)) == ([100.0 + 10 * at for at in range(6)], 6)
    first, last = edges(windows(8))
    assert [len(part) for part in (first, last)] == [2, 2]
    assert [len(part) for part in edges(windows(1))] == [1, 1]


def test_the_ranking_says_what_it_cannot_tell_apart_and_what_changed() -> None:
    generator = np.random.default_rng(1)

    def run_of(number: int, first_s: float, last_s: float) -> list[SustainedWindow]:
        made = []
        for at in range(24):
            latency_s = (first_s if at < 12 else last_s) * generator.normal(1, 0.002)
            made.append(
                window(at, latency_s, run=number)._replace(network=["nin", "cifar10-sis1", "cifar10-sis3"][number])
            )
        return made

    run = sustained_run(COOL, SustainedRequest(60.0, 10.0), names=("nin", "cifar10-sis1", "cifar10-sis3"))
    each = [*run_of(0, 0.010, 0.0101), *run_of(1, 0.010, 0.0130), *run_of(2, 0.005, 0.012)]
    runs = [SustainedRun(number, name) for number, name in enumerate(("nin", "cifar10-sis1", "cifar10-sis3"))]
    record = run.record._replace(sustained_windows=each, sustained_runs=runs)
    ranks = {rank.network: rank for rank in ranking(of_run(record), "nin")}
    sis3, nin = ranks["cifar10-sis3"], ranks["nin"]
    assert (sis3.first, sis3.last, sis3.is_first_tied, sis3.is_last_tied, sis3.is_changed) == (1, 2, False, False, True)
    assert nin.is_first_tied and ranks["cifar10-sis1"].is_first_tied  # noqa: PT018
    assert (nin.last, nin.is_last_tied, nin.first_speed_up) == (1, False, None)
    assert sis3.first_speed_up is not None and sis3.first_speed_up.interval is not None  # noqa: PT018
    assert sis3.first_speed_up.interval.low < 2.0 < sis3.first_speed_up.interval.high


def test_the_interval_of_a_change_holds_the_truth_in_19_of_20() -> None:
    """Windows of two stretches that spread unequally, as those of a board that begins to throttle."""
    generator, held = np.random.default_rng(2), 0
    for _ in range(400):
        before = (0.01 * np.exp(generator.normal(0, 0.002, 6))).tolist()
        after = (0.012 * np.exp(generator.normal(0, 0.02, 6))).tolist()
        found = times_as_long(before, after)
        assert found is not None and found.interval is not None  # noqa: PT018
        held += found.interval.low <= 1.2 <= found.interval.high
    assert 0.93 <= held / 400 <= 0.98


def test_a_run_that_is_not_whole_is_told_and_makes_the_run_suspect() -> None:
    run = sustained_run(COOL, SustainedRequest(60.0, 10.0))
    record = run.record
    first = record.sustained_runs[0]
    died = record._replace(sustained_runs=[first._replace(reason="the worker died"), record.sustained_runs[1]])
    assert reasons(died) == {"sustained-incomplete": "SUSPECT"}
    # Cut off and run again: it is the last run that counts.
    again = [window._replace(run=7) for window in record.sustained_windows if window.run == first.run]
    runs = [first._replace(reason=CUT_OFF), record.sustained_runs[1], SustainedRun(7, first.network)]
    cut = record._replace(sustained_runs=runs, sustained_windows=[*record.sustained_windows, *again])
    assert reasons(cut) == {}
    # Killed, and never gone on with.
    lost = record._replace(sustained_runs=[], sustained_windows=record.sustained_windows[:3])
    named = {each.network: each.reason for each in of_run(lost)}
    assert set(named.values()) == {NOT_REACHED}
    assert reasons(lost) == {"sustained-incomplete": "SUSPECT"}


def test_an_emulated_board_and_a_job_without_it_have_no_figures() -> None:
    record = sustained_run(COOL, SustainedRequest(60.0, 10.0)).record
    assert of_run(record._replace(facts_before=record.facts_before._replace(emulated=True))) == []
    assert of_run(record._replace(job=record.job._replace(sustained=None))) == []


def test_clocks_that_a_hot_board_lowers_do_not_make_it_another_board() -> None:
    record = sustained_run().record
    before = record.facts_before._replace(cpu_max_frequency_hz=1.7e9)
    after = before._replace(cpu_max_frequency_hz=1.2e9)
    assert reasons(record._replace(facts_before=before, facts_after=after)) == {}
    without = record._replace(facts_before=before, facts_after=after, sustained_windows=[])
    assert reasons(without)["board-changed"] == "INVALID"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"network": "stranger"}, "the record knows no such network"),
        ({"end_s": 0.0}, "ends at 0 s"),
        ({"service": LatencyCounts([1, 2], [3], 1.0, 1.0, 1.0)}, "2 buckets and 1 counts"),
        ({"latency": LatencyCounts([1], [0], 1.0, 1.0, 1.0)}, "a bucket without a latency"),
        ({"service": LatencyCounts([10**6], [1], 1.0, 1.0, 1.0)}, "a latency that cannot be"),
        ({"service": LatencyCounts([1], [1], 1.0, 1e-300, 1.0)}, "a latency that cannot be"),
    ],
)
def test_windows_that_cannot_be_are_refused(change: dict[str, object], text: str) -> None:
    run = sustained_run(COOL, SustainedRequest(60.0, 10.0))
    bad = [run.record.sustained_windows[0]._replace(**change)]
    with pytest.raises(ValueError, match=text):
        StoredRun.model_validate(dict(run) | {"record": run.record._replace(sustained_windows=bad)})


def test_it_survives_its_file() -> None:
    run = sustained_run()
    text = run.to_json()
    assert StoredRun.from_json(text, "again").record == run.record
    assert len(text) < 1_000_000, "30 minutes of two networks"


def test_heat_follows_its_closed_form_and_steps_have_a_hysteresis() -> None:
    definition = simulated.load("orin-nano-hot-sim")
    heat, seen = Heat(definition), []
    for second in range(200):
        heat.advance(1.0, busy=True)
        assert heat.temperature_c("tj-thermal") == pytest.approx(112 - 60 * np.exp(-(second + 1) / 240), abs=1e-6)
    for _ in range(3000):
        heat.advance(1.0, busy=True)
        seen.append((heat.values().step, heat.temperature_c("cpu-thermal")))
    ups = [celsius for (before, _), (step, celsius) in pairwise(seen) if step < before]
    downs = [celsius for (before, _), (step, celsius) in pairwise(seen) if step > before]
    assert min(downs) >= 99.0
    assert max(ups) < 96.0
    assert len(ups) > 3
    fast = Heat(definition, speed_up=60.0)
    fast.advance(4.0, busy=True)
    assert fast.temperature_c("tj-thermal") == pytest.approx(112 - 60 * np.exp(-1))
    assert Heat(simulated.load(COOL)).values().share == 1.0


def reasons(record: Record) -> dict[str, str]:
    verdict: Verdict = judge(record)
    return {reason.code: reason.level for reason in verdict.reasons}
