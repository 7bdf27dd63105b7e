"""Faults of every kind, severity and board, and clean runs of all boards: what the verdict is tried on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from results.boards import KINDS, record
from results.doctored import DOCTORED
from results.faults import FAULTS
from sis_agent.schema import Record
from sis_edge.results.verdict import ACCEPTED, Verdict, judge

EVERY = FAULTS | DOCTORED
SEVERITIES = (0.0, 0.5, 1.0)
CLEAN_SEEDS = 25
BASES = 3


@cache
def base(board: str, seed: int) -> Record:
    """A clean record to inject faults into; some serve for several faults, which do not change it."""
    return record(KINDS[board], 1000 + seed)


def faulty() -> Iterator[tuple[str, str, float, Record]]:
    """(fault, board, severity, record): every fault on every board that shows it, one severity each, by turns."""
    for number, (name, fault) in enumerate(EVERY.items()):
        boards = [board for board, kind in KINDS.items() if fault.shows_on(kind)]
        for at, board in enumerate(boards):
            # Few boards show some faults: these get all severities.
            for severity in SEVERITIES if len(boards) < 4 else SEVERITIES[(number + at) % 3 :: 3]:
                generator = np.random.default_rng([number, at, round(2 * severity)])
                yield name, board, severity, fault.inject(base(board, (number + at) % BASES), severity, generator)


def clean(seeds: int = CLEAN_SEEDS) -> Iterator[tuple[str, Record]]:
    """(board, record): quiet runs of every board, each with its own noise."""
    for at, (board, kind) in enumerate(KINDS.items()):
        for seed in range(seeds):
            yield board, record(kind, seed=90_000 + 100 * at + seed)


@dataclass
class Score:
    """How many records of a kind were judged, and in how many a problem was found, and under its own name."""

    records: int = 0
    alarms: int = 0
    named: int = 0


def is_alarm(verdict: Verdict) -> bool:
    """Whether a problem was found."""
    return verdict.level not in ACCEPTED


def recall() -> tuple[dict[str, Score], list[str]]:
    """The score of each fault, and what was missed."""
    scores: dict[str, Score] = {name: Score() for name in EVERY}
    missed = []
    for name, board, severity, found in faulty():
        verdict, score = judge(found), scores[name]
        codes = {reason.code for reason in verdict.reasons}
        score.records += 1
        score.alarms += is_alarm(verdict)
        score.named += EVERY[name].code in codes
        if not is_alarm(verdict) or EVERY[name].code not in codes:
            missed.append(f"{name} on {board} at {severity}: {verdict.level} {sorted(codes)}")
    return scores, missed


def false_alarms(seeds: int = CLEAN_SEEDS) -> tuple[dict[str, Score], list[str]]:
    """The score of each board's clean runs, and what was wrongly found."""
    scores = {board: Score() for board in KINDS}
    alarms = []
    for board, found in clean(seeds):
        verdict = judge(found)
        scores[board].records += 1
        if is_alarm(verdict):
            scores[board].alarms += 1
            alarms.append(f"{board}: {verdict}")
    return scores, alarms
