"""A run whose job was interrupted and went on: what its verdict, its counters and its report say."""

from pathlib import Path

import pytest

from results.boards import KINDS, record
from results.factory import stored_run
from results.quiet import BEGIN_S, END_S, level, watched
from sis_agent.schema import BoardLock, Facts, JobInterruption, Problem, Record
from sis_edge import report
from sis_edge.results.evidence import Evidence
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import judge

MIDDLE_S = (BEGIN_S + END_S) / 2


def cut(t_s: float, rounds: int = 15, blocks: int = 0) -> JobInterruption:
    return JobInterruption(
        t_s, rounds, blocks, "2026-11-29T12:00:00Z", "2026-11-29T12:05:00Z", True, "the board restarted"
    )


def interrupted(found: Record, *shares: float) -> Record:
    """At shares of the rounds' time."""
    begin_s, end_s = Evidence(found).stretches[0]
    return found._replace(interruptions=[cut(begin_s + share * (end_s - begin_s)) for share in shares])


def reasons(found: Record) -> dict[str, str]:
    return {reason.code: reason.sentence for reason in judge(found).reasons}


@pytest.mark.parametrize(
    ("shares", "sizes"), [((0.5,), None), ((0.25, 0.75), None), ((0.1,), "3, 27"), ((0.5, 0.6), "15, 3, 12")]
)
def test_each_part_needs_rounds_enough(shares: tuple[float, ...], sizes: str | None) -> None:
    found = interrupted(record(KINDS["orin-nano-jp6"], 0), *shares)
    assert judge(found).level == ("VALID" if sizes is None else "SUSPECT")
    if sizes is not None:
        sentence = reasons(found)["interrupted"]
        assert f"its parts have {sizes} rounds" in sentence
        assert "the board restarted after round 15" in sentence


def test_a_part_has_the_rounds_of_the_network_that_has_fewest_there() -> None:
    found = interrupted(record(KINDS["orin-nano-jp6"], 0), 0.5)
    first, *others = found.networks
    short = found._replace(networks=[first._replace(rounds=first.rounds[:18]), *others])
    assert "its parts have 15, 3 rounds" in reasons(short)["interrupted"]


def test_a_job_interrupted_before_its_rounds_or_behind_them_has_them_in_one_part() -> None:
    clean = record(KINDS["raspberry-pi-4"], 0)
    for t_s in (0.5, clean.duration_s - 0.5):
        assert "interrupted" not in reasons(clean._replace(interruptions=[cut(t_s)]))


def test_energy_blocks_need_enough_on_either_side() -> None:
    clean = record(KINDS["orin-nano-jp6"], 0)
    first = sorted(clean.energy_blocks, key=lambda block: block.start_s)
    end_of_two = max(block.end_s for block in first if block.block == 1) + 0.001
    assert "energy blocks" in reasons(clean._replace(interruptions=[cut(end_of_two)]))["interrupted"]


def test_counters_that_a_restart_clears_count_in_each_part() -> None:
    quiet = watched()
    states = [
        state._replace(counters={"soctherm_oc oc1_event_cnt": 7.0 if state.t_s <= MIDDLE_S else 0.0 + (at == 99)})
        for at, state in enumerate(quiet.states)
    ]
    assert level(quiet._replace(states=states), "weak-supply") == "none", "fewer at the end than at the beginning"
    assert level(quiet._replace(states=states, interruptions=[cut(MIDDLE_S)]), "weak-supply") == "SUSPECT"
    flags = [state._replace(throttle={"under-voltage occurred": float(state.t_s > MIDDLE_S)}) for state in quiet.states]
    assert level(quiet._replace(states=flags), "weak-supply") == "SUSPECT"
    assert level(quiet._replace(states=flags, interruptions=[cut(MIDDLE_S)]), "weak-supply") == "none", "set at start"


def test_a_restart_is_no_sleep() -> None:
    quiet = watched()
    states = [state._replace(boot_clock_s=state.t_s + 500 * (state.t_s > MIDDLE_S)) for state in quiet.states]
    assert level(quiet._replace(states=states), "frozen") == "SUSPECT"
    assert level(quiet._replace(states=states, interruptions=[cut(MIDDLE_S)]), "frozen") == "none"


def test_who_could_not_be_kept_out_is_said() -> None:
    clean = record(KINDS["orin-nano-jp6"], 0)
    assert "jobs of other users" not in judge(clean).unseen
    shared = clean._replace(board_lock=BoardLock(False, "the agent runs in a container (docker)"))
    assert "jobs of other users" in judge(shared).unseen


def test_the_record_of_a_lost_job_is_stored_and_reported(tmp_path: Path) -> None:
    """Its facts afterwards are unknown, and it went on once before it was lost."""
    run = stored_run(problem=Problem("job-lost", "the process of job 'x' ended without a last word"), rounds=12)
    lost = run.record._replace(facts_after=Facts(), ended_by="problem", interruptions=[cut(12.0, rounds=6)])
    stored = StoredRun.from_json(run.model_copy(update={"record": lost}).to_json(), "again")
    assert stored.record == lost
    assert judge(stored.record).level in ("SUSPECT", "INVALID")
    report.write([stored], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "The job was interrupted after round 6 (the board restarted) and went on in new processes." in text
