"""A network in INT8 with sparse kernels as an ONNX file, and what it answers: the same bits on every processor.

The file holds one node of the operator `SparseChain`, so what runs a network with native nodes runs this one. Accuracy
and golden logits are those of this machine's library, whatever the board.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from sis_edge.backends.variants import INT8_NATIVE
from sis_edge.bundles.identity import NATIVE
from sis_edge.errors import ExportError
from sis_edge.exporting import onnx_file, parity, variants
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.exporting.int8_chain import quantise_chain
from sis_edge.exporting.quantize import compared
from sis_edge.exporting.sparse_onnx import DOMAIN, DOMAIN_VERSION, chain_node
from sis_edge.exporting.variants import Original
from sis_edge.native.int8 import Int8Chain, reference
from sis_edge.native.int8.blob import encode
from sis_edge.spec import INPUT, OUTPUT

Array = NDArray[np.float32]

REFERENCE_IMAGES = 4
"""Images that numpy's reference answers too, when a network is made."""


def to_int8_onnx(network: CompactNetwork, chain: Int8Chain, name: str) -> onnx.ModelProto:
    """The network `network`, quantised as `chain`, as one node."""
    node = chain_node(network.layers, encode(chain), INPUT, OUTPUT)
    model = onnx_file.to_model(network, name, [node], [], {DOMAIN: DOMAIN_VERSION})
    onnx.checker.check_model(model)
    return model


def make(original: Original, network: CompactNetwork, name: str, library: Path, folder: Path) -> dict[str, Any]:
    """Write the network into `folder`, and return its summary for the manifest; `library` is this machine's.

    Raises ExportError where it answers other bits than numpy's reference.
    """
    samples = original.samples
    chain = quantise_chain(network, samples.calibration)
    path = folder / INT8_NATIVE.model
    onnx_file.save(to_int8_onnx(network, chain, name), path)
    logits = parity.run_onnx(path, samples.test.images, library=library)
    _check(chain, samples.test.images[:REFERENCE_IMAGES], logits, path)
    np.save(folder / INT8_NATIVE.golden_logits, logits[: samples.golden_images], allow_pickle=False)
    deciding = samples.deciding
    correct = parity.run_onnx(path, deciding.images, library=library).argmax(axis=1) == deciding.labels
    trial = compared((), original.deciding_correct(original.source), correct)
    test = {"images": trial.images, "lost": trial.lost, "won": trial.won, "p_value": trial.p_value}
    return {
        "name": INT8_NATIVE.name,
        "form": NATIVE,
        "precision": INT8_NATIVE.precision,
        "runtime": INT8_NATIVE.runtime,
        "trials": {"none": trial.accuracy},
        "paired_tests": {"none": test},
        "golden_tolerance": 0.0,
        **variants.judged(original, logits),
    }


def _check(chain: Int8Chain, images: Array, logits: Array, path: Path) -> None:
    """Raise ExportError where numpy answers other bits than the library did."""
    expected = reference.run(chain, images).reshape(len(images), -1)
    if not np.array_equal(expected, logits[: len(images)]):
        raise ExportError(
            f"{path} answers other bits than numpy does in INT8; keep the file and report it: nothing was bundled"
        )
