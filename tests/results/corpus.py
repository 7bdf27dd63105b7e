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
    """(board, record): quiet runs of every board with noise of their own, from half the usual amount to half more.

    Twice as much moves a board by more than 10%, and then it is the fault of an uneven speed.
    """
    for at, (board, kind) in enumerate(KINDS.items()):
        for seed in range(seeds):
            found = record(kind, seed=90_000 + 1000 * at + seed, noise=(0.5, 1.0, 1.5)[seed % 3])
            yield board, VARIANTS[seed % len(VARIANTS)](found)


def _pinned(found: Record) -> Record:
    """On the one core that works in each state; the others may do what they like."""
    states = [
        state._replace(core_busy={"0": state.own_cpu * len(state.core_busy)}, cpu_busy=min(1.0, state.cpu_busy + 0.2))
        for state in found.states
    ]
    return found._replace(states=states, job=found.job._replace(cores=[0]))


def _on_gpu(found: Record) -> Record:
    """Where the board has a GPU: it works at its highest clock, with moments of rest."""
    hertz = found.facts_before.gpu_max_frequency_hz
    if hertz is None:
        return found
    states = [
        state._replace(gpu_frequency_hz=hertz if at % 3 else 0.3 * hertz, gpu_load=0.6 if at % 3 else 0.0)
        for at, state in enumerate(found.states)
    ]
    return found._replace(states=states, job=found.job._replace(on_gpu=True))


def _two_networks(found: Record) -> Record:
    names = [found.networks[0].name, found.networks[-1].name]
    blocks = [block for block in found.energy_blocks if block.network in names]
    return found._replace(networks=[found.networks[0], found.networks[-1]], energy_blocks=blocks)


def _as_it_is(found: Record) -> Record:
    return found


VARIANTS = (_as_it_is, _as_it_is, _pinned, _on_gpu, _two_networks)


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
