"""Speed-up over the dense network of the same run."""

from collections.abc import Collection
from dataclasses import dataclass

from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.results.function import other_function
from sis_edge.results.rows.accuracy import NO_DENSE, NO_REFERENCE, REFERENCE, Pair
from sis_edge.results.rows.figure import Figure
from sis_edge.results.rows.latency import round_latencies, round_processes
from sis_edge.results.statistics import MIN_ROUNDS, Interval, speed_up


@dataclass(frozen=True)
class SpeedUpFigures:
    """How many times as fast as the dense network, over the `rounds` that hold both.

    `share_of_ceiling` is the speed-up over the ceiling of the structure.
    """

    estimate: Figure[float]
    interval: Figure[Interval]
    rounds: Figure[int]
    share_of_ceiling: Figure[float]

    @classmethod
    def unknown(cls, reason: str) -> "SpeedUpFigures":
        """No speed-up, for one reason."""
        return cls(Figure.unknown(reason), Figure.unknown(reason), Figure.unknown(reason), Figure.unknown(reason))


def speed_up_figures(
    network: Pair, dense: Pair | None, ceiling: Figure[float], problem: str | None, wrong: Collection[str], seed: int
) -> SpeedUpFigures:
    """The speed-up of a network; `problem` says what went wrong with it, `seed` is the bootstrap's.

    There is none over or of a network in `wrong`, which computes another function than on the host.
    """
    (entry, record), (dense_entry, dense_record) = network, dense or (None, None)
    if dense_entry is None:
        return SpeedUpFigures.unknown(NO_REFERENCE if isinstance(entry, GivenNetwork) else NO_DENSE)
    reference = f"{'reference' if isinstance(dense_entry, GivenNetwork) else 'dense network'} {dense_entry.name}"
    if dense_entry.name == entry.name:
        return SpeedUpFigures.unknown(REFERENCE)
    if dense_record is not None and dense_record.name in wrong:
        return SpeedUpFigures.unknown(f"the {reference} {other_function(dense_entry).removeprefix('it ')}")
    if record is not None and record.name in wrong:
        return SpeedUpFigures.unknown(other_function(entry))
    reason = problem or "the network was not measured"
    if not round_latencies(dense_record):
        reason = f"the {reference} was not measured in this run"
    try:
        processes = round_processes(record)
        found = speed_up(round_latencies(dense_record), round_latencies(record), seed, processes=processes)
    except ValueError as error:
        found, reason = None, str(error)
    if found is None:
        return SpeedUpFigures.unknown(reason)
    return SpeedUpFigures(
        estimate=Figure(found.estimate),
        interval=Figure.of(found.interval, f"insufficient ({found.rounds} rounds, an interval needs {MIN_ROUNDS})"),
        rounds=Figure(found.rounds),
        share_of_ceiling=ceiling.map(lambda most: found.estimate / most),
    )
