"""A network in INT8 with sparse kernels as an ONNX file, and what it answers: the same bits on every processor.

The file holds one node of the operator `SparseChain`, so what runs a network with native nodes runs this one. Its
accuracy and golden logits are those of this machine's library, whatever the board.
"""

import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from sis_agent.native.library import Library
from sis_edge.backends.variants import INT8_NATIVE
from sis_edge.bundles.identity import NATIVE
from sis_edge.errors import ExportError
from sis_edge.exporting import onnx_file, parity, variants
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.exporting.int8_chain import quantise_chain
from sis_edge.exporting.quantize import compared
from sis_edge.exporting.sparse_onnx import DOMAIN, DOMAIN_VERSION, chain_node
from sis_edge.exporting.variants import Original
from sis_edge.native import build
from sis_edge.native.int8 import Int8Chain
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


def logits(chain: Int8Chain, images: Array) -> Array:
    """Logits [N, classes] of normalised images, by this machine's library."""
    with Library(build.library(platform.machine())).chain(encode(chain)) as running:
        outputs = np.empty((len(images), *running.output_shape), np.float32)
        running.run(np.array(images, np.float32, order="C"), outputs, len(images))
    return outputs.reshape(len(images), -1)


def make(original: Original, network: CompactNetwork, name: str, library: Path | None, folder: Path) -> dict[str, Any]:
    """Write the network into `folder`, and return its summary for the manifest.

    `library` is the board's, given where it runs here: then ONNX Runtime must answer the same bits with it. Raises
    ExportError where it does not, or where numpy's reference answers otherwise.
    """
    samples = original.samples
    chain = quantise_chain(network, samples.calibration)
    path = folder / INT8_NATIVE.model
    onnx_file.save(to_int8_onnx(network, chain, name), path)
    answer = logits(chain, samples.test.images)
    _check(chain, samples.test.images, answer, path, library)
    golden = answer[: samples.golden_images]
    np.save(folder / INT8_NATIVE.golden_logits, golden, allow_pickle=False)
    deciding = samples.deciding
    correct = logits(chain, deciding.images).argmax(axis=1) == deciding.labels
    trial = compared((), original.deciding_correct(original.source), correct)
    return {
        "name": INT8_NATIVE.name,
        "form": NATIVE,
        "precision": INT8_NATIVE.precision,
        "runtime": INT8_NATIVE.runtime,
        "trials": {"none": trial.accuracy},
        "paired_tests": {
            "none": {"images": trial.images, "lost": trial.lost, "won": trial.won, "p_value": trial.p_value}
        },
        "golden_tolerance": 0.0,
        **variants.judged(original, answer),
    }


def _check(chain: Int8Chain, images: Array, answer: Array, path: Path, library: Path | None) -> None:
    """Raise ExportError where numpy or ONNX Runtime answer other bits than the library did."""
    from sis_edge.native.int8 import reference

    few = images[:REFERENCE_IMAGES]
    others = {"numpy": reference.run(chain, few).reshape(len(few), -1)}
    if library is not None:
        others["ONNX Runtime"] = parity.run_onnx(path, images, library=library)
    for who, other in others.items():
        if not np.array_equal(other, answer[: len(other)]):
            raise ExportError(
                f"{path} answers other bits in INT8 than {who} does; keep the file and report it: nothing was bundled"
            )
