"""A small network as plain ONNX and with sparse nodes, and the library for this machine, as files of a bundle."""

import platform
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from native.networks import small_network

from sis_agent.schema import JOB_VERSION, Job, NetworkJob
from sis_edge.exporting.onnx_file import to_onnx
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.native import build

from .networks import HOW

LIBRARY = "native/libsis_edge.so"
# The first layer and the last two stay dense: nodes of both kinds in one network.
BLOCKS = [0, 1, 1, 0]


def write_sparse_bundle(folder: Path) -> Job:
    """Write the networks `plain` and `plain sparse`; returns a short job. Golden logits are the plain network's."""
    (folder / "native").mkdir(parents=True)
    shutil.copyfile(build.library(platform.machine()), folder / LIBRARY)
    images = np.random.default_rng(0).standard_normal((8, 3, 16, 16)).astype(np.float32)
    network = small_network()
    onnx.save(to_onnx(network, "plain"), folder / "plain.onnx")
    onnx.save(to_sparse_onnx(network, "sparse", BLOCKS), folder / "sparse.onnx")
    session = onnxruntime.InferenceSession(folder / "plain.onnx", providers=["CPUExecutionProvider"])
    np.save(folder / "images.npy", images)
    np.save(folder / "logits.npy", session.run(["logits"], {"input": images})[0])
    return Job(
        job_version=JOB_VERSION,
        bundle_id=folder.name,
        networks=[
            NetworkJob("plain", "plain.onnx", "logits.npy"),
            NetworkJob("plain sparse", "sparse.onnx", "logits.npy", network="plain", files={"custom_ops": LIBRARY}),
        ],
        golden_inputs="images.npy",
        golden_tolerance=1e-4,
        preprocess=HOW,
        rounds=3,
        inferences_per_round=5,
        warmup_s=0.05,
    )


def of_another_architecture(library: Path) -> None:
    """Make the library one of a processor that nobody has: e_machine of its ELF header."""
    data = bytearray(library.read_bytes())
    data[18:20] = b"\xfe\xca"
    library.write_bytes(bytes(data))
