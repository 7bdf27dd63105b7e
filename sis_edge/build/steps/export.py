"""A trained network as ONNX, checked against PyTorch on real images."""

from pathlib import Path
from typing import Any

from sis_edge.build.context import BuildContext, save_array
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.plan import EXPORT_VERSION, Step
from sis_edge.files import stages
from sis_edge.files.hashing import file_sha256
from sis_edge.training import stage

MODEL = "model.onnx"
GOLDEN_LOGITS = "golden_logits.npy"
PARITY_IMAGES = 256


def run(context: BuildContext, network: PlannedNetwork, trained: stages.Outcome) -> stages.Outcome:
    """The finished export, with `model.onnx` and `golden_logits.npy`; raises ExportError where it differs."""
    inputs = {
        "version": EXPORT_VERSION,
        "weights": file_sha256(trained.folder / "weights.safetensors"),
        "graph": network.graph.digest(),
        "dataset": context.dataset.sha256,
        "name": network.name,
    }
    exported = stages.run(
        context.root, "export", inputs, lambda folder: _export(context, network, trained.folder, folder)
    )
    context.on_step(Step(network.name, "export", 1, 1, "done before" if exported.was_done else ""))
    return exported


def _export(context: BuildContext, network: PlannedNetwork, trained: Path, folder: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from sis_edge.exporting import onnx_file, parity
    from sis_edge.exporting.compact import fold
    from sis_edge.training.evaluate import logits

    module = stage.load(network.graph, trained)
    onnx_file.save(onnx_file.to_onnx(fold(module), network.name), folder / MODEL)
    reference = logits(module, context.dataset, context.dataset.test.first(PARITY_IMAGES)).numpy()
    agreement = parity.check(folder / MODEL, context.golden(PARITY_IMAGES), reference)
    save_array(folder / GOLDEN_LOGITS, reference[: context.golden_images])
    return asdict(agreement)
