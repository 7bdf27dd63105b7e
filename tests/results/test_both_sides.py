"""Every threshold of the verdict from both sides: a value just within it is no reason, one just beyond it is."""

from collections.abc import Callable
from math import ceil

import pytest

from results.boards import KINDS, record
from results.faults import relate
from sis_agent.schema import Facts, Record, StateSample
from sis_edge.results.energy.idle import Idle, Rest
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules import power
from sis_edge.results.verdict import judge

MIB = 1 << 20
Change = Callable[[Record, float], Record]


def every_state(clean: Record, **fields: object) -> Record:
    return clean._replace(states=[state._replace(**fields) for state in clean.states])


def with_facts(clean: Record, **fields: object) -> Record:
    def known(facts: Facts) -> Facts:
        return facts._replace(**fields)

    return clean._replace(facts_before=known(clean.facts_before), facts_after=known(clean.facts_after))


def in_a_share(clean: Record, share: float, change: Callable[[StateSample], StateSample]) -> Record:
    """The change in just that share of the states that count, or in one more where the share is no whole number."""
    during = Evidence(clean).during
    chosen = {id(state) for state in during[: ceil(share * len(during) - 1e-9)]}
    return clean._replace(states=[change(state) if id(state) in chosen else state for state in clean.states])


def swapped(clean: Record, value: float) -> Record:
    """Nothing in swap at first, and so many bytes in the end."""
    first = every_state(clean, swap_used_bytes=0)
    return first._replace(states=[*first.states[:-1], first.states[-1]._replace(swap_used_bytes=int(value))])


def others(clean: Record, value: float) -> Record:
    """Other programs keep so many cores busy, beside the job's one."""
    cores = Evidence(clean).cores
    assert cores is not None
    return every_state(clean, cpu_busy=(1 + value) / cores, own_cpu=1 / cores, core_busy={})


def others_unseen(clean: Record, value: float) -> Record:
    """The same where turns do not tell their processor time."""
    blind = [
        network._replace(rounds=[turn._replace(wall_s=None, cpu_s=None) for turn in network.rounds])
        for network in clean.networks
    ]
    return others(clean._replace(networks=blind), value)


def clock(clean: Record, share: float, states: float = 0.3) -> Record:
    """A clock at a share of its best in some of the states; nothing is expected of it."""
    free = with_facts(every_state(clean, cpu_frequency_hz=[2e9] * 8), cpu_max_frequency_hz=None)
    free = free._replace(job=free.job._replace(expected_cpu_hz=None))
    return in_a_share(free, states, lambda state: state._replace(cpu_frequency_hz=[share * 2e9] * 8))


def expected_clock(clean: Record, share: float) -> Record:
    steady = every_state(clean, cpu_frequency_hz=[share * 2e9] * 4)
    return steady._replace(job=steady.job._replace(expected_cpu_hz=2e9))


def throttled(clean: Record, share: float) -> Record:
    name = "throttled"
    return in_a_share(clean, share, lambda state: state._replace(throttle={**state.throttle, name: 1.0}))


def slow_rounds(clean: Record, share: float) -> Record:
    """So many of 30 rounds are slower, for all networks."""
    return relate(clean, lambda name, turn: 1.5 if turn.round % 30 < round(share * 30) else 1.0)


def harness(clean: Record, share: float) -> Record:
    """Measuring takes this share of the fastest network's median latency."""
    fastest_s = min(
        sorted(value for turn in network.rounds for value in turn.latencies_s)[
            sum(len(turn.latencies_s) for turn in network.rounds) // 2
        ]
        for network in clean.networks
    )
    return clean._replace(runner_details={**clean.runner_details, "harness_latencies_s": [share * fastest_s] * 9})


CASES: dict[str, tuple[str, Change, str, float, float, str]] = {
    # what: the board, the change, the code, a value within, a value beyond, the level beyond
    "steal": ("virtual-machine", lambda clean, value: every_state(clean, steal=value), "steal", 0.02, 0.022, "SUSPECT"),
    "much steal": (
        "virtual-machine",
        lambda clean, value: every_state(clean, steal=value),
        "steal",
        0.0999,
        0.101,
        "INVALID",
    ),
    "swap": ("nano", swapped, "swap", MIB, MIB + 4096, "SUSPECT"),
    "much swap": ("nano", swapped, "swap", 64 * MIB, 64 * MIB + 4096, "INVALID"),
    "waiting for memory": (
        "nano",
        lambda clean, value: every_state(clean, memory_pressure=value),
        "memory-pressure",
        0.0099,
        0.011,
        "SUSPECT",
    ),
    "waiting long for memory": (
        "nano",
        lambda clean, value: every_state(clean, memory_pressure=value),
        "memory-pressure",
        0.099,
        0.101,
        "INVALID",
    ),
    "memory left": (
        "nano",
        lambda clean, value: every_state(clean, memory_available_bytes=int(value * KINDS["nano"].memory_bytes)),
        "memory-pressure",
        0.051,
        0.049,
        "SUSPECT",
    ),
    "other programs": ("raspberry-pi-4", others, "other-processes", 0.249, 0.26, "SUSPECT"),
    "other programs that turns do not show": (
        "raspberry-pi-4",
        others_unseen,
        "other-processes",
        0.099,
        0.11,
        "SUSPECT",
    ),
    "own best clock": ("x86-rapl", clock, "cpu-clock", 0.901, 0.899, "SUSPECT"),
    "states of a low clock": (
        "x86-rapl",
        lambda clean, value: clock(clean, 0.7, value),
        "cpu-clock",
        0.04,
        0.06,
        "SUSPECT",
    ),
    "most states of a low clock": (
        "x86-rapl",
        lambda clean, value: clock(clean, 0.7, value),
        "cpu-clock",
        0.5,
        0.52,
        "INVALID",
    ),
    "expected clock": ("raspberry-pi-4", expected_clock, "cpu-clock", 0.951, 0.949, "INVALID"),
    "throttled states": ("raspberry-pi-4", throttled, "throttling", 0.0, 0.01, "SUSPECT"),
    "many throttled states": ("raspberry-pi-4", throttled, "throttling", 0.09, 0.11, "INVALID"),
    "heat": (
        "raspberry-pi-4",
        lambda clean, value: every_state(clean, temperatures_c={"cpu-thermal": value}),
        "hot",
        94.9,
        95.0,
        "SUSPECT",
    ),
    "heat near the trip point": (
        "raspberry-pi-4",
        lambda clean, value: with_facts(
            every_state(clean, temperatures_c={"cpu-thermal": value}), trip_points_c={"cpu-thermal": 85.0}
        ),
        "hot",
        79.9,
        80.0,
        "SUSPECT",
    ),
    "slow rounds": ("virtual-machine", slow_rounds, "uneven-speed", 0.1, 4 / 30, "SUSPECT"),
    "cost of measuring": ("nano", harness, "harness-cost", 0.019, 0.021, "SUSPECT"),
    "much cost of measuring": ("nano", harness, "harness-cost", 0.099, 0.101, "INVALID"),
}


def level_of(found: Record, code: str) -> str | None:
    return next((reason.level for reason in judge(found).reasons if reason.code == code), None)


@pytest.mark.parametrize("what", CASES)
def test_a_threshold_from_both_sides(what: str) -> None:
    kind, change, code, within, beyond, level = CASES[what]
    clean = record(KINDS[kind], 0)
    assert level_of(clean, code) is None
    expected = "SUSPECT" if what.startswith(("much", "many", "most", "waiting long")) else None
    assert level_of(change(clean, within), code) == expected
    assert level_of(change(clean, beyond), code) == level


def test_what_was_in_swap_before_the_run_does_not_count() -> None:
    assert level_of(every_state(record(KINDS["nano"], 0), swap_used_bytes=500 * MIB), "swap") is None


@pytest.mark.parametrize(("after_w", "drifts"), [(1.03, False), (1.032, True), (0.971, False), (0.969, True)])
def test_idle_power_that_moved_by_more_than_3_percent(
    after_w: float, drifts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rest(name: str, power_w: float) -> Rest:
        return Rest(name, 0.0, 10.0, power_w, 0.0, 0.0, 0.0, 0.0)

    monkeypatch.setattr(power, "idle", lambda record: Idle((rest("idle_before", 1.0), rest("idle_after", after_w))))
    found = list(power.idle_drift(Evidence(record(KINDS["nano"], 0))))
    assert [reason.code for reason in found] == (["idle-drift"] if drifts else [])
