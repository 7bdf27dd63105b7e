"""Every threshold of the verdict, just below it, at it, and just above."""

from collections.abc import Callable
from typing import Any

import pytest

from results.boards import KINDS, record
from results.faults import relate, shifted
from sis_agent.schema import EnergyBlock, Facts, Record, StateSample
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules import sample
from sis_edge.results.verdict import judge

STATES = 100
CLEAN = record(KINDS["raspberry-pi-4"], 0)  # four cores of 1.8 GHz, no power sensor: one stretch of measuring
BEGIN_S, END_S = Evidence(CLEAN).stretches[0]
QUIET = next(state for state in CLEAN.states if state.t_s > BEGIN_S)._replace(
    cpu_frequency_hz=[1.8e9] * 4, cpu_busy=0.25, own_cpu=0.25, core_busy={}, steal=0.0, memory_pressure=0.0
)


def watched(
    changed: int = STATES, facts: dict[str, Any] | None = None, job: dict[str, Any] | None = None, **changes: Any
) -> Record:
    """The quiet run with 100 states while measuring, so many of which are changed, spread over the run."""
    step_s = (END_S - BEGIN_S) / STATES
    states = [
        QUIET._replace(t_s=BEGIN_S + step_s * (at + 0.5), wall_clock_s=None, boot_clock_s=None) for at in range(STATES)
    ]
    for at in range(changed):
        where = (at * STATES) // max(changed, 1)
        states[where] = states[where]._replace(**changes)
    known = CLEAN.facts_before._replace(**(facts or {}))
    return CLEAN._replace(states=states, facts_before=known, facts_after=known, job=CLEAN.job._replace(**(job or {})))


def level(found: Record, code: str) -> str:
    """The gravest level of the reasons with this code."""
    levels = [reason.level for reason in judge(found).reasons if reason.code == code]
    return levels[0] if levels else "none"


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


@pytest.mark.parametrize(("gap_s", "expected"), [(4.9, "none"), (5.1, "SUSPECT")])
def test_unwatched(gap_s: float, expected: str) -> None:
    """States every half second, but for one gap, in the middle or at an end."""
    times_s = [BEGIN_S + 0.5 * at for at in range(int(2 * (END_S - BEGIN_S)) + 1)]
    for begin_s in (BEGIN_S + 20.25, END_S - gap_s):
        kept = [t_s for t_s in times_s if not begin_s <= t_s <= begin_s + gap_s]
        edges = [t_s for t_s in (begin_s, begin_s + gap_s) if BEGIN_S < t_s < END_S]
        states = [QUIET._replace(t_s=t_s, wall_clock_s=None, boot_clock_s=None) for t_s in sorted([*kept, *edges])]
        found = CLEAN._replace(states=states)
        assert level(found, "not-watched") == expected


def test_a_board_that_is_seldom_watched_may_be_so() -> None:
    states = [QUIET._replace(t_s=BEGIN_S - 4 + 8.0 * at, boot_clock_s=None, wall_clock_s=None) for at in range(20)]
    assert level(CLEAN._replace(states=states), "not-watched") == "none"


def clock_step(field: str, step_s: float) -> Record:
    """One of the clocks jumps in mid-run."""
    states = [
        state._replace(wall_clock_s=state.t_s, boot_clock_s=state.t_s if field == "boot_clock_s" else None)
        for state in watched().states
    ]
    late: Callable[[StateSample], StateSample] = lambda state: state._replace(**{field: getattr(state, field) + step_s})  # noqa: E731
    return CLEAN._replace(states=[*states[:50], *map(late, states[50:])])


@pytest.mark.parametrize(
    ("field", "step_s", "expected"),
    [("boot_clock_s", 0.9, "none"), ("boot_clock_s", 1.1, "SUSPECT"), ("wall_clock_s", 4.9, "none"),
     ("wall_clock_s", 5.1, "SUSPECT"), ("wall_clock_s", -5.1, "SUSPECT")],
)  # fmt: skip
def test_a_sleeping_board(field: str, step_s: float, expected: str) -> None:
    assert level(clock_step(field, step_s), "frozen") == expected


def test_a_date_that_is_set_is_no_sleep_where_the_clocks_say_so() -> None:
    states = [
        state._replace(boot_clock_s=state.t_s, wall_clock_s=state.t_s + (0 if at < 50 else 1e8))
        for at, state in enumerate(watched().states)
    ]
    assert level(CLEAN._replace(states=states), "frozen") == "none"


@pytest.mark.parametrize(
    ("pause_s", "restarts", "expected"),
    [(9.9, False, "none"), (10.1, False, "SUSPECT"), (299.0, True, "none"), (301.0, True, "SUSPECT")],
)
def test_a_pause_between_turns(pause_s: float, restarts: bool, expected: str) -> None:
    turns = [turn for _, turn in Evidence(CLEAN).turns]
    at = next(at for at in range(40, len(turns)) if (turns[at].process != turns[at - 1].process) is restarts)
    moment_s, by_s = turns[at].start_s, pause_s - 1e-3
    found = shifted(CLEAN, lambda times_s: times_s + by_s * (times_s >= moment_s))
    assert level(found, "frozen") == expected


@pytest.mark.parametrize(
    ("factor", "expected"), [(1.04, "none"), (1.06, "SUSPECT"), (1.99, "SUSPECT"), (2.01, "INVALID")]
)
@pytest.mark.parametrize("by", ["wall", "gap"])
def test_latencies_fit_into_their_turns(factor: float, expected: str, by: str) -> None:
    """The wall time that the agent measured, or the time until the next turn, which is as long."""
    networks = [
        network._replace(
            rounds=[
                turn._replace(
                    latencies_s=[factor * value for value in turn.latencies_s] if by == "gap" else turn.latencies_s,
                    wall_s=None if by == "gap" else sum(turn.latencies_s) / factor,
                )
                for turn in network.rounds
            ]
        )
        for network in CLEAN.networks
    ]
    assert level(CLEAN._replace(networks=networks), "impossible-latencies") == expected


FASTEST_S = sorted(
    value for turn in CLEAN.networks[3].rounds for value in turn.latencies_s
)[len(CLEAN.networks[3].rounds) * 34 // 2]  # fmt: skip


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0099, "none"), (0.0101, "SUSPECT"), (0.099, "SUSPECT"), (0.101, "INVALID")]
)
def test_a_coarse_clock_by_its_own_word(share: float, expected: str) -> None:
    assert level(CLEAN._replace(clock_resolution_s=share * FASTEST_S), "coarse-clock") == expected


@pytest.mark.parametrize(("share", "expected"), [(0.009, "none"), (0.011, "SUSPECT"), (0.11, "INVALID")])
def test_a_coarse_clock_by_its_latencies(share: float, expected: str) -> None:
    step_s = share * FASTEST_S
    found = relate(CLEAN, lambda name, turn: [round(value / step_s) * step_s / value for value in turn.latencies_s])
    assert level(found, "coarse-clock") == expected


def test_a_clock_that_gives_one_answer_is_coarse() -> None:
    found = relate(CLEAN, lambda name, turn: [0.016 / value for value in turn.latencies_s])
    assert level(found, "coarse-clock") == "INVALID"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0199, "none"), (0.0201, "SUSPECT"), (0.099, "SUSPECT"), (0.101, "INVALID")]
)
def test_the_harness(share: float, expected: str) -> None:
    details = {"harness_latencies_s": [share * FASTEST_S] * 5 + [1.0]}
    assert level(CLEAN._replace(runner_details=details), "harness-cost") == expected


@pytest.mark.parametrize(
    ("factor", "hits", "expected"), [(1.4, 3, "none"), (1.4, 4, "SUSPECT"), (1.2, 8, "none"), (3.0, 4, "SUSPECT")]
)
def test_a_tail(factor: float, hits: int, expected: str) -> None:
    """So many of each turn's 34 inferences take longer: 4 are 12%, 3 are 9%."""
    exact = relate(
        CLEAN, lambda name, turn: [0.01 * (1 + 1e-3 * at) / value for at, value in enumerate(turn.latencies_s)]
    )
    found = relate(exact, lambda name, turn: [factor] * hits + [1.0] * (34 - hits))
    assert level(found, "long-tail") == expected


def slow_rounds(count: int, factor: float, name: str | None = None) -> Record:
    """All networks (or one) that much slower in so many of the 30 rounds, on a board that is steady otherwise."""
    steady = relate(
        CLEAN, lambda of, turn: [0.01 * (1 + 1e-3 * at) / value for at, value in enumerate(turn.latencies_s)]
    )
    return relate(steady, lambda of, turn: factor if turn.round >= 30 - count and name in (None, of) else 1.0)


@pytest.mark.parametrize(
    ("count", "factor", "expected"),
    [(3, 1.5, "none"), (4, 1.5, "SUSPECT"), (15, 1.5, "SUSPECT"), (16, 1.5, "INVALID"), (15, 1.09, "none"),
     (15, 1.11, "SUSPECT")],
)  # fmt: skip
def test_slow_rounds(count: int, factor: float, expected: str) -> None:
    assert level(slow_rounds(count, factor), "uneven-speed") == expected


@pytest.mark.parametrize(
    ("count", "factor", "expected"),
    [(3, 1.5, "none"), (4, 1.5, "SUSPECT"), (18, 1.5, "SUSPECT"), (26, 1.5, "SUSPECT"), (15, 1.09, "none"),
     (15, 1.11, "SUSPECT")],
)  # fmt: skip
def test_slow_rounds_of_one_network(count: int, factor: float, expected: str) -> None:
    found = slow_rounds(count, factor, "nin")
    assert level(found, "uneven-network") == expected
    assert all("of nin" in reason.sentence for reason in judge(found).reasons if reason.code == "uneven-network")


@pytest.mark.parametrize(("rounds", "expected"), [(5, "INVALID"), (6, "SUSPECT"), (29, "SUSPECT"), (30, "none")])
def test_rounds(rounds: int, expected: str) -> None:
    networks = [network._replace(rounds=network.rounds[:rounds]) for network in CLEAN.networks]
    kept = CLEAN._replace(networks=networks, ended_by="target_ci")
    assert level(kept, "too-few-samples") == expected
    assert sample.FULL_ROUNDS == 30


@pytest.mark.parametrize(("drift", "expected"), [(0.029, "none"), (0.031, "SUSPECT")])
def test_idle_drift(drift: float, expected: str) -> None:
    clean = record(KINDS["nano"], 0)
    after = next(window for window in clean.windows if window.name == "idle_after")
    trace = clean.power.traces[0]
    exact = [
        (4.1 if after.start_s - 20 > t_s > 12 else 1.5) * (1 + (drift if t_s > after.start_s - 0.5 else 0))
        for t_s in trace.times_s
    ]
    # The drift is a share of the mean of both: of 1 and 1 + x it is x / (1 + x / 2).
    power_w = dict.fromkeys(trace.rails, exact)
    found = clean._replace(power=clean.power._replace(traces=[trace._replace(power_w=power_w)]))
    assert level(found, "idle-drift") == ("SUSPECT" if drift / (1 + drift / 2) > 0.03 else "none") == expected


@pytest.mark.parametrize(("share", "expected"), [(0.009, "none"), (0.011, "INVALID")])
def test_overlap_of_energy_blocks(share: float, expected: str) -> None:
    clean = record(KINDS["nano"], 0)
    start_s = clean.energy_blocks[0].start_s
    blocks = [
        EnergyBlock("nin", 0, start_s, start_s + 4.0, 100),
        EnergyBlock("cifar10-sis1", 0, start_s + 4.0 - 2.0 * share, start_s + 6.0 - 2.0 * share, 100),
    ]
    assert level(clean._replace(energy_blocks=blocks), "energy-blocks-overlap") == expected


@pytest.mark.parametrize(("reads", "expected"), [(19, "none"), (20, "SUSPECT")])
def test_a_stuck_sensor(reads: int, expected: str) -> None:
    clean = record(KINDS["nano"], 0)
    trace = clean.power.traces[0]._replace(
        times_s=clean.power.traces[0].times_s[:reads], power_w=dict.fromkeys(clean.power.traces[0].rails, [2.0] * reads)
    )
    assert level(clean._replace(power=clean.power._replace(traces=[trace])), "stuck-sensor") == expected
    moving = trace._replace(power_w=dict.fromkeys(trace.rails, [2.0] * (reads - 1) + [2.001]))
    assert level(clean._replace(power=clean.power._replace(traces=[moving])), "stuck-sensor") == "none"
