"""Speed-ups of a run with several runtimes: over the dense network of the own runtime, and over the fastest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from sis_edge.bundles.identity import PLAIN
from sis_edge.results.rows.accuracy import NO_DENSE, REFERENCE, Pair
from sis_edge.results.rows.figure import Figure
from sis_edge.results.rows.latency import round_latencies
from sis_edge.results.rows.speed_up import SpeedUpFigures
from sis_edge.results.schema import StoredRun

ONE_RUNTIME = "the run measured with one runtime"
NO_DENSE_OF_RUNTIME = "the reference was not measured with this runtime"


@dataclass(frozen=True)
class OverDense:
    """A speed-up over a dense network other than the run's reference; `over` is how that one is shown."""

    over: Figure[str]
    speed_up: SpeedUpFigures

    @classmethod
    def unknown(cls, reason: str) -> "OverDense":
        """None, for one reason."""
        return cls(Figure.unknown(reason), SpeedUpFigures.unknown(reason))


@dataclass(frozen=True)
class Dense:
    """The networks that speed-ups of a run are over: its reference, and with several runtimes each one's and the
    fastest of all.
    """

    reference: Pair | None
    of_runtime: Mapping[str, Pair | None] | None = None
    fastest: Pair | None = None


def over_dense(
    network: Pair, runtime: str, denses: Dense, over_reference: SpeedUpFigures, over: Callable[[Pair], SpeedUpFigures]
) -> tuple[OverDense, OverDense]:
    """A network over the dense one of its own runtime, and over the fastest; `over` compares it with another one."""

    def compared(dense: Pair | None, absent: str) -> OverDense:
        if dense is None:
            return OverDense.unknown(absent)
        if dense[0].name == network[0].name:
            return OverDense.unknown(REFERENCE)
        return OverDense(Figure(dense[0].name), over_reference if dense is denses.reference else over(dense))

    if denses.of_runtime is None:
        return compared(denses.reference, NO_DENSE), OverDense.unknown(ONE_RUNTIME)
    own = compared(denses.of_runtime.get(runtime), NO_DENSE_OF_RUNTIME)
    if denses.fastest is not None and denses.fastest is denses.of_runtime.get(runtime):
        return own, own
    return own, compared(denses.fastest, NO_DENSE)


def dense_of_runtime(run: StoredRun, runtime: str, networks: Sequence[Pair]) -> Pair | None:
    """The plain form of the reference network that was measured first with that runtime; None where none was."""
    return next(
        (
            pair
            for pair in networks
            if (record := pair[1]) is not None
            and record.network == run.manifest.reference
            and record.form == PLAIN
            and run.runtime(record) == runtime
        ),
        None,
    )


def fastest_dense(run: StoredRun, networks: Sequence[Pair], wrong: Sequence[str]) -> Pair | None:
    """The form of the reference network with the smallest median latency, whatever its runtime, form and precision.

    Those that failed, or compute another function (`wrong`, names of the record), do not count.
    """
    found = [
        (median(latencies_s), place)
        for place, (_, record) in enumerate(networks)
        if record is not None
        and record.network == run.manifest.reference
        and record.problem is None
        and record.name not in wrong
        and (latencies_s := [latency_s for turn in round_latencies(record).values() for latency_s in turn])
    ]
    return networks[min(found)[1]] if found else None
