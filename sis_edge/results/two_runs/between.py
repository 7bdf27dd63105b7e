"""Two stored runs compared: what was found between them, network by network, and what speaks against it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sis_edge.errors import RecordError
from sis_edge.results.energy import NetworkEnergy, per_inference
from sis_edge.results.function import entries, wrong_functions
from sis_edge.results.named import NamedRun
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import RESAMPLES
from sis_edge.results.two_runs import quantities
from sis_edge.results.two_runs.matching import Match, Matching, is_one_run, match
from sis_edge.results.two_runs.obstacles import Obstacle, obstacles, tested_with
from sis_edge.results.two_runs.quantities import QuantityChange, Side
from sis_edge.results.verdict import Verdict, judge_run


@dataclass(frozen=True)
class ComparedNetwork:
    """A network of A against one of B; `a` and `b` are their names, `problem` says why there is nothing to compare."""

    a: str
    b: str
    latency: QuantityChange
    energy: QuantityChange
    memory: QuantityChange
    accuracy: QuantityChange
    problem: str | None

    @property
    def title(self) -> str:
        """The name, or both where they differ."""
        return " -> ".join(dict.fromkeys((self.a, self.b)))

    @property
    def quantities(self) -> tuple[QuantityChange, ...]:
        """All of them, the first first."""
        return self.latency, self.energy, self.memory, self.accuracy


@dataclass(frozen=True)
class RunComparison:
    """B against A. Within `is_one_run` latencies are paired by round, so that a drift of the board cancels."""

    a: StoredRun = field(repr=False)
    b: StoredRun = field(repr=False)
    is_one_run: bool
    matching: Matching = field(repr=False)
    obstacles: tuple[Obstacle, ...]
    networks: tuple[ComparedNetwork, ...]

    @cached_property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        """Those of A and of B."""
        return judge_run(self.a), judge_run(self.b)


def compare_two(
    a: NamedRun, b: NamedRun, *, force: bool = False, seed: int = 0, resamples: int = RESAMPLES
) -> RunComparison:
    """B against A: two runs, or the networks of one; `seed` and `resamples` are the bootstrap's.

    Raises RecordError where they cannot be compared, with every reason, unless `force` is given: then the obstacles are
    in the result. Runs without a common network are refused in any case.
    """
    matching, one_run = match(a, b), is_one_run(a.run, b.run)
    found = obstacles(a.run, b.run, matching.matches, one_run)
    refused = [obstacle.sentence for obstacle in found if obstacle.is_refused]
    if refused and not force:
        raise RecordError(_refusal(a.run, b.run, refused))
    left, right = _Sides(a.run), _Sides(b.run)
    networks = tuple(_compared(each, left, right, one_run, seed, resamples) for each in matching.matches)
    return RunComparison(a.run, b.run, one_run, matching, found, networks)


class _Sides:
    """What all networks of a run share, found once."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run
        self.wrong: Mapping[str, str] = wrong_functions(run.record, entries(run))
        self.energies: Mapping[str, NetworkEnergy] = per_inference(run)


def _compared(each: Match, left: _Sides, right: _Sides, is_one_run: bool, seed: int, resamples: int) -> ComparedNetwork:
    a = Side.of(left.run, each.a, left.wrong, left.energies)
    b = Side.of(right.run, each.b, right.wrong, right.energies)
    is_same_images = tested_with(a.run, each.a[0])[1] == tested_with(b.run, each.b[0])[1]
    return ComparedNetwork(
        each.a[0].name,
        each.b[0].name,
        quantities.latency(a, b, is_one_run, seed, resamples),
        quantities.energy(a, b),
        quantities.memory(a, b),
        quantities.accuracy(a, b, is_same_images),
        a.problem or b.problem,
    )


def _refusal(a: StoredRun, b: StoredRun, refused: list[str]) -> str:
    names = f"run {a.record.run_id} (A) and run {b.record.run_id} (B)"
    if is_one_run(a, b):
        names = f"the networks of run {a.record.run_id}"
    return f"{names} cannot be compared:\n{chr(10).join(f'- {line}' for line in refused)}\n--force compares them anyway"
