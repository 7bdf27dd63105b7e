"""The operator in ONNX Runtime: a whole network with sparse nodes answers as the plain one."""

import subprocess
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from sis_edge.exporting.onnx_file import to_onnx
from sis_edge.exporting.sparse_onnx import to_sparse_onnx

from .chains import Array, Case, pack, random_layer
from .networks import small_network


def session(model: onnx.ModelProto, library: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    options.register_custom_ops_library(str(library))
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def logits(model: onnx.ModelProto, library: Path, images: Array, threads: int = 1) -> Array:
    found: Array = session(model, library, threads).run(["logits"], {"input": images})[0]
    return found


def images(batch: int) -> Array:
    return np.random.default_rng(batch).standard_normal((batch, 3, 16, 16)).astype(np.float32)


@pytest.mark.parametrize("conv", ["kernel", "block", "synapse", "nm"])
@pytest.mark.parametrize("blocks", [None, [1, 8, 1, 8], [0, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 0], [0, 0, 0, 0]])
def test_sparse_nodes_answer_as_the_plain_network(library_path: Path, conv: str, blocks: list[int] | None) -> None:
    network = small_network(conv=conv)
    plain, sparse = to_onnx(network, "plain"), to_sparse_onnx(network, "sparse", blocks)
    for batch, threads in ((1, 1), (9, 2), (2, 3)):
        expected = logits(plain, library_path, images(batch))
        np.testing.assert_allclose(logits(sparse, library_path, images(batch), threads), expected, atol=1e-4)


def test_consecutive_layers_become_one_node() -> None:
    network = small_network()
    assert [node.op_type for node in to_sparse_onnx(network, "x").graph.node] == ["SparseChain"]
    split = [node.op_type for node in to_sparse_onnx(network, "x", [1, 0, 1, 1]).graph.node]
    assert split == ["SparseChain", "Conv", "Relu", "MaxPool", "SparseChain"]


def test_the_same_network_gives_the_same_bytes() -> None:
    one, two = (to_sparse_onnx(small_network(), "x").SerializeToString(deterministic=True) for _ in range(2))
    assert one == two


def test_an_empty_batch_answers_nothing(library_path: Path) -> None:
    assert logits(to_sparse_onnx(small_network(), "x"), library_path, images(1)[:0]).shape == (0, 10)


def node_model(chain: bytes, check: str | None, sides: int | str = 16) -> onnx.ModelProto:
    attributes = {"chain": chain} | ({} if check is None else {"check": check})
    node = helper.make_node("SparseChain", ["input"], ["logits"], domain="sis_edge", **attributes)
    graph = helper.make_graph(
        [node],
        "x",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, sides, sides])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("sis_edge", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def good_blob() -> bytes:
    return pack(Case([random_layer(np.random.default_rng(0), 3, 4, 3, 1)], 16, 16, average=True))


@pytest.mark.parametrize(
    ("chain", "check", "sentence"),
    [
        (good_blob()[:-1] + b"\x00", f"{zlib.crc32(good_blob()):08x}", "weights of a node SparseChain are damaged"),
        (good_blob(), None, "needs the attributes chain and check"),
        (b"", "00000000", "not a sis-edge blob"),
        (good_blob()[:99], f"{zlib.crc32(good_blob()[:99]):08x}", "the blob ends within layer 0"),
    ],
)
def test_a_malformed_node_is_refused_when_the_session_is_made(
    library_path: Path, chain: bytes, check: str | None, sentence: str
) -> None:
    with pytest.raises(Exception, match=sentence):
        session(node_model(chain, check), library_path)


def test_images_of_another_size_are_refused(library_path: Path) -> None:
    blob = good_blob()
    running = session(node_model(blob, f"{zlib.crc32(blob):08x}", "side"), library_path)
    assert running.run(None, {"input": images(2)})[0].shape == (2, 4)
    with pytest.raises(Exception, match=r"rank 4 and sides \[1, 3, 16, 15\]; wanted \[batch, 3, 16, 16\]"):
        running.run(None, {"input": images(1)[..., :15]})


OLD = """
import sys, numpy, onnxruntime
def session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.register_custom_ops_library(sys.argv[1])
    return onnxruntime.InferenceSession(model, options)
images = numpy.load(sys.argv[2] + "/images.npy")
numpy.save(sys.argv[2] + "/old.npy", session(sys.argv[2] + "/model.onnx").run(["logits"], {"input": images})[0])
try:
    session(sys.argv[2] + "/damaged.onnx")
except Exception as error:
    print(onnxruntime.__version__, error)
"""


@pytest.mark.slow
def test_the_oldest_onnx_runtime_answers_and_refuses_the_same(
    library_path: Path, tmp_path: Path, python_3_6: str
) -> None:
    model = to_sparse_onnx(small_network(), "x")
    onnx.save(model, tmp_path / "model.onnx")
    blob = good_blob()
    onnx.save(node_model(blob, f"{zlib.crc32(blob) ^ 1:08x}"), tmp_path / "damaged.onnx")
    np.save(tmp_path / "images.npy", images(3))
    words = [python_3_6, "-c", OLD, library_path, tmp_path]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("1.10.0 ")
    assert "weights of a node SparseChain are damaged" in printed
    np.testing.assert_allclose(np.load(tmp_path / "old.npy"), logits(model, library_path, images(3)), atol=1e-5)
