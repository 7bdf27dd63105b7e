"""A job's results on disk as they come, so that a killed process, a power cut or a full disk costs at most a round.

The file has one JSON object a line: first what the job is, then what is new since the line before. Each line is on the
disk (fdatasync) before the job goes on. A line takes at most COST_MOST of the time since the line before: where rounds
are short or the disk is slow, several rounds share one, but not those of more than LONGEST_S. What follows a line that
is not whole is not read.

History of JOURNAL_VERSION:
    1   first version
"""

import hashlib
import json
import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from sis_agent import clock
from sis_agent.files import disk_full_is_a_problem, parsed_json
from sis_agent.measure.packing import (
    extended,
    packed_network,
    packed_samples,
    packed_turn,
    unpacked_network,
    unpacked_samples,
    unpacked_turn,
    unpacked_window,
)
from sis_agent.measure.results import Results
from sis_agent.measure.sampler import SamplerOutput
from sis_agent.schema import (
    BoardLock,
    BoardRest,
    ClockLock,
    EnergyBlock,
    Facts,
    JobInterruption,
    SamplerPair,
    SustainedRun,
    Window,
    to_json,
)

JOURNAL_VERSION = 1
COST_MOST = 0.01
LONGEST_S = 30.0

LISTS: Dict[str, Callable[..., Any]] = {
    "windows": Window,
    "blocks": EnergyBlock,
    "pairs": SamplerPair,
    "interruptions": JobInterruption,
    "rests": BoardRest,
    "sustained_runs": SustainedRun,
    "sustained_windows": unpacked_window,
}
"""What only ever grows, by its name in `Results`."""
SINGLES = {"board_lock": BoardLock, "clock_lock": ClockLock}


def job_sha256(path: str) -> str:
    """Of the job's own file."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def now_text() -> str:
    """The board's date."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Heading(NamedTuple):
    """What the job is and who measures it: the journal's first line."""

    agent_id: str
    job_sha256: str
    started_at: str
    facts: Facts
    clock: str = clock.NAME


class KeptResults(NamedTuple):
    """What a journal holds: results until `t_s` on the job's clock, written down at the board's date `at`.

    `boot_id` is that of the last session. `size_bytes` of the file are whole lines.
    """

    heading: Heading
    results: Results
    t_s: float
    at: str
    boot_id: Optional[str]
    size_bytes: int


class JobJournal:
    """A job's journal, open for one session; use as a context manager.

    `kept` is what earlier sessions have written. `sampled` gives what was sampled since it was last asked. `reserve` is
    told the file's size after each line. Raises the problem `disk-full`.
    """

    def __init__(
        self,
        path: str,
        results: Results,
        elapsed_s: Callable[[], float],
        reserve: Callable[[int], None],
        kept: Optional[KeptResults] = None,
    ) -> None:
        self.sampled: Optional[Callable[[], SamplerOutput]] = None
        self._results = results
        self._elapsed_s = elapsed_s
        self._reserve = reserve
        self._size_bytes = kept.size_bytes if kept else 0
        self._written: Dict[str, Any] = {}
        self._cost_s = 0.0
        self._ended_s = clock.now_s()
        with disk_full_is_a_problem():
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(self._file, self._size_bytes)
            os.lseek(self._file, 0, os.SEEK_END)
        if kept is not None:
            self._news()  # what was kept is not new

    def __enter__(self) -> "JobJournal":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def begin(self, heading: Optional[Heading], boot_id: Optional[str]) -> None:
        """A new session; the first one has a heading.

        What is known by then, such as what cut the one before, is in its line: a kill after it would lose that.
        """
        if heading is not None:
            self._write(dict(to_json(heading), journal=JOURNAL_VERSION))
        self._write(dict(self._news(), session={"boot_id": boot_id}, t_s=self._elapsed_s(), at=now_text()))

    def keep(self, at_once: bool = False) -> None:
        """Write what is new, if that is due by its cost, or `at_once`."""
        begin_s = clock.now_s()
        if not at_once and begin_s - self._ended_s < min(self._cost_s / COST_MOST, LONGEST_S):
            return
        self._write(dict(self._news(), t_s=self._elapsed_s(), at=now_text()))
        self._ended_s = clock.now_s()
        self._cost_s = self._ended_s - begin_s

    def _write(self, line: Dict[str, Any]) -> None:
        data = (json.dumps(line, allow_nan=False) + "\n").encode()
        with disk_full_is_a_problem():
            self._reserve(self._size_bytes + len(data))
            left = data
            while left:
                left = left[os.write(self._file, left) :]
            os.fdatasync(self._file)
        self._size_bytes += len(data)

    def _news(self) -> Dict[str, Any]:
        """What has changed since the last call."""
        results = self._results
        news: Dict[str, Any] = {}
        for name in (*LISTS, "isolated"):
            more = self._more(name, getattr(results, name))
            if more:
                news[name] = to_json(more)
        for name in (*SINGLES, "rounds", "ended_by", "no_sensor"):
            if self._is_new(name, getattr(results, name)):
                news[name] = to_json(getattr(results, name))
        if self._is_new("details", dict(results.details)):
            news["details"] = results.details
        networks, turns = {}, {}
        for name, network in results.networks.items():
            if self._is_new("network " + name, network._replace(rounds=[])):
                networks[name] = packed_network(network)
            more = self._more("turns " + name, network.rounds)
            if more:
                turns[name] = [packed_turn(turn) for turn in more]
        news.update({key: value for key, value in (("networks", networks), ("turns", turns)) if value})
        if self.sampled is not None:
            news.update(packed_samples(self.sampled()))
        return news

    def _is_new(self, name: str, value: Any) -> bool:
        is_new = name not in self._written or self._written[name] != value
        self._written[name] = value
        return is_new

    def _more(self, name: str, values: List[Any]) -> List[Any]:
        first, self._written[name] = self._written.get(name, 0), len(values)
        return values[first:]


def read(path: str) -> Optional[KeptResults]:
    """What a journal holds; None where there is none that this agent can read, or nothing in it."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    kept: Optional[KeptResults] = None
    begin = 0
    while True:
        end = data.find(b"\n", begin)
        if end < 0:
            return kept
        try:
            line = parsed_json(data[begin:end].decode())
            kept = _begun(line) if kept is None else _taken(kept, line)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            return kept
        begin = end + 1
        kept = kept._replace(size_bytes=begin)


def _begun(line: Dict[str, Any]) -> KeptResults:
    if line.pop("journal") != JOURNAL_VERSION:
        raise ValueError("another version")
    heading = Heading(**dict(line, facts=Facts(**line["facts"])))
    results = Results()
    results.facts, results.started_at = heading.facts, heading.started_at
    return KeptResults(heading, results, 0.0, heading.started_at, None, 0)


def _taken(kept: KeptResults, line: Dict[str, Any]) -> KeptResults:
    """The results with a line's news; a line is taken whole or not at all, as far as its kinds go."""
    results = kept.results
    lists = {name: [kind(**each) for each in line.get(name, [])] for name, kind in LISTS.items()}
    singles = {name: kind(**line[name]) for name, kind in SINGLES.items() if name in line}
    networks = {name: unpacked_network(fields) for name, fields in line.get("networks", {}).items()}
    turns = {name: [unpacked_turn(each) for each in more] for name, more in line.get("turns", {}).items()}
    samples = unpacked_samples(line)
    boot_id = line["session"]["boot_id"] if "session" in line else kept.boot_id
    moved = kept._replace(t_s=max(kept.t_s, float(line["t_s"])), at=str(line["at"]), boot_id=boot_id)
    for name, network in networks.items():
        known = results.networks.get(name)
        results.networks[name] = network._replace(rounds=known.rounds if known else [])
    for name, more in turns.items():
        results.networks[name].rounds.extend(more)
    for name, values in lists.items():
        getattr(results, name).extend(values)
    results.isolated.extend(line.get("isolated", []))
    for name, value in singles.items():
        setattr(results, name, value)
    for name in ("rounds", "ended_by", "no_sensor", "details"):
        if name in line:
            setattr(results, name, line[name])
    if "session" in line:
        results.sessions.append(SamplerOutput([], [], 0.0, 0.0))
    if samples is not None:
        results.sessions[-1] = extended(results.sessions[-1], samples)
    return moved
