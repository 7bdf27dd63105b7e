"""The model by which differences are ranked.

Each difference says where the logarithm of B's latency over A's would lie, network by network, if it were the only
cause: a normal distribution around a prediction (a clock that is lower by a fifth predicts a ratio of 1.25 for all
networks), or, where there is no model, around no change, as wide as such a difference may matter; how wide, and how
often it matters at all (the weight), are judgements that stand in `causes/`. What was observed has a density under this
distribution. Its logarithm, less that under chance alone, plus the logarithm of the weight is the score: a sharp
prediction that comes true is worth most, one that fails is worth less than a vague one, and a cause of one network does
not explain what all have in common.

Chance is the spread that the comparison found, half of it common to all networks (a drift is), and what runs of one
board differ by even so. Networks show a model's prediction to within a share of each other.

Differences are weighed one by one. Then others are added to the first, one by one, as long as they make what was
observed likelier by LEAST_GAIN: what acts together with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sis_edge.explaining.factor import Effect, Factor
from sis_edge.results.statistics import CONFIDENCE, Interval
from sis_edge.results.two_runs import QuantityChange

OWN_RUN, OWN_NETWORK = 0.01, 0.005
"""Standard deviations of what runs of one board differ by, as a whole and network by network, on a logarithmic
scale."""
NO_INTERVAL = 0.05
"""Standard deviation of an observed change without interval."""
NETWORK_SHARE = 0.05
"""By this share networks differ in how much of a model's prediction they show."""
NOTHING = 0.005
"""A predicted change below it is none."""
FITS = 2.0
"""Standard deviations to within which a prediction fits."""

Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)

LEAST_GAIN, MOST_FURTHER = 4.0, 3
"""By how much a further cause must add to the score, and how many are added."""
NO_CAUSE = ("opposite", "no effect")
"""What comes last, whatever its score."""

Fit = Literal["fits", "part of it", "too large", "opposite", "no effect", "could matter"]


@dataclass(frozen=True)
class Observed:
    """The logarithms of B's latency over A's and their standard deviations by chance, by the networks' titles."""

    logs: Mapping[str, float]
    deviations: Mapping[str, float]

    @classmethod
    def of(cls, changes: Mapping[str, QuantityChange]) -> "Observed":
        """By the changes of latency; networks without one are left out."""
        logs, deviations = {}, {}
        for title, each in changes.items():
            if each.change.value is not None:
                interval = each.interval.value
                logs[title] = log(each.change.value)
                deviations[title] = log(interval.high / interval.low) / (2 * Z) if interval else NO_INTERVAL
        return cls(logs, deviations)

    @property
    def ratio(self) -> float:
        """The geometric mean of the networks' ratios."""
        return exp(sum(self.logs.values()) / len(self.logs))

    @property
    def chance(self) -> Interval:
        """Where that mean lies in 95 of 100 pairs of runs that differ by chance alone."""
        mean = sqrt(sum(each**2 for each in self.deviations.values()) / len(self.deviations))
        half = Z * sqrt(mean**2 + OWN_RUN**2)
        return Interval(exp(-half), exp(half))

    @property
    def is_chance(self) -> bool:
        """Whether no network differs by more than chance, nor all of them together."""
        alone = all(
            abs(self.logs[title]) <= Z * sqrt(self.deviations[title] ** 2 + OWN_RUN**2 + OWN_NETWORK**2)
            for title in self.logs
        )
        return alone and self.chance.low <= self.ratio <= self.chance.high


@dataclass(frozen=True)
class Ranked:
    """A difference with its score; `predicted` is the ratio that its model predicts for the networks that it
    affects."""

    factor: Factor
    score: float
    fit: Fit
    predicted: float | None


def rank(factors: Sequence[Factor], observed: Observed) -> list[Ranked]:
    """The factors that have an effect, the likeliest cause first; those that predict the opposite or nothing last."""
    ranked = [_ranked(factor, factor.effect, observed) for factor in factors if factor.effect is not None]
    return sorted(ranked, key=lambda each: (each.fit in NO_CAUSE, -each.score))


def further(ranked: Sequence[Ranked], observed: Observed) -> list[Ranked]:
    """What acts together with the first of these: those that, added one by one, make what was observed much likelier.

    The predictions of what acts together are added, which for ratios is their product.
    """
    chosen = list(ranked[:1])
    while len(chosen) <= MOST_FURTHER:
        before = _score([each.factor.effect for each in chosen], observed)
        others = [each for each in ranked if each not in chosen]
        scores = [_score([one.factor.effect for one in (*chosen, each)], observed) - before for each in others]
        if not scores or max(scores) < LEAST_GAIN:
            break
        chosen.append(others[scores.index(max(scores))])
    return chosen[1:]


def together(chosen: Sequence[Ranked], observed: Observed) -> float:
    """The ratio that these predict together, as the geometric mean over the networks."""
    effects = [each.factor.effect for each in chosen if each.factor.effect is not None]
    logs = [sum(effect.likely.get(title, 0.0) for effect in effects) for title in observed.logs]
    return exp(sum(logs) / len(logs))


def _ranked(factor: Factor, effect: Effect, observed: Observed) -> Ranked:
    titles = list(observed.logs)
    seen = np.array([observed.logs[title] for title in titles])
    likely, touched, caused = _expected([effect], observed)
    is_known = effect.is_modelled and bool(touched.any())
    predicted = exp(float(likely[touched > 0].mean())) if is_known else None
    return Ranked(factor, _score([effect], observed), _fit(effect, seen, likely, touched, caused), predicted)


def _score(effects: Sequence[Effect | None], observed: Observed) -> float:
    """How much likelier these causes together make what was observed than chance does, as a logarithm with weights."""
    known = [effect for effect in effects if effect is not None]
    score = sum(log(effect.weight) for effect in known)
    if observed.logs:
        seen = np.array(list(observed.logs.values()))
        likely, _, caused = _expected(known, observed)
        score += _log_density(seen - likely, caused) - _log_density(seen, _chance(observed))
    return score


def _expected(
    effects: Sequence[Effect], observed: Observed
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The logarithms that these causes together predict, which networks they affect (0 or 1), and the covariance."""
    titles = list(observed.logs)
    likely, touched, caused = np.zeros(len(titles)), np.zeros(len(titles)), _chance(observed)
    for effect in effects:
        own = np.array([effect.likely.get(title, 0.0) for title in titles])
        affected = np.array([float(title in effect.likely) for title in titles])
        caused = caused + effect.spread**2 * np.outer(affected, affected) + np.diag((NETWORK_SHARE * own) ** 2)
        likely, touched = likely + own, np.maximum(touched, affected)
    return likely, touched, caused


def _chance(observed: Observed) -> NDArray[np.float64]:
    """The covariance of the observed logarithms by chance alone."""
    deviations = np.array([observed.deviations[title] for title in observed.logs])
    own = np.diag(deviations**2 / 2 + OWN_NETWORK**2)
    common: NDArray[np.float64] = np.outer(deviations, deviations) / 2 + OWN_RUN**2
    return own + common


def _log_density(residuals: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    """Of a normal distribution around 0, without the constant that all have in common."""
    _, determinant = np.linalg.slogdet(covariance)
    return float(-0.5 * (determinant + residuals @ np.linalg.solve(covariance, residuals)))


def _fit(
    effect: Effect,
    seen: NDArray[np.float64],
    likely: NDArray[np.float64],
    touched: NDArray[np.float64],
    caused: NDArray[np.float64],
) -> Fit:
    """How the mean prediction for the networks that are affected lies to what was observed of them."""
    if not effect.is_modelled or not touched.any():
        return "could matter"
    share = touched / touched.sum()
    observed, predicted = float(share @ seen), float(share @ likely)
    deviation = sqrt(float(share @ caused @ share))
    if abs(observed - predicted) <= FITS * deviation:
        return "fits" if abs(predicted) > deviation / FITS else "could matter"
    if abs(predicted) < NOTHING:
        return "no effect"
    if observed * predicted < 0:
        return "opposite"
    return "part of it" if abs(predicted) < abs(observed) else "too large"
