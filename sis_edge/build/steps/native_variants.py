"""A network in INT8 and in half precision with native sparse kernels, for a board whose profile asks for both."""

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.backends.variants import HALF_NATIVE, INT8_NATIVE, VariantSpec
from sis_edge.build.context import BuildContext
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.plan import HALF_NATIVE_VERSION, INT8_NATIVE_VERSION, Step
from sis_edge.build.steps.variants import MadeVariant, inputs_of
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.native import build
from sis_edge.spec import is_chain
from sis_edge.training import stage

if TYPE_CHECKING:
    from sis_edge.exporting.compact import CompactNetwork
    from sis_edge.exporting.variants import Original

    Exporter = Callable[[Original, CompactNetwork, str, Path, Path], dict[str, Any]]


def run(
    context: BuildContext,
    network: PlannedNetwork,
    trained: stages.Outcome,
    model: Path,
    original: "Callable[[], Original]",
) -> list[MadeVariant]:
    """The finished variants; none where the profile does not ask, nothing compiles or the network is not a chain."""
    if context.engine is None or context.engine.library is None or not is_chain(network.graph.spec.layers):
        return []
    known = (context, network, trained, original)
    made = []
    if context.plan.profile.wants_native_int8:  # its bits are the same on every processor
        made.append(_made(*known, INT8_NATIVE, inputs_of(context, INT8_NATIVE_VERSION, INT8_NATIVE, model), _int8))
    if context.plan.profile.wants_native_half:  # the board rounds multiply-adds otherwise
        inputs = inputs_of(context, HALF_NATIVE_VERSION, HALF_NATIVE, model) | {"host": _here().parent.name}
        made.append(_made(*known, HALF_NATIVE, inputs, _half))
    return made


def _made(
    context: BuildContext,
    network: PlannedNetwork,
    trained: stages.Outcome,
    original: "Callable[[], Original]",
    spec: VariantSpec,
    inputs: Mapping[str, Any],
    export: "Exporter",
) -> MadeVariant:
    engine = context.engine
    assert engine is not None
    assert engine.library is not None

    def make(folder: Path) -> dict[str, Any]:
        from sis_edge.exporting.compact import fold

        folded = fold(stage.load(network.graph, trained.folder))
        made = export(original(), folded, network.name, _here(), folder)
        return made | {"library": sparse.library_name(engine)}

    of_kernels = {"graph": network.graph.digest(), "library": engine.library.parent.name}
    made = stages.run(context.root, spec.name, {**inputs, **of_kernels}, make)
    context.on_step(Step(network.name, "variants", 1, 1, spec.name))
    return MadeVariant(spec, made)


def _here() -> Path:
    return build.library(platform.machine())


def _int8(*given: Any) -> dict[str, Any]:
    from sis_edge.exporting import int8_native

    return int8_native.make(*given)


def _half(*given: Any) -> dict[str, Any]:
    from sis_edge.exporting import half_native

    return half_native.make(*given)
