"""A sweep's results: mean and spread over seeds, and which differences are significant.

Two things make an accuracy a matter of chance: the seed, and which images happened to be held out. The interval of a
difference covers both. The spread over seeds is pooled over all structures, since one structure has few seeds; the
images are the same for all, so their part comes from the differences image by image. A seed's chance also shows in
single images, which makes the sum a little wide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sis_edge.sweep.plan import Structure
from sis_edge.sweep.running import SweepResult
from sis_edge.sweep.trial import Trial


@dataclass(frozen=True)
class Line:
    """One structure: `accuracy` is the mean over its seeds, `spread` their standard deviation (None: one seed).

    `difference` is to the line of the highest accuracy (0 for itself), `half_width` that of its 95% interval. Lines of
    one budget are compared among themselves, and all where no budget has two.
    """

    structure: Structure
    seeds: tuple[int, ...]
    synapses: float
    macs_live: float
    accuracies: tuple[float, ...]
    accuracy: float
    spread: float | None
    difference: float
    half_width: float
    is_best: bool

    @property
    def inside_noise(self) -> bool:
        """Whether its difference to the best is not significant."""
        return abs(self.difference) <= self.half_width


@dataclass(frozen=True)
class Summary:
    """All lines, the best first within each budget, and notes on them."""

    lines: tuple[Line, ...]
    pooled_spread: float | None
    notes: tuple[str, ...]


def summarise(result: SweepResult) -> Summary:
    """The lines that have a trial; none where every trial failed."""
    groups = [
        (structure, [result.trials[key] for key in keys if key in result.trials])
        for structure, keys in result.prepared.structures
    ]
    groups = [(structure, trials) for structure, trials in groups if trials]
    if not groups:
        return Summary((), None, ())
    correct = [outcomes(trials) for _, trials in groups]
    budgets = [structure.budget for structure, _ in groups]
    order = list(dict.fromkeys(budgets))
    compared = budgets if len(order) < len(budgets) else [""] * len(budgets)  # one name: compared with each other
    accuracy = [float(each.mean()) for each in correct]
    best = {name: max(_members(compared, name), key=accuracy.__getitem__) for name in set(compared)}
    pooled = pooled_spread(correct)
    lines = [
        _line(structure, trials, correct[index], correct[best[name]], pooled, is_best=index == best[name])
        for index, ((structure, trials), name) in enumerate(zip(groups, compared, strict=True))
    ]
    lines.sort(key=lambda line: (order.index(line.structure.budget), -line.accuracy))
    return Summary(tuple(lines), None if pooled is None else pooled[0], tuple(_notes(lines, pooled)))


def _members(compared: Sequence[str], name: str) -> list[int]:
    return [index for index, other in enumerate(compared) if other == name]


def pooled_spread(correct: Sequence[NDArray[np.bool_]]) -> tuple[float, int] | None:
    """Standard deviation over seeds, common to all lines, and its degrees of freedom; None: one seed each."""
    accuracies = [each.mean(axis=1) for each in correct]
    freedom = sum(len(each) - 1 for each in accuracies)
    if not freedom:
        return None
    return sqrt(sum(float(((each - each.mean()) ** 2).sum()) for each in accuracies) / freedom), freedom


def half_width(
    one: NDArray[np.bool_], other: NDArray[np.bool_], pooled: tuple[float, int] | None, confidence: float = 0.95
) -> float:
    """Half of the interval of a difference of accuracies; each is bool [seeds, images], True where right."""
    from scipy import stats

    by_image = one.mean(axis=0) - other.mean(axis=0)
    variance = float(by_image.var(ddof=1)) / by_image.size if by_image.size > 1 else 0.0
    if pooled is None:
        return float(stats.norm.ppf((1 + confidence) / 2)) * sqrt(variance)
    spread, freedom = pooled
    variance += spread**2 * (1 / len(one) + 1 / len(other))
    return float(stats.t.ppf((1 + confidence) / 2, freedom)) * sqrt(variance)


def outcomes(trials: Sequence[Trial]) -> NDArray[np.bool_]:
    """Which images each trial classified right: bool [seeds, images]."""
    correct = np.ones((len(trials), trials[0].held_out), dtype=np.bool_)
    for row, trial in zip(correct, trials, strict=True):
        row[list(trial.wrong)] = False
    return correct


def _line(
    structure: Structure,
    trials: Sequence[Trial],
    correct: NDArray[np.bool_],
    best: NDArray[np.bool_],
    pooled: tuple[float, int] | None,
    *,
    is_best: bool,
) -> Line:
    accuracies = tuple(trial.accuracy for trial in trials)
    return Line(
        structure,
        tuple(trial.seed for trial in trials),
        float(np.mean([trial.synapses for trial in trials])),
        float(np.mean([trial.macs_live for trial in trials])),
        accuracies,
        float(correct.mean()),
        float(np.std(accuracies, ddof=1)) if len(trials) > 1 else None,
        0.0 if is_best else float(correct.mean() - best.mean()),
        0.0 if is_best else half_width(correct, best, pooled),
        is_best,
    )


def _notes(lines: Sequence[Line], pooled: tuple[float, int] | None) -> list[str]:
    notes = []
    for best in (line for line in lines if line.is_best):
        among = [line for line in lines if line.structure.budget == best.structure.budget]
        among = among if sum(line.is_best for line in lines) > 1 else list(lines)
        worse = sum(not line.inside_noise for line in among)
        if len(among) > 1:
            notes.append(
                f"Best of {len(among)} (the best of several is overestimated by chance): {best.structure.name}; "
                f"significantly worse: {worse or 'none'} of the other {len(among) - 1}."
            )
    if pooled is None:
        notes.append("One seed each: the interval covers the images only, a difference may still come from the seed.")
    else:
        notes.append(
            f"Standard deviation over seeds, pooled: {100 * pooled[0]:.2f} points ({pooled[1]} degrees of freedom)."
        )
    return notes
