"""Every threshold of the verdict on times, rounds and energy: just below it, at it, and just above."""

from collections.abc import Callable

import pytest

from results.boards import KINDS, record
from results.faults import relate, shifted
from results.quiet import BEGIN_S, CLEAN, END_S, QUIET, level, watched
from sis_agent.schema import EnergyBlock, Record, StateSample
from sis_edge.results.evidence import Evidence
from sis_edge.results.rules import sample
from sis_edge.results.verdict import judge


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


@pytest.mark.parametrize("name", [None, "nin"])
def test_latencies_that_a_coarse_clock_gave_as_0(name: str | None) -> None:
    """They say nothing of a ratio, and the other rounds count."""
    found = relate(slow_rounds(4, 1.5, "nin"), lambda of, turn: 0.0 if turn.round < 2 and name in (None, of) else 1.0)
    assert level(found, "uneven-network") == "SUSPECT"


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


@pytest.mark.parametrize(("failed", "expected"), [(10, "none"), (11, "SUSPECT")])
def test_failed_reads(failed: int, expected: str) -> None:
    """Of every hundred reads of a rail."""
    clean = record(KINDS["nano"], 0)
    trace = clean.power.traces[0]
    power_w = {
        rail: [None if at % 100 < failed else each for at, each in enumerate(values)]
        for rail, values in trace.power_w.items()
    }
    kept = len(trace.times_s) // 100 * 100
    cut = {rail: values[:kept] for rail, values in power_w.items()}
    found = clean._replace(
        power=clean.power._replace(traces=[trace._replace(times_s=trace.times_s[:kept], power_w=cut)])
    )
    assert level(found, "sensor-failed") == expected


@pytest.mark.parametrize(("length_s", "expected"), [(4.9, "none"), (20.0, "SUSPECT")])
def test_energy_blocks_that_nobody_watched(length_s: float, expected: str) -> None:
    """The sampler died after the rounds: the states before the blocks say nothing of them."""
    blocks = [EnergyBlock(CLEAN.networks[0].name, 0, END_S + 1, END_S + 1 + length_s, 100)]
    assert level(watched()._replace(energy_blocks=blocks), "not-watched") == expected
