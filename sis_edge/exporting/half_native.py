"""A network in half precision with sparse kernels as an ONNX file, for processors that compute in fp16 (FEAT_FP16).

The file holds one node of the operator `SparseChain`. A host without such a processor answers it with kernels that
convert each number: the same roundings but for those of multiply-adds, so golden logits have a tolerance.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from sis_agent.native.library import Library
from sis_edge.backends.variants import HALF_NATIVE
from sis_edge.bundles.identity import NATIVE
from sis_edge.errors import ExportError
from sis_edge.exporting import onnx_file, variants
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.exporting.sparse_onnx import DOMAIN, DOMAIN_VERSION, chain_node
from sis_edge.exporting.variants import Original
from sis_edge.native.blob import encode
from sis_edge.spec import INPUT, OUTPUT

Array = NDArray[np.float32]


def to_half_onnx(network: CompactNetwork, name: str) -> onnx.ModelProto:
    """The network as one node in half precision.

    Raises ExportError for what a chain cannot say, and for a weight that fp16 cannot hold.
    """
    chain = encode(network.layers, global_average=True, half=True)
    model = onnx_file.to_model(
        network, name, [chain_node(network.layers, chain, INPUT, OUTPUT)], [], {DOMAIN: DOMAIN_VERSION}
    )
    onnx.checker.check_model(model)
    return model


def make(original: Original, network: CompactNetwork, name: str, library: Path, folder: Path) -> dict[str, Any]:
    """Write the network into `folder`, and return its summary for the manifest; `library` is this machine's.

    Raises ExportError where maps overflow fp16 on the test images.
    """
    samples = original.samples
    onnx_file.save(to_half_onnx(network, name), folder / HALF_NATIVE.model)
    logits = answers(encode(network.layers, global_average=True, half=True), samples.test.images, library)
    if not np.isfinite(logits).all():
        raise ExportError(
            f"{name} overflows half precision on its test images; leave fp16 out of the profile's precisions"
        )
    golden = logits[: samples.golden_images]
    np.save(folder / HALF_NATIVE.golden_logits, golden, allow_pickle=False)
    return {
        "name": HALF_NATIVE.name,
        "form": NATIVE,
        "precision": HALF_NATIVE.precision,
        "runtime": HALF_NATIVE.runtime,
        "golden_tolerance": variants.TOLERANCES["fp16"] * float(np.abs(golden).max()),
        **variants.judged(original, logits),
    }


def answers(chain: bytes, images: Array, library: Path) -> Array:
    """Logits [N, classes] of a chain in half precision on this machine, by the fastest kernels that it has for it."""
    loaded = Library(library)
    with loaded.chain(chain, loaded.half_instruction_sets()[0]) as running:
        outputs = np.empty((len(images), *running.output_shape), np.float32)
        running.run(np.array(images, np.float32, order="C"), outputs, len(images))
    return outputs.reshape(len(images), -1)
