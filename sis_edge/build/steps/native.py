"""A network's form with native sparse kernels: what computes each layer, and the ONNX file with native nodes."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge.build.context import BuildContext
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.plan import NATIVE_VERSION, Step
from sis_edge.build.steps.export import MODEL
from sis_edge.bundles.sparse_form import WinogradError
from sis_edge.errors import ExportError, UsageError
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.files.hashing import file_sha256
from sis_edge.native import build
from sis_edge.training import stage


@dataclass(frozen=True)
class NativeForm:
    """The choice for each layer; `made` is None where no layer takes native kernels or there is no library.

    `winograd` is what Winograd's algorithm changes, None where no layer was to use it.
    """

    engine: sparse.Engine
    plan: sparse.Plan
    made: stages.Outcome | None
    winograd: WinogradError | None = None


def run(
    context: BuildContext, network: PlannedNetwork, trained: stages.Outcome, exported: stages.Outcome
) -> NativeForm | None:
    """The finished form; None where the profile asks for no native kernels."""
    engine = context.engine
    if engine is None:
        return None
    plan, error = _planned(context, engine, network, trained, exported)
    count = sum(width > 0 for width in plan.blocks)
    if engine.library is None or not count:
        context.on_step(Step(network.name, "native", 1, 1, engine.absent or sparse.NO_NATIVE_LAYER))
        return NativeForm(engine, plan, None, error)
    inputs = _inputs(context, network, exported, plan, engine.library)

    def make(folder: Path) -> dict[str, Any]:
        from sis_edge.exporting import onnx_file
        from sis_edge.exporting.compact import fold
        from sis_edge.exporting.sparse_onnx import to_sparse_onnx

        folded = fold(stage.load(network.graph, trained.folder))
        onnx_file.save(to_sparse_onnx(folded, network.name, plan.blocks, plan.winograd), folder / sparse.MODEL)
        test = context.test_images
        return sparse.check(folder, exported.folder / MODEL, engine, context.normalised(test), test.labels)

    made = stages.run(context.root, "sparse", inputs, make)
    note = "done before" if made.was_done else f"{count} of {len(plan.choices)} layers native"
    context.on_step(Step(network.name, "native", 1, 1, note))
    return NativeForm(engine, plan, made, error)


def _inputs(
    context: BuildContext, network: PlannedNetwork, exported: stages.Outcome, plan: sparse.Plan, library: Path
) -> dict[str, Any]:
    """What the plan's network is made and checked from."""
    return {
        "version": NATIVE_VERSION,
        "model": file_sha256(exported.folder / MODEL),
        "graph": network.graph.digest(),
        "blocks": plan.blocks,
        "winograd": plan.winograd,
        "library": library.parent.name,
        "dataset": context.dataset.sha256,
        "test_images": context.plan.test_images,
    }


def _planned(
    context: BuildContext,
    engine: sparse.Engine,
    network: PlannedNetwork,
    trained: stages.Outcome,
    exported: stages.Outcome,
) -> tuple[sparse.Plan, WinogradError | None]:
    """The choice for each layer, without Winograd's algorithm where it changes too much; and what it changes."""
    plan = sparse.plan(engine, network.graph, context.plan.exact)
    host = _host_library(engine) if any(plan.winograd) else None
    if host is None:
        return (sparse.plan(engine, network.graph, exact=True) if any(plan.winograd) else plan), None
    inputs = _inputs(context, network, exported, plan, host) | {"train_images": len(context.train_images)}

    def make(folder: Path) -> dict[str, Any]:
        from sis_edge.exporting import winograd
        from sis_edge.exporting.compact import fold

        folded = fold(stage.load(network.graph, trained.folder))
        train = context.normalised(context.train_images.first(winograd.TRAIN_IMAGES))
        return winograd.measure(folded, plan, host, train, context.normalised(context.test_images)).model_dump()

    error = WinogradError(**stages.run(context.root, "winograd", inputs, make).summary)
    if error.left_out is not None:
        plan = sparse.plan(engine, network.graph, exact=True)
    return plan, error


def _host_library(engine: sparse.Engine) -> Path | None:
    """The kernels for this machine; None where there are none, so that nothing can be compared."""
    if engine.library is None or engine.architecture == platform.machine():
        return engine.library
    try:
        return build.library(platform.machine())
    except (UsageError, ExportError):
        return None
