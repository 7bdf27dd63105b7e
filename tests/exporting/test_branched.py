"""Networks with branches as files: ONNX, half precision, INT8 and native nodes answer as PyTorch does."""

import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from branched import BRANCHED, random_network
from numpy.typing import NDArray

from exporting.test_export import lived_in
from sis_edge.errors import UsageError
from sis_edge.exporting import onnx_file, parity
from sis_edge.exporting.compact import fold
from sis_edge.exporting.half import to_half
from sis_edge.exporting.quantize import Layout, quantize
from sis_edge.exporting.sparse import Engine, plan
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.native import build
from sis_edge.spec import LayerSpec, NetworkSpec

FORMATION = Formation(t_c=0.5, t_p=0.6, seed=2, micro="kernel", layer_shares={"depth": 0.5})


def trained_for_a_step(spec: NetworkSpec, formation: Formation) -> SisNet:
    network = lived_in(SisNet(compact(form(spec, formation)), seed=formation.seed)).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    torch.nn.functional.cross_entropy(network(torch.from_numpy(images(spec, 8))), torch.arange(8) % 4).backward()
    optimizer.step()
    moved = [not torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True)]
    assert sum(moved) > len(moved) / 2
    return network.eval()


def images(spec: NetworkSpec, count: int) -> NDArray[np.float32]:
    return np.random.default_rng(4).normal(size=(count, 3, spec.side, spec.side)).astype(np.float32)


def answer(network: SisNet, x: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        logits: NDArray[np.float32] = network(torch.from_numpy(x)).numpy()
    return logits


@pytest.fixture(scope="module")
def network() -> SisNet:
    return trained_for_a_step(BRANCHED, FORMATION)


@pytest.fixture
def source(network: SisNet, tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx_file.save(onnx_file.to_onnx(fold(network), "branched"), path)
    return path


def test_the_file_answers_as_pytorch(network: SisNet, source: Path) -> None:
    x = images(BRANCHED, 70)
    parity.check(source, x, answer(network, x))
    model = onnx.load(source)
    kinds = {node.op_type for node in model.graph.node}
    assert kinds == {
        "Conv", "Add", "Relu", "Clip", "AveragePool", "GlobalAveragePool", "Flatten", "Slice", "Pad",
    }  # fmt: skip
    assert [entry.version for entry in model.opset_import] == [13]
    assert model.ir_version == 8


def test_random_networks_answer_as_pytorch(tmp_path: Path) -> None:
    exported = 0
    for seed in range(40):
        spec = random_network(seed)
        try:
            network = lived_in(SisNet(compact(form(spec, Formation(t_c=0.8, t_p=0.8, seed=seed, micro="kernel")))))
        except UsageError:
            continue
        onnx_file.save(onnx_file.to_onnx(fold(network), spec.name), tmp_path / "model.onnx")
        x = images(spec, 5)
        expected = answer(network, x)
        scale = max(1.0, float(np.abs(expected).max()))
        assert np.abs(parity.run_onnx(tmp_path / "model.onnx", x) - expected).max() < parity.TOLERANCE * scale, seed
        exported += 1
    assert exported > 10


def test_half_precision_answers_nearly_the_same(network: SisNet, source: Path, tmp_path: Path) -> None:
    onnx_file.save(to_half(onnx.load(source)), tmp_path / "half.onnx")
    x = images(BRANCHED, 16)
    expected = answer(network, x)
    assert np.abs(parity.run_onnx(tmp_path / "half.onnx", x) - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("layout", ["cpu", "tensorrt"])
def test_int8_answers_nearly_the_same(network: SisNet, source: Path, tmp_path: Path, layout: Layout) -> None:
    x = images(BRANCHED, 64)
    quantize(source, tmp_path / "int8.onnx", x[:32], layout, narrow_weights=True)
    logits, expected = parity.run_onnx(tmp_path / "int8.onnx", x), answer(network, x)
    assert np.abs(logits - expected).max() < 0.15 * np.abs(expected).max()
    assert np.corrcoef(logits.ravel(), expected.ravel())[0, 1] > 0.99
    model = onnx.load(tmp_path / "int8.onnx")
    made_by = {output: node.op_type for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == len(BRANCHED.layers)
    assert all(made_by[name] == "DequantizeLinear" for node in convolutions for name in node.input[:2])


def test_native_nodes_leave_pooling_that_overlaps_to_the_runtime(tmp_path: Path) -> None:
    """torchvision's stem pools so; a layer that is sparse otherwise stays with ONNX Runtime for it."""
    first = replace(BRANCHED.layers[0], pool=2, pool_kernel=3, pool_padding=1)
    second = LayerSpec("a1", "CL", 8, 8, 3, 7)
    last = LayerSpec("fc", "MP", 8, 4, 1, 1, is_class_layer=True, global_pool=True)
    spec = NetworkSpec("pooled", 3, 13, (first, second, last))
    network = trained_for_a_step(spec, Formation(t_c=0.5))
    choices = plan(Engine("x86_64", None, None, None), form(spec, Formation(t_c=0.5))).choices
    assert [choice.kind for choice in choices] == ["dense", "native", "native"]
    assert choices[0].why == "native kernels do not compute pooling of 3 x 3 with stride 2"
    onnx_file.save(to_sparse_onnx(fold(network), "pooled", None), tmp_path / "sparse.onnx")
    x = images(spec, 5)
    library = build.library(platform.machine())
    assert np.abs(parity.run_onnx(tmp_path / "sparse.onnx", x, library=library) - answer(network, x)).max() < 1e-4


def test_native_nodes_take_the_layers_that_they_can_say(network: SisNet, tmp_path: Path) -> None:
    graph = form(BRANCHED, FORMATION)
    library = build.library(platform.machine())
    choices = plan(Engine(platform.machine(), library, None, None), graph)
    kinds = {choice.layer.name: choice.kind for choice in choices.choices}
    assert {name for name, kind in kinds.items() if kind == "dense"} == {"group", "wide", "fc"}
    why = {choice.layer.name: choice.why for choice in choices.choices}
    assert why["group"] == "native kernels do not compute 2 groups"
    assert why["wide"] == "native kernels do not compute padding 0"
    x = images(BRANCHED, 5)
    for blocks, nodes in (
        (choices.blocks, ["stem-point"]),
        (None, ["stem-point"]),
        ([1, 1, 0, 1, 1, 1, 1, 1], ["stem", "a1", "depth-point"]),  # a2, not native, adds the stem
        ([0, 2, 2, 2, 2, 0, 0, 0], ["a1-point"]),  # the stem is its input, and what a2 adds
    ):
        model = to_sparse_onnx(fold(network), "branched", blocks)
        assert [node.name for node in model.graph.node if node.op_type == "SparseChain"] == nodes
        onnx_file.save(model, tmp_path / "sparse.onnx")
        answers = parity.run_onnx(tmp_path / "sparse.onnx", x, library=library)
        assert np.abs(answers - answer(network, x)).max() < parity.TOLERANCE


def test_random_networks_with_native_nodes_answer_as_the_plain_file(tmp_path: Path) -> None:
    library = build.library(platform.machine())
    native = 0
    for seed in range(30):
        try:
            graph = form(random_network(seed), Formation(t_c=0.8, t_p=0.8, seed=seed, micro="kernel"))
        except UsageError:
            continue
        folded = fold(lived_in(SisNet(compact(graph), seed=seed)))
        x = images(graph.spec, 3)
        onnx_file.save(onnx_file.to_onnx(folded, "plain"), tmp_path / "plain.onnx")
        expected = parity.run_onnx(tmp_path / "plain.onnx", x)
        numbers = np.random.default_rng(seed)
        for blocks in (None, numbers.integers(0, 3, len(folded.layers)).tolist()):
            model = to_sparse_onnx(folded, "sparse", blocks)
            native += sum(node.op_type == "SparseChain" for node in model.graph.node)
            onnx_file.save(model, tmp_path / "sparse.onnx")
            found = parity.run_onnx(tmp_path / "sparse.onnx", x, library=library)
            assert np.abs(found - expected).max() < parity.TOLERANCE * max(1.0, float(np.abs(expected).max())), seed
    assert native > 20


def test_a_native_chain_may_end_in_one_pixel_before_the_end(tmp_path: Path) -> None:
    layers = (
        LayerSpec("a", "CL", 3, 4, 3, 4, pool=4),
        LayerSpec("b", "MP", 4, 5, 1, 1),
        LayerSpec("c", "MP", 5, 3, 1, 1, is_class_layer=True),
    )
    network = SisNet(compact(form(NetworkSpec("pixel", 3, 4, layers), Formation()))).eval()
    x = images(NetworkSpec("pixel", 3, 4, layers), 2)
    for blocks in ([1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]):
        onnx_file.save(to_sparse_onnx(fold(network), "pixel", blocks), tmp_path / "sparse.onnx")
        found = parity.run_onnx(tmp_path / "sparse.onnx", x, library=build.library(platform.machine()))
        assert np.abs(found - answer(network, x)).max() < parity.TOLERANCE
