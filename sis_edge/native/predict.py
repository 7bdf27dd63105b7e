"""Will sparsity pay on this board? Answered from its calibration, before anything is trained."""

from dataclasses import dataclass

from sis_edge.formation import SynapticGraph, form
from sis_edge.formation.compaction import compact
from sis_edge.formation.formation import Formation
from sis_edge.native.choice import NetworkCost, choose, dense_seconds, pairs_of, require_known
from sis_edge.native.costs import CostModel


@dataclass(frozen=True)
class Prediction:
    """Seconds of one inference: the dense network, this one in ONNX Runtime alone, and as chosen.

    `int8_s` is this one in INT8, all of it by the sparse kernels; None where the calibration did not time those.
    """

    dense_s: float
    compact_s: float
    chosen: NetworkCost
    mac_ratio: float
    int8_s: float | None

    @property
    def speed_up(self) -> float:
        """The dense network's seconds over those of the chosen way."""
        return self.dense_s / self.chosen.seconds

    @property
    def compact_speed_up(self) -> float:
        """The same where ONNX Runtime computes all layers of the compact network."""
        return self.dense_s / self.compact_s

    @property
    def int8_speed_up(self) -> float | None:
        """The same where the INT8 kernels compute all layers of the compact network; None where not known."""
        return None if self.int8_s is None else self.dense_s / self.int8_s

    @property
    def pays(self) -> bool:
        """Whether the sparse network is faster than the dense one."""
        return self.speed_up > 1


def predict(model: CostModel, graph: SynapticGraph, exact: bool = False) -> Prediction:
    """What the graph's network should cost on the board of the model, against the dense network of its spec.

    `exact` leaves out Winograd's algorithm. Raises UsageError where the network is not a chain of the paper's layers.
    """
    require_known(graph.spec.layers)
    plans = compact(graph)
    dense = compact(form(graph.spec, Formation()))
    return Prediction(
        dense_seconds(model, dense),
        dense_seconds(model, plans),
        choose(model, plans, exact),
        graph.mac_ratio,
        model.int8_s([(plan.spec, pairs_of(plan)) for plan in plans]),
    )
