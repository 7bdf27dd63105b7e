"""A network in INT8 with native sparse kernels, for a board whose profile asks for native kernels and for INT8."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.backends.variants import INT8_NATIVE
from sis_edge.build.context import BuildContext
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.plan import INT8_NATIVE_VERSION, Step
from sis_edge.build.steps.variants import MadeVariant, inputs_of
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.native import build
from sis_edge.spec import is_chain
from sis_edge.training import stage

if TYPE_CHECKING:
    from sis_edge.exporting.variants import Original


def run(
    context: BuildContext,
    network: PlannedNetwork,
    trained: stages.Outcome,
    model: Path,
    original: "Callable[[], Original]",
) -> list[MadeVariant]:
    """The finished variant; none where the profile does not ask, nothing compiles or the network is not a chain."""
    engine = context.engine
    if engine is None or engine.library is None or not context.plan.profile.wants_native_int8:
        return []
    if not is_chain(network.graph.spec.layers):
        return []
    inputs = inputs_of(context, INT8_NATIVE_VERSION, INT8_NATIVE, model) | {
        "graph": network.graph.digest(),
        "library": engine.library.parent.name,
    }

    def make(folder: Path) -> dict[str, Any]:
        from sis_edge.exporting import int8_native
        from sis_edge.exporting.compact import fold

        folded = fold(stage.load(network.graph, trained.folder))
        here = build.library(platform.machine())  # the bits are the same on every processor
        made = int8_native.make(original(), folded, network.name, here, folder)
        return made | {"library": sparse.library_name(engine)}

    made = stages.run(context.root, "int8-native", inputs, make)
    context.on_step(Step(network.name, "variants", 1, 1, INT8_NATIVE.name))
    return [MadeVariant(INT8_NATIVE, made)]
