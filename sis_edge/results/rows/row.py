"""One network of one run, by topic."""

from dataclasses import dataclass

from sis_edge.results.rows.accuracy import AccuracyFigures
from sis_edge.results.rows.dense import OverDense
from sis_edge.results.rows.energy import EnergyFigures
from sis_edge.results.rows.golden import GoldenFigures
from sis_edge.results.rows.identity import NetworkIdentity
from sis_edge.results.rows.latency import LatencyFigures
from sis_edge.results.rows.run import RunFigures, VerdictFigures
from sis_edge.results.rows.speed_up import SpeedUpFigures
from sis_edge.results.rows.start import MemoryFigures, StartFigures
from sis_edge.results.rows.structure import StructureFigures, TrainingFigures


@dataclass(frozen=True)
class Row:
    """Everything known about one network of one run; the speed-up is over the dense network of the same run.

    With several runtimes there are two more: over the dense network of its own runtime, and over the fastest one.
    `problem` says what went wrong with this network, None where nothing did. The verdict is the whole run's.
    """

    run: RunFigures
    identity: NetworkIdentity
    structure: StructureFigures
    training: TrainingFigures
    accuracy: AccuracyFigures
    latency: LatencyFigures
    speed_up: SpeedUpFigures
    own_dense: OverDense
    fastest_dense: OverDense
    start: StartFigures
    memory: MemoryFigures
    energy: EnergyFigures
    golden: GoldenFigures
    problem: str | None
    verdict: VerdictFigures
