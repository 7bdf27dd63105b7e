"""What a job has measured is on disk as it comes, and is read again: whole lines only."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sis_agent.measure import journal
from sis_agent.measure.journal import Heading, JobJournal, KeptResults, read
from sis_agent.measure.packing import pack, unpack
from sis_agent.measure.results import Results, joined
from sis_agent.measure.sampler import SamplerOutput
from sis_agent.schema import (
    Accuracy,
    BoardLock,
    BoardRest,
    ClockLock,
    EnergyBlock,
    Facts,
    GoldenCheck,
    JobInterruption,
    LatencyCounts,
    Memory,
    NetworkRecord,
    PowerTrace,
    Problem,
    RoundSamples,
    SamplerPair,
    StateSample,
    SustainedRun,
    SustainedWindow,
    Window,
)

HEADING = Heading("0123456789ab", "a" * 64, "2026-11-29T12:00:00Z", Facts(machine="aarch64", packages={"numpy": None}))


def trace(times_s: list[float], values: list[float | None], source: str = "ina3221", **changes: Any) -> PowerTrace:
    found = PowerTrace(source, ["VDD"], times_s, {"VDD": values}, {}, 0.1, 0.05)
    return found._replace(**changes)


def turn(number: int) -> RoundSamples:
    return RoundSamples(number, 1, 0.5 + number, [1.25e-5, 5.3905e-05 + number], [1e-9], 2, 0.1, 0.09, None, 0.0, 3, 1)


def first_part(results: Results) -> None:
    results.networks = {name: NetworkRecord(name, 10) for name in ("a", "b")}
    for name in results.networks:
        results.networks[name] = NetworkRecord(name, 10, rounds=[])
    results.isolated.append("a")
    memory, golden = Memory(1, 2, None, "why", [3]), GoldenCheck(8, 0.5, 0.25, None, True)
    results.networks["a"] = results.networks["a"]._replace(warmup_latencies_s=[3.25e-5])
    results.networks["a"] = results.networks["a"]._replace(memory=memory, golden=golden, accuracy=Accuracy(8, 7, [3]))
    results.board_lock = BoardLock(True, None)
    results.details.update(runner="x", turn_inferences={"a": 7})


def second_part(results: Results) -> None:
    results.rounds = 1
    results.networks["a"].rounds.append(turn(0))
    results.networks["b"] = results.networks["b"]._replace(problem=Problem("worker-died", "it died"))
    results.windows.append(Window("rounds", 0.5, 1.5))
    results.blocks.append(EnergyBlock("a", 0, 1.0, 2.0, 9))
    results.pairs.append(SamplerPair("a", [1.0], [2.0]))
    results.rests.append(BoardRest(0, 2.0, 3.0, 45.0, 50.0, 44.5, "cpu", True))
    counts = LatencyCounts([-5000, -4900], [3, 1], 0.1, 1e-5, 0.05)
    results.sustained_windows.append(SustainedWindow(0, "a", 3.0, 4.0, counts, counts, 4, 1, {"VDD": None}, states=2))
    results.sustained_windows.append(SustainedWindow(0, "a", 4.0, 5.0, counts))
    results.sustained_runs.append(SustainedRun(0, "a", "cut off"))
    results.clock_lock = ClockLock(True, False, "no")
    results.interruptions.append(JobInterruption(1.0, 1, 0, "then", "now", True, "the board restarted"))
    results.ended_by, results.no_sensor = "length", "no power sensor"
    results.details["turn_inferences"] = {"a": 8}


def written(path: Path) -> Results:
    """A journal of a heading, a session's begin, and three parts."""
    results = Results()
    samples = [
        SamplerOutput([trace([0.1], [5.0])], [StateSample(0.1, [1e9, None])], 0.01, 0.1),
        SamplerOutput([trace([0.2, 0.3], [None, 6.0], duplicates=4)], [], 0.02, 0.3, {"VDD": "asleep"}),
        SamplerOutput([trace([], [])], [StateSample(1.1)], 0.03, 1.2),
    ]
    with JobJournal(str(path), results, lambda: 2.5, lambda size_bytes: None) as file:
        file.begin(HEADING, "boot 1")
        file.sampled = lambda: samples.pop(0)
        for part in (first_part, second_part, lambda results: results.networks["a"].rounds.append(turn(1))):
            part(results)
            file.keep(at_once=True)
    return results


def same(kept: KeptResults | None, results: Results) -> bool:
    names = set(vars(results)) - {"facts", "started_at", "sessions"}
    return kept is not None and all(getattr(kept.results, name) == getattr(results, name) for name in names)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    results = written(path)
    kept = read(str(path))
    assert kept is not None
    assert same(kept, results)
    assert (kept.heading, kept.boot_id, kept.t_s) == (HEADING, "boot 1", 2.5)
    assert (kept.results.facts, kept.results.started_at) == (HEADING.facts, HEADING.started_at)
    assert kept.size_bytes == path.stat().st_size
    (session,) = kept.results.sessions
    assert session.traces == [trace([0.1, 0.2, 0.3], [5.0, None, 6.0])]
    assert [state.t_s for state in session.states] == [0.1, 1.1]
    assert (session.cpu_s, session.wall_s, session.states[0].cpu_frequency_hz) == (0.03, 1.2, [1e9, None])


def test_a_line_that_is_not_whole_is_not_read_and_the_next_session_writes_over_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path)
    whole = path.read_bytes()
    *_, last = whole.splitlines(keepends=True)
    for cut in (1, len(last) // 2, len(last) - 1):
        path.write_bytes(whole[:-cut])
        kept = read(str(path))
        assert kept is not None
        assert (kept.results.rounds, len(kept.results.networks["a"].rounds)) == (1, 1)
        assert kept.size_bytes == len(whole) - len(last)
    with JobJournal(str(path), kept.results, lambda: 3.0, lambda size_bytes: None, kept) as file:
        file.begin(None, "boot 2")
        kept.results.networks["a"].rounds.append(turn(1))
        file.keep(at_once=True)
    again = read(str(path))
    assert same(again, kept.results)
    assert again is not None
    assert (again.boot_id, len(again.results.sessions)) == ("boot 2", 2)
    assert len(path.read_bytes().splitlines()) == 6


def test_a_job_that_is_killed_as_it_goes_on_still_knows_what_cut_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path)
    kept = read(str(path))
    assert kept is not None
    before = len(kept.results.interruptions)
    with JobJournal(str(path), kept.results, lambda: 3.0, lambda size_bytes: None, kept) as file:
        kept.results.interruptions.append(kept.results.interruptions[0])
        file.begin(None, "boot 2")
    again = read(str(path))
    assert again is not None
    assert (again.boot_id, len(again.results.interruptions)) == ("boot 2", before + 1)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[1]\n", b'{"journal": 99}\n', b"\0" * 4096, b"\xff\n"])
def test_what_is_no_journal_holds_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    assert read(str(path)) is None
    path.write_bytes(content)
    assert read(str(path)) is None


def test_a_damaged_line_ends_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for damage in (b"\0" * 64 + b"\n", b'{"t_s": 1, "at": "x", "turns": {"z": [{}]}}\n', b'{"t_s": 1, "states": 3}\n'):
        path.write_bytes(b"".join([*lines[:3], damage, *lines[4:]]))
        kept = read(str(path))
        assert kept is not None
        assert (kept.results.rounds, kept.size_bytes) == (0, sum(map(len, lines[:3])))


def test_writing_takes_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of 1 s and a disk that takes 0.1 s: every tenth round is written, with all before it."""
    now_s, written_at = [100.0], []

    def slow(descriptor: int) -> None:
        now_s[0] += 0.1
        written_at.append(now_s[0])

    monkeypatch.setattr(journal.clock, "now_s", lambda: now_s[0])
    monkeypatch.setattr(os, "fdatasync", slow)
    results = Results()
    results.networks["a"] = NetworkRecord("a", 1, rounds=[])
    with JobJournal(str(tmp_path / "j"), results, lambda: now_s[0], lambda size_bytes: None) as file:
        file.begin(HEADING, None)
        file.keep(at_once=True)
        written_at.clear()
        begin_s = now_s[0]
        for number in range(100):
            now_s[0] += 1.0
            results.networks["a"].rounds.append(turn(number))
            results.rounds = number + 1
            file.keep()
    assert 0.1 * len(written_at) <= 0.0101 * (now_s[0] - begin_s)
    assert len(written_at) in (9, 10)
    kept = read(str(tmp_path / "j"))
    assert kept is not None
    assert kept.results.rounds == len(kept.results.networks["a"].rounds) >= 90


def test_a_record_has_room_kept_back(tmp_path: Path) -> None:
    sizes: list[int] = []
    results = Results()
    with JobJournal(str(tmp_path / "j"), results, lambda: 0.0, sizes.append) as file:
        file.begin(HEADING, None)
        file.keep(at_once=True)
        assert sizes[-1] == (tmp_path / "j").stat().st_size
    assert sizes == sorted(sizes)


def test_packed_numbers() -> None:
    values = [1.25e-5, None, 0.0, -3.5e300]
    assert unpack(pack(values)) == values
    assert pack([]) == ""
    json.dumps(pack(values))


def test_traces_of_two_sessions_are_one_for_each_source() -> None:
    counter = {"power_w": {}, "energy_j": {"VDD": [None, 10.0, 12.0]}}
    first = [trace([0.0, 1.0], [5.0, 6.0]), trace([0.0, 1.0, 2.0], [], "rapl", **counter)]
    later = [
        trace([5.0], [7.0], duplicates=2),
        trace([5.0, 6.0, 7.0], [], "rapl", power_w={}, energy_j={"VDD": [None, 1.0, 4.0]}),  # the board restarted
        trace([5.0], [1.0], "ina238"),
    ]
    power, energy, other = joined([first, later])
    assert (power.times_s, power.power_w["VDD"], power.duplicates) == ([0.0, 1.0, 5.0], [5.0, 6.0, 7.0], 2)
    assert energy.energy_j["VDD"] == [None, 10.0, 12.0, None, 12.0, 15.0]
    assert other == later[2]
