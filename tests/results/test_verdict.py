"""The verdict over a corpus of generated traces: faults of every kind, severity and board, and clean runs of all."""

import numpy as np
import pytest

from results.boards import KINDS, record
from results.corpus import EVERY, false_alarms, recall
from results.faults import FAULTS, relate
from sis_agent.schema import EnergyBlock, Problem
from sis_edge.results.verdict import VERDICT_VERSION, Verdict, judge


def codes(verdict: Verdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


def test_faults_are_found_and_told_by_their_name() -> None:
    scores, missed = recall()
    total = sum(score.records for score in scores.values())
    assert total >= 300 + 15
    assert set(scores) == set(EVERY)
    assert all(score.records >= 3 for score in scores.values())
    assert sum(score.alarms for score in scores.values()) >= 0.99 * total, missed
    assert sum(score.named for score in scores.values()) >= 0.99 * total, missed


@pytest.mark.slow
def test_clean_runs_of_every_board_raise_no_alarm() -> None:
    scores, alarms = false_alarms()
    assert sum(score.alarms for score in scores.values()) <= 0.01 * sum(score.records for score in scores.values()), (
        alarms
    )


@pytest.mark.parametrize("name", ["wrong power mode", "throttling", "sagging clock", "too few rounds"])
def test_what_nobody_could_defend_is_invalid(name) -> None:
    for at, kind in enumerate(KINDS.values()):
        if FAULTS[name].shows_on(kind):
            found = FAULTS[name].inject(record(kind, at), 1.0, np.random.default_rng(at))
            assert judge(found).level == "INVALID"


def test_a_core_taken_from_the_job_is_invalid() -> None:
    found = FAULTS["another process"].inject(record(KINDS["virtual-machine"], 0), 1.0, np.random.default_rng(0))
    verdict = judge(found)
    assert verdict.level == "INVALID"
    assert "took them from the job" in next(r.sentence for r in verdict.reasons if r.code == "other-processes")


def test_the_verdict_is_a_function_of_the_record() -> None:
    clean = record(KINDS["nano"], 3)
    assert judge(clean) == judge(record(KINDS["nano"], 3))
    assert judge(clean).version == VERDICT_VERSION


def test_an_emulated_board_gets_no_verdict() -> None:
    clean = record(KINDS["nano"], 0)
    sign = "QEMU emulates its processor, arm,cortex-a57 (board linux,dummy-virt)"
    verdict = judge(clean._replace(facts_before=clean.facts_before._replace(emulated=True, emulation=sign)))
    assert verdict.level == "NONE"
    assert codes(verdict) == {"emulated"}
    assert sign in verdict.reasons[0].sentence


def test_a_virtual_machine_that_may_be_emulated_is_suspect() -> None:
    clean = record(KINDS["virtual-machine"], 0)
    untold = "a virtual machine (qemu): whether its processor is emulated cannot be told"
    verdict = judge(clean._replace(facts_before=clean.facts_before._replace(emulation=untold)))
    assert (verdict.level, codes(verdict)) == ("SUSPECT", {"emulation-unknown"})


def test_valid_needs_eyes() -> None:
    blind = judge(record(KINDS["virtual-machine"], 0))
    assert blind.unseen == ("CPU clocks", "temperatures", "signs of throttling", "power")
    assert (blind.level, blind.reasons) == ("VALID as far as seen", ())
    seeing = judge(record(KINDS["orin-nano-jp6"], 0))
    assert seeing.unseen == ("time taken by other machines (steal)",)
    assert seeing.level == "VALID"


def test_a_job_on_a_gpu_needs_to_know_its_clock() -> None:
    clean = record(KINDS["orin-nano-jp6"], 0)
    states = [state._replace(gpu_frequency_hz=306e6, gpu_load=0.9) for state in clean.states]
    unknown = clean._replace(
        job=clean.job._replace(on_gpu=True),
        states=states,
        facts_before=clean.facts_before._replace(gpu_max_frequency_hz=None),
        facts_after=clean.facts_after._replace(gpu_max_frequency_hz=None),
    )
    assert judge(unknown).level == "VALID as far as seen"
    assert "GPU clock" in judge(unknown).unseen
    by_profile = unknown._replace(job=unknown.job._replace(expected_gpu_hz=1.02e9))
    assert codes(judge(by_profile)) == {"gpu-clock"}


@pytest.mark.parametrize("kind", ["virtual-machine", "orin-nano-jp6"])
def test_a_quick_run_is_never_valid(kind: str) -> None:
    clean = record(KINDS[kind], 0)
    quick = clean._replace(job=clean.job._replace(quick=True))
    assert judge(quick).level == "QUICK"
    faulty = FAULTS["swap"].inject(quick, 1.0, np.random.default_rng(0))
    assert judge(faulty).level == "INVALID"


def test_the_gravest_reason_comes_first() -> None:
    doubtful = FAULTS["unsteady warm-up"].inject(record(KINDS["nano"], 0), 1.0, np.random.default_rng(0))
    wrong = EVERY["wrong function"].inject(doubtful, 0.0, np.random.default_rng(0))
    found = [(reason.code, reason.level) for reason in judge(wrong).reasons]
    assert found == [("wrong-function", "INVALID"), ("unsteady-warm-up", "SUSPECT")]


def test_faults_outside_of_the_measuring_do_not_count() -> None:
    clean = record(KINDS["orin-nano-jp6"], 5)
    end_s = max(block.end_s for block in clean.energy_blocks)
    states = [
        state._replace(cpu_busy=1.0, throttle=dict.fromkeys(state.throttle, 1.0), cpu_frequency_hz=[1e8] * 6)
        if state.t_s < 9 or state.t_s > end_s
        else state
        for state in clean.states
    ]
    assert judge(clean._replace(states=states)).level == "VALID"


def test_no_state_at_all_is_suspect() -> None:
    verdict = judge(record(KINDS["nano"], 0)._replace(states=[]))
    assert (verdict.level, codes(verdict)) == ("SUSPECT", {"no-states"})


def test_nothing_measured_is_invalid() -> None:
    clean = record(KINDS["nano"], 0)
    empty = [network._replace(rounds=[]) for network in clean.networks]
    verdict = judge(clean._replace(networks=empty, problem=Problem("cancelled", "somebody cancelled it")))
    assert verdict.level == "INVALID"
    assert codes(verdict) == {"too-few-samples", "ended-early"}


def test_an_early_stop_on_a_tight_interval_needs_no_thousand_inferences() -> None:
    short = record(KINDS["nano"], 0, per_round=10)
    assert codes(judge(short)) == {"too-few-samples"}
    assert not judge(short._replace(ended_by="target_ci")).reasons


def test_an_unreadable_power_mode_is_suspect() -> None:
    clean = record(KINDS["nano"], 0)
    unread = clean._replace(
        facts_before=clean.facts_before._replace(power_mode=None),
        states=[state._replace(power_mode=None) for state in clean.states],
    )
    assert (judge(unread).level, codes(judge(unread))) == ("SUSPECT", {"power-mode"})


def test_the_cores_that_are_pinned_decide() -> None:
    clean = record(KINDS["raspberry-pi-4"], 0)
    clocks = [1.8e9, 0.6e9, 0.6e9, 0.6e9]
    states = [state._replace(cpu_frequency_hz=clocks) for state in clean.states]
    assert judge(clean._replace(states=states)).level == "VALID"
    pinned = clean._replace(states=states, job=clean.job._replace(cores=[2]))
    assert codes(judge(pinned)) == {"cpu-clock"}


def test_a_working_gpu_is_watched_and_an_idle_one_is_not() -> None:
    clean = record(KINDS["orin-nano-jp6"], 0)
    states = [
        state._replace(gpu_load=0.9, gpu_frequency_hz=1.02e9 if at % 3 else 0.5e9)
        for at, state in enumerate(clean.states)
    ]
    assert codes(judge(clean._replace(states=states))) == {"gpu-clock"}


def test_short_blocks_need_a_quick_sensor() -> None:
    clean = record(KINDS["nano"], 0)
    block = clean.energy_blocks[0]
    short = EnergyBlock("nin", 0, block.start_s, block.start_s + 0.06, 1)
    verdict = judge(clean._replace(energy_blocks=[short]))
    assert (verdict.level, codes(verdict)) == ("INVALID", {"slow-sensor"})


@pytest.mark.parametrize("name", EVERY)
def test_reasons_are_sentences(name) -> None:
    kind = next(kind for kind in KINDS.values() if EVERY[name].shows_on(kind))
    for reason in judge(EVERY[name].inject(record(kind, 0), 0.5, np.random.default_rng(0))).reasons:
        assert len(reason.sentence) > 20
        assert not reason.sentence.endswith(".")
        assert "None" not in reason.sentence


def test_a_board_without_a_usual_speed_is_invalid() -> None:
    clean = record(KINDS["virtual-machine"], 0)
    verdict = judge(relate(clean, lambda name, turn: 2 if turn.round % 3 else 1))
    assert (verdict.level, codes(verdict)) == ("INVALID", {"uneven-speed"})
