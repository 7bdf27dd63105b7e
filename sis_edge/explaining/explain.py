"""Two runs explained: what differs, the likeliest cause of the difference in latency first, and what is the same."""

from dataclasses import dataclass, field
from functools import cached_property

from sis_edge.explaining.causes import CAUSES
from sis_edge.explaining.factor import Factor
from sis_edge.explaining.pair import RunPair
from sis_edge.explaining.ranking import NO_CAUSE, Observed, Ranked, further, rank
from sis_edge.results.named import NamedRun
from sis_edge.results.statistics import RESAMPLES
from sis_edge.results.two_runs import RunComparison, compare_two


@dataclass(frozen=True, repr=False)
class Explanation:
    """Why B's latencies differ from A's.

    `ranked` are the differences that can change a latency, the likeliest cause first; `inert` those that cannot; `same`
    and `unknown` name what is alike in both, and what one of them does not say.
    """

    comparison: RunComparison
    observed: Observed
    ranked: tuple[Ranked, ...]
    inert: tuple[Factor, ...]
    same: tuple[Factor, ...] = field(repr=False)
    unknown: tuple[Factor, ...] = field(repr=False)

    @property
    def cause(self) -> Ranked | None:
        """The likeliest cause; None where nothing that differs makes what was observed likelier than chance does."""
        if not self.observed.logs or self.observed.is_chance or not self.ranked:
            return None
        likeliest = self.ranked[0]
        return likeliest if likeliest.score > 0 and likeliest.fit not in NO_CAUSE else None

    def __repr__(self) -> str:
        from sis_edge.explaining.text import to_text

        return to_text(self)

    def _repr_markdown_(self) -> str:
        """How a notebook shows it."""
        from sis_edge.explaining.text import to_markdown

        return to_markdown(self)

    @cached_property
    def further(self) -> tuple[Ranked, ...]:
        """What acts together with the likeliest cause, as far as can be told."""
        return tuple(further(self.ranked, self.observed)) if self.cause is not None else ()


def explain(a: NamedRun, b: NamedRun, *, seed: int = 0, resamples: int = RESAMPLES) -> Explanation:
    """Why run B differs from run A, or one network from another; `seed` and `resamples` are the bootstrap's.

    Raises RecordError where the runs have no network in common.
    """
    comparison = compare_two(a, b, force=True, seed=seed, resamples=resamples)
    observed = Observed.of({each.title: each.latency for each in comparison.networks})
    pair = RunPair(comparison)
    factors = [factor for cause in CAUSES for factor in cause(pair)]
    differing = [factor for factor in factors if factor.state == "differs"]
    return Explanation(
        comparison,
        observed,
        tuple(rank(differing, observed)),
        tuple(factor for factor in differing if factor.effect is None),
        tuple(factor for factor in factors if factor.state == "same"),
        tuple(factor for factor in factors if factor.state == "unknown"),
    )
