"""A sweep's lines: mean and spread over seeds, and which differences lie inside the noise.

Two things make an accuracy a matter of chance: the seed, and which images happened to be held out. Both stand in the
interval of a difference. The spread over seeds is pooled over all lines, for one line has few seeds; the images are
the same for all, so their part comes from the differences image by image. A seed's chance also shows in single images,
so that the sum is a little wide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sis_edge.sweep.plan import Structure
from sis_edge.sweep.running import Swept
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
        """Whether its difference to the best cannot be told from chance."""
        return abs(self.difference) <= self.half_width


@dataclass(frozen=True)
class Summary:
    """All lines, the best first within each budget, and what to know of them."""

    lines: tuple[Line, ...]
    pooled_spread: float | None
    notes: tuple[str, ...]


def summarise(swept: Swept) -> Summary:
    """The lines that have a trial; none where every trial failed."""
    groups = [
        (structure, [swept.trials[key] for key in keys if key in swept.trials])
        for structure, keys in swept.prepared.lines
    ]
    groups = [(structure, trials) for structure, trials in groups if trials]
    if not groups:
        return Summary((), None, ())
    told = [_told(trials) for _, trials in groups]
    named = [structure.budget for structure, _ in groups]
    order = list(dict.fromkeys(named))
    arena = named if len(order) < len(named) else [""] * len(named)
    best = {where: max(_members(arena, where), key=lambda at: float(told[at].mean())) for where in set(arena)}
    pooled = pooled_spread(told)
    lines = [
        _line(structure, trials, told[at], told[best[where]], pooled, is_best=at == best[where])
        for at, ((structure, trials), where) in enumerate(zip(groups, arena, strict=True))
    ]
    lines.sort(key=lambda line: (order.index(line.structure.budget), -line.accuracy))
    return Summary(tuple(lines), None if pooled is None else pooled[0], tuple(_notes(lines, pooled)))


def _members(arena: Sequence[str], where: str) -> list[int]:
    return [at for at, place in enumerate(arena) if place == where]


def pooled_spread(told: Sequence[NDArray[np.bool_]]) -> tuple[float, int] | None:
    """Standard deviation over seeds, common to all lines, and its degrees of freedom; None: one seed each."""
    accuracies = [right.mean(axis=1) for right in told]
    freedom = sum(len(each) - 1 for each in accuracies)
    if not freedom:
        return None
    return sqrt(sum(float(((each - each.mean()) ** 2).sum()) for each in accuracies) / freedom), freedom


def half_width(
    one: NDArray[np.bool_], other: NDArray[np.bool_], pooled: tuple[float, int] | None, confidence: float = 0.95
) -> float:
    """Half of the interval of a difference of accuracies; a line is bool [seeds, images], True where told rightly."""
    from scipy import stats

    by_image = one.mean(axis=0) - other.mean(axis=0)
    variance = float(by_image.var(ddof=1)) / by_image.size if by_image.size > 1 else 0.0
    if pooled is None:
        return float(stats.norm.ppf((1 + confidence) / 2)) * sqrt(variance)
    spread, freedom = pooled
    variance += spread**2 * (1 / len(one) + 1 / len(other))
    return float(stats.t.ppf((1 + confidence) / 2, freedom)) * sqrt(variance)


def _told(trials: Sequence[Trial]) -> NDArray[np.bool_]:
    told = np.ones((len(trials), trials[0].held_out), dtype=np.bool_)
    for row, trial in zip(told, trials, strict=True):
        row[list(trial.wrong)] = False
    return told


def _line(
    structure: Structure,
    trials: Sequence[Trial],
    told: NDArray[np.bool_],
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
        float(told.mean()),
        float(np.std(accuracies, ddof=1)) if len(trials) > 1 else None,
        0.0 if is_best else float(told.mean() - best.mean()),
        0.0 if is_best else half_width(told, best, pooled),
        is_best,
    )


def _notes(lines: Sequence[Line], pooled: tuple[float, int] | None) -> list[str]:
    notes = []
    for best in (line for line in lines if line.is_best):
        among = [line for line in lines if line.structure.budget == best.structure.budget]
        among = among if sum(line.is_best for line in lines) > 1 else list(lines)
        same = sum(line.inside_noise for line in among) - 1
        if len(among) > 1:
            notes.append(
                f"Best of {len(among)}, and so flattered by chance: {best.structure.name}; "
                f"{same or 'none'} of the other {len(among) - 1} inside the noise of it."
            )
    if pooled is None:
        notes.append("One seed each: only the chance of the images is known, a difference may still be the seed's.")
    else:
        notes.append(f"Spread over seeds, pooled: {100 * pooled[0]:.2f} points ({pooled[1]} degrees of freedom).")
    return notes
