"""The records of an audit that came out VALID, one by one: changed in one way, and nothing else made to fit."""

from collections.abc import Callable

import numpy as np
import pytest

from results.boards import KINDS, record
from results.doctored import one_core
from sis_agent.schema import Accuracy, EnergyBlock, GoldenCheck, Record, RoundSamples, StateSample
from sis_edge.results.energy import of_record
from sis_edge.results.verdict import judge

RANDOM = np.random.default_rng(0)


def states(found: Record, change: Callable[[StateSample], StateSample]) -> Record:
    return found._replace(states=[change(state) for state in found.states])


def turns(found: Record, change: Callable[[str, RoundSamples], RoundSamples]) -> Record:
    networks = [each._replace(rounds=[change(each.name, turn) for turn in each.rounds]) for each in found.networks]
    return found._replace(networks=networks)


def slowed_pc(found: Record) -> Record:
    return states(found, lambda state: state._replace(cpu_frequency_hz=[0.8e9] * 8))


def powersave(found: Record) -> Record:
    middle_s = found.states[len(found.states) // 2].t_s
    return states(
        found,
        lambda state: state._replace(
            cpu_frequency_hz=[], governor="performance" if state.t_s < middle_s else "powersave"
        ),
    )


def reversed_logits(found: Record) -> Record:
    golden, accuracy = GoldenCheck(16, 9.7, 2.0, 0.09, False), Accuracy(450, 45)
    return found._replace(networks=[each._replace(golden=golden, accuracy=accuracy) for each in found.networks])


def shared_core(found: Record) -> Record:
    return one_core(found, (0.24 - 0.15) / 0.35, RANDOM)


def one_state(found: Record) -> Record:
    return found._replace(states=[found.states[len(found.states) // 3]])


def an_hour_later(found: Record) -> Record:
    """Only the turns know of the hour, then only the states do, then both."""
    middle_s = sorted(turn.start_s for turn in found.networks[0].rounds)[14]
    return turns(
        found, lambda name, turn: turn._replace(start_s=turn.start_s + (3600 if turn.start_s >= middle_s else 0))
    )


def twenty_times(found: Record) -> Record:
    return turns(found, lambda name, turn: turn._replace(latencies_s=[20 * value for value in turn.latencies_s]))


def sixteen_ms(found: Record) -> Record:
    def rounded(name: str, turn: RoundSamples) -> RoundSamples:
        return turn._replace(latencies_s=[max(1, round(value / 16e-3)) * 16e-3 for value in turn.latencies_s])

    return turns(found._replace(clock_resolution_s=16e-3), rounded)


def dense_alone(found: Record) -> Record:
    slow = set(RANDOM.permutation(30)[:18])

    def slower(name: str, turn: RoundSamples) -> RoundSamples:
        if name != "nin" or turn.round not in slow:
            return turn
        return turn._replace(latencies_s=[1.6 * value for value in turn.latencies_s])

    return turns(found, slower)


def stuck(found: Record) -> Record:
    trace = found.power.traces[0]
    power_w = {rail: [2.0] * len(values) for rail, values in trace.power_w.items()}
    return found._replace(power=found.power._replace(traces=[trace._replace(power_w=power_w)]))


def five_ms(found: Record) -> Record:
    return found._replace(runner_details={"harness_latencies_s": [5e-3] * 9})


def all_at_once(found: Record) -> Record:
    first = found.energy_blocks[0]
    blocks = [EnergyBlock(each.network, 0, first.start_s, first.end_s, 50) for each in found.energy_blocks[:4]]
    return found._replace(energy_blocks=blocks)


def slow_gpu(found: Record) -> Record:
    held = states(found, lambda state: state._replace(gpu_frequency_hz=306e6, gpu_load=0.9))
    return held._replace(job=held.job._replace(on_gpu=True, expected_gpu_hz=None))


def preempted(found: Record) -> Record:
    def late(name: str, turn: RoundSamples) -> RoundSamples:
        hit = RANDOM.random(len(turn.latencies_s)) < 0.3
        return turn._replace(
            latencies_s=[3 * value if is_hit else value for value, is_hit in zip(turn.latencies_s, hit, strict=True)]
        )

    return turns(found, late)


def other_facts(found: Record) -> Record:
    after = found.facts_after._replace(kernel="6.9.0", governor="powersave", runners={"onnxruntime": "1.24.0"})
    return found._replace(facts_after=after)


ROWS: dict[str, tuple[Callable[[Record], Record], str, str, tuple[str, ...]]] = {
    "a PC at 0.8 of 4.4 GHz": (slowed_pc, "x86-rapl", "cpu-clock", ("SUSPECT", "INVALID")),
    "another governor in mid-run, clocks not shown": (powersave, "raspberry-pi-4", "governor", ("SUSPECT",)),
    "golden check failed for all networks": (reversed_logits, "x86-rapl", "wrong-function", ("INVALID",)),
    "24% of the only core taken": (shared_core, "virtual-machine", "other-processes", ("INVALID",)),
    "one state in the whole run": (one_state, "orin-nano-jp6", "not-watched", ("SUSPECT",)),
    "an hour between two rounds": (an_hour_later, "orin-nano-jp6", "frozen", ("SUSPECT",)),
    "20 times the wall time": (twenty_times, "x86-rapl", "impossible-latencies", ("INVALID",)),
    "a clock of 16 ms": (sixteen_ms, "x86-rapl", "coarse-clock", ("INVALID",)),
    "the dense network alone slow": (dense_alone, "raspberry-pi-4", "uneven-network", ("SUSPECT",)),
    "a stuck power sensor": (stuck, "nano", "stuck-sensor", ("SUSPECT",)),
    "a harness of 5 ms": (five_ms, "x86-rapl", "harness-cost", ("INVALID",)),
    "energy blocks at the same time": (all_at_once, "nano", "energy-blocks-overlap", ("INVALID",)),
    "a GPU at 306 of 1,020 MHz": (slow_gpu, "orin-nano-jp6", "gpu-clock", ("SUSPECT", "INVALID")),
    "30% preempted": (preempted, "raspberry-pi-4", "long-tail", ("SUSPECT",)),
    "another kernel, runtime and governor": (other_facts, "x86-rapl", "board-changed", ("INVALID",)),
}


@pytest.mark.parametrize("row", ROWS)
def test_no_longer_valid(row: str) -> None:
    doctor, kind, code, wanted = ROWS[row]
    clean = record(KINDS[kind], 4)
    assert not judge(clean).reasons
    verdict = judge(doctor(clean))
    assert verdict.level in wanted, verdict
    (sentence,) = [reason.sentence for reason in verdict.reasons if reason.code == code]
    assert len(sentence) < 300


def test_frozen_shows_where_only_the_states_tell() -> None:
    clean = record(KINDS["orin-nano-jp6"], 4)
    middle_s = sorted(turn.start_s for turn in clean.networks[0].rounds)[14]
    late = states(clean, lambda state: state._replace(boot_clock_s=state.t_s + (3600 if state.t_s >= middle_s else 0)))
    assert [reason.code for reason in judge(late).reasons] == ["frozen"]


def test_old_records_without_the_new_fields_are_judged_by_what_they_have() -> None:
    """The first version's agent recorded neither what a turn cost nor more than one clock."""
    clean = record(KINDS["orin-nano-jp6"], 4)
    old = turns(
        states(clean, lambda state: state._replace(boot_clock_s=None, wall_clock_s=None, core_busy={})),
        lambda name, turn: RoundSamples(turn.round, turn.position, turn.start_s, turn.latencies_s),
    )
    facts = old.facts_before._replace(allowed_cores=[], trip_points_c={}, gpu_max_frequency_hz=None, runners={})
    old = old._replace(facts_before=facts, facts_after=facts, runner_details={})
    assert judge(old).level == "VALID"
    assert "interference" in judge(old).unseen
    assert all(energy.net_j is not None for energy in of_record(old).values())
