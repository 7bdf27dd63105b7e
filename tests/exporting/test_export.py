"""From a trained network to ONNX: folding, cutting, the file, and parity that catches what is wrong."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from small import SPEC

from sis_edge.errors import ExportError
from sis_edge.exporting import onnx_file, parity
from sis_edge.exporting.compact import CompactNetwork, cut, fold
from sis_edge.formation import Formation, form, preset
from sis_edge.formation.compaction import compact, whole
from sis_edge.models import SisNet
from sis_edge.spec import NetworkSpec, nin

Array = NDArray[np.float32]


def lived_in(network: SisNet, seed: int = 0) -> SisNet:
    """Running statistics, scales and offsets of a network that has seen images, without a training."""
    numbers = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if ".norm." in name or name.endswith("bias"):
                value.copy_(torch.randn(value.shape, generator=numbers) * 0.3 + ("weight" in name))
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=numbers))
            if name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=numbers) * 3 + 0.1)
    return network.eval()


def network_of(formation: Formation, spec: NetworkSpec = SPEC) -> SisNet:
    return lived_in(SisNet(compact(form(spec, formation)), seed=formation.seed))


def some_images(count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(count, 3, 32, 32)).astype(np.float32)


def answer(network: SisNet, x: Array) -> Array:
    with torch.inference_mode():
        logits: Array = network(torch.from_numpy(x)).numpy()
    return logits


def forward(network: CompactNetwork, x: Array) -> Array:
    """A folded network in float64, by the definition of convolution and pooling."""
    y = x.astype(np.float64)
    for layer in network.layers:
        pad = layer.spec.kernel // 2
        padded = np.pad(y, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (layer.spec.kernel,) * 2, axis=(2, 3))
        y = np.einsum("nihwab,fiab->nfhw", windows, layer.weight.astype(np.float64), optimize=True)
        y += layer.bias[:, None, None]
        if not layer.spec.is_class_layer:
            y = np.maximum(y, 0)
        n, f, side, _ = y.shape
        y = y.reshape(n, f, side // layer.spec.pool, layer.spec.pool, -1, layer.spec.pool).max(axis=(3, 5))
    logits: Array = y.mean(axis=(2, 3)).astype(np.float32)
    return logits


@pytest.mark.parametrize("conv", ["kernel", "neuron", "block", "synapse"])
def test_folding_is_exact_but_for_rounding(conv: str) -> None:
    network = network_of(Formation(t_c=0.4, t_p=0.5, conv=conv, block=3))
    x = some_images(5)
    assert np.abs(forward(fold(network), x) - answer(network, x)).max() < 1e-5


@pytest.mark.parametrize("seed", [0, 1])
def test_cutting_a_whole_network_changes_no_answer(seed: int) -> None:
    graph = form(SPEC, Formation(t_c=0.3, t_p=0.5, seed=seed))
    network = lived_in(SisNet(whole(graph), seed))
    small = cut(fold(network), compact(graph))
    x = some_images(5)
    assert [layer.weight.shape for layer in small.layers] == [plan.spec.weight_shape for plan in compact(graph)]
    assert small.layers[1].bias.size < fold(network).layers[1].bias.size
    assert np.abs(forward(small, x) - answer(network, x)).max() < 1e-5
    assert np.abs(forward(small, x) - forward(fold(network), x)).max() < 1e-6


def test_cutting_a_neuron_that_could_be_heard_is_refused() -> None:
    graph = form(SPEC, Formation(t_c=0.3, t_p=0.5))
    other = form(SPEC, Formation(t_c=0.3, t_p=0.5, seed=1))
    with pytest.raises(ExportError, match=r"layer (C1|MP1a)"):
        cut(fold(lived_in(SisNet(whole(graph)))), compact(other))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SisNet]:
    network = network_of(Formation(t_c=0.5, t_p=0.5))
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    onnx_file.save(onnx_file.to_onnx(fold(network), "small"), path)
    return path, network


def test_the_file_is_what_old_run_times_read(exported: tuple[Path, SisNet]) -> None:
    model = onnx.load(str(exported[0]))
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 13)]
    assert model.ir_version == 8
    assert model.graph.name == "small"
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {"input": ["batch", 3, 32, 32], "logits": ["batch", 4]}
    assert {node.op_type for node in model.graph.node} == {"Conv", "Relu", "MaxPool", "GlobalAveragePool", "Flatten"}
    assert [node.name for node in model.graph.node if node.op_type == "Conv"] == [layer.name for layer in SPEC.layers]


@pytest.mark.parametrize("batch", range(1, 10))
def test_any_batch_size(exported: tuple[Path, SisNet], batch: int) -> None:
    path, network = exported
    x = some_images(batch, batch)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input": x})
    assert logits.shape == (batch, 4)
    assert np.abs(logits - answer(network, x)).max() < 1e-4
    assert np.abs(parity.run_onnx(path, x, batch_size=4) - logits).max() < 1e-5


def test_the_same_network_gives_the_same_bytes(exported: tuple[Path, SisNet], tmp_path: Path) -> None:
    path, network = exported
    onnx_file.save(onnx_file.to_onnx(fold(network), "small"), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def test_zeros_of_missing_synapses_are_zeros_in_the_file(exported: tuple[Path, SisNet]) -> None:
    weights = {entry.name: numpy_helper.to_array(entry) for entry in onnx.load(str(exported[0])).graph.initializer}
    for plan in compact(form(SPEC, Formation(t_c=0.5, t_p=0.5))):
        weight = weights[f"{plan.spec.name}.weight"]
        assert weight.shape == plan.spec.weight_shape
        assert plan.mask is None or not weight[~plan.mask].any()


def test_parity_holds_for_the_true_file(exported: tuple[Path, SisNet]) -> None:
    path, network = exported
    x = some_images(70)
    result = parity.check(path, x, answer(network, x))
    assert (result.images, result.top1_agreement) == (70, 1)
    assert 0 <= result.max_abs_difference < 1e-5


def damage(path: Path, target: Path, value: float) -> None:
    """Set one weight of the class layer, which every image meets."""
    model = onnx.load(str(path))
    for entry in model.graph.initializer:
        if entry.name == "MP2b.bias":
            array = numpy_helper.to_array(entry).copy()
            array[2] = array[2] + value
            entry.CopyFrom(numpy_helper.from_array(array, entry.name))
    onnx.save(model, str(target))


@pytest.mark.parametrize("value", [2e-4, 1.0, float("nan"), float("inf")])
def test_parity_catches_a_wrong_weight(exported: tuple[Path, SisNet], tmp_path: Path, value: float) -> None:
    path, network = exported
    x = some_images(20)
    damage(path, tmp_path / "wrong.onnx", value)
    with pytest.raises(ExportError, match=r"wrong\.onnx does not answer as PyTorch: logits differ by up to"):
        parity.check(tmp_path / "wrong.onnx", x, answer(network, x))


def test_parity_catches_another_class_within_the_tolerance(exported: tuple[Path, SisNet], tmp_path: Path) -> None:
    path, x = exported[0], some_images(4)
    logits = parity.run_onnx(path, x)
    image = int(np.flatnonzero(logits.argmax(axis=1) != 2)[0])
    near_tie = tmp_path / "near tie.onnx"
    damage(path, near_tie, float(logits[image].max() - logits[image, 2]) - 2e-5)
    answer = parity.run_onnx(near_tie, x)
    reference = answer.copy()
    reference[image, 2] += 4e-5  # prefers class 2 by less than the tolerance
    assert answer[image].argmax() != reference[image].argmax() == 2
    assert parity.compare(reference, answer).max_abs_difference < parity.TOLERANCE
    with pytest.raises(ExportError, match=r"top-1 agrees on 75\.0% of 4 images"):
        parity.check(near_tie, x, reference)


def test_parity_catches_a_reference_that_is_no_number(exported: tuple[Path, SisNet]) -> None:
    path, _ = exported
    x = some_images(4)
    reference = parity.run_onnx(path, x)
    reference[1, 1] = np.nan
    assert parity.compare(reference, parity.run_onnx(path, x)).max_abs_difference == np.inf
    with pytest.raises(ExportError):
        parity.check(path, x, reference)


@pytest.mark.parametrize("name", ["nin", "svhn-sis3"])
def test_the_paper_s_networks_agree(name: str, tmp_path: Path) -> None:
    network = network_of(preset(name).formation(), nin())
    onnx_file.save(onnx_file.to_onnx(fold(network), name), tmp_path / "model.onnx")
    x = some_images(8)
    result = parity.compare(answer(network, x), parity.run_onnx(tmp_path / "model.onnx", x))
    assert result.max_abs_difference < 1e-4 * max(1.0, float(np.abs(answer(network, x)).max()))
    assert result.top1_agreement == 1


OLD = """
import sys
import numpy
import onnxruntime
assert onnxruntime.__version__ == "1.10.0", onnxruntime.__version__
session = onnxruntime.InferenceSession(sys.argv[1])
(logits,) = session.run(["logits"], {"input": numpy.load(sys.argv[2])})
numpy.save(sys.argv[3], logits)
"""


@pytest.mark.slow
def test_onnx_runtime_1_10_under_python_3_6_answers_the_same(
    exported: tuple[Path, SisNet], tmp_path: Path, python_3_6: str
) -> None:
    path, network = exported
    shutil.copy(path, tmp_path / "model.onnx")
    x = some_images(9)
    np.save(tmp_path / "x.npy", x)
    files = [str(tmp_path / name) for name in ("model.onnx", "x.npy", "y.npy")]
    subprocess.run([python_3_6, "-c", OLD, *files], check=True)
    assert np.abs(np.load(files[2]) - answer(network, x)).max() < 1e-4


def test_a_layer_s_spec_decides_its_nodes() -> None:
    layers = tuple(replace(layer, pool=1) for layer in SPEC.layers)
    network = CompactNetwork(
        tuple(replace(one, spec=spec) for one, spec in zip(fold(network_of(Formation())).layers, layers, strict=True))
    )
    assert "MaxPool" not in {node.op_type for node in onnx_file.to_onnx(network, "flat").graph.node}
