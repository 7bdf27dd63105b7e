"""A network's form with native sparse kernels: what computes each layer, and the ONNX file with native nodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge.build.context import BuildContext
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.plan import NATIVE_VERSION, Step
from sis_edge.build.steps.export import MODEL
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.files.hashing import file_sha256
from sis_edge.training import stage


@dataclass(frozen=True)
class NativeForm:
    """The choice for each layer; `made` is None where no layer takes native kernels or there is no library."""

    engine: sparse.Engine
    plan: sparse.Plan
    made: stages.Outcome | None


def run(
    context: BuildContext, network: PlannedNetwork, trained: stages.Outcome, exported: stages.Outcome
) -> NativeForm | None:
    """The finished form; None where the profile asks for no native kernels."""
    engine = context.engine
    if engine is None:
        return None
    plan = sparse.plan(engine, network.graph)
    count = sum(width > 0 for width in plan.blocks)
    if engine.library is None or not count:
        context.on_step(Step(network.name, "native", 1, 1, engine.absent or sparse.NO_NATIVE_LAYER))
        return NativeForm(engine, plan, None)
    inputs = {
        "version": NATIVE_VERSION,
        "model": file_sha256(exported.folder / MODEL),
        "graph": network.graph.digest(),
        "blocks": plan.blocks,
        "library": engine.library.parent.name,
        "dataset": context.dataset.sha256,
        "test_images": context.plan.test_images,
    }

    def make(folder: Path) -> dict[str, Any]:
        from sis_edge.exporting import onnx_file
        from sis_edge.exporting.compact import fold
        from sis_edge.exporting.sparse_onnx import to_sparse_onnx

        folded = fold(stage.load(network.graph, trained.folder))
        onnx_file.save(to_sparse_onnx(folded, network.name, plan.blocks), folder / sparse.MODEL)
        test = context.test_images
        return sparse.check(folder, exported.folder / MODEL, engine, context.normalised(test), test.labels)

    made = stages.run(context.root, "sparse", inputs, make)
    note = "done before" if made.was_done else f"{count} of {len(plan.choices)} layers native"
    context.on_step(Step(network.name, "native", 1, 1, note))
    return NativeForm(engine, plan, made)
