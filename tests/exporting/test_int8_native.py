"""Quantising for the INT8 kernels: ranges, zero points, and an answer near that of float32."""

import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from native.networks import small_network
from numpy.typing import NDArray

from sis_edge.errors import ExportError
from sis_edge.exporting import int8_native, onnx_file, parity
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.exporting.int8_chain import CUTS, best_end, quantise_chain, why_not
from sis_edge.exporting.variants import Labelled, Original, VariantSamples
from sis_edge.native import build
from sis_edge.native.int8 import MOST_VALUE, reference

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def library_path() -> Path:
    return build.library(platform.machine())


def images(count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((count, 3, 16, 16)).astype(np.float32)


def original(network: CompactNetwork, folder: Path) -> Original:
    source = folder / "model.onnx"
    onnx_file.save(onnx_file.to_onnx(network, "x"), source)
    labels = parity.run_onnx(source, images(12, 1)).argmax(axis=1)
    tested = Labelled(images(12, 1), labels)
    return Original(source, VariantSamples(images(16), tested, tested, golden_images=5))


@pytest.mark.parametrize("conv", ["kernel", "neuron", "block", "nm", "synapse"])
def test_int8_answers_nearly_as_float32(conv: str) -> None:
    network = small_network(conv=conv)
    chain = quantise_chain(network, images(16))
    model = onnx_file.to_onnx(network, "x")
    expected = run(model, images(8, 1))
    found = reference.run(chain, images(8, 1)).reshape(8, -1)
    assert np.abs(found - expected).max() < 0.15 * np.abs(expected).max()
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.995
    for layer, quantised in zip(network.layers, chain.layers, strict=True):
        assert not quantised.weight[layer.weight == 0].any()


def run(model: onnx.ModelProto, inputs: Array) -> Array:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"input": inputs})[0])


def test_what_is_written_and_said(tmp_path: Path, library_path: Path) -> None:
    network = small_network()
    said = int8_native.make(original(network, tmp_path), network, "small", library_path, tmp_path)
    found = parity.run_onnx(tmp_path / "int8-native.onnx", images(12, 1), library=library_path)
    assert np.array_equal(np.load(tmp_path / "int8-native.golden.npy"), found[:5])
    assert [node.op_type for node in onnx.load(tmp_path / "int8-native.onnx").graph.node] == ["SparseChain"]
    assert (said["form"], said["precision"], said["golden_tolerance"]) == ("native", "int8", 0)
    assert said["fp32_accuracy"] == 1
    assert said["host_accuracy"] == said["agreement"]["top1_agreement"]
    assert said["paired_tests"]["none"]["images"] == 12


def test_an_answer_of_other_bits_is_not_bundled(
    tmp_path: Path, library_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = small_network()
    made = original(network, tmp_path)
    run_onnx = parity.run_onnx
    monkeypatch.setattr(parity, "run_onnx", lambda *of, **by: np.nextafter(run_onnx(*of, **by), np.float32(np.inf)))
    with pytest.raises(ExportError, match="answers other bits than numpy does in INT8"):
        int8_native.make(made, network, "small", library_path, tmp_path)


def test_the_end_of_a_range_with_the_least_error() -> None:
    even = np.ones(2048)
    assert best_end(even, 3.0) == 3.0
    outliers = np.zeros(2048)
    outliers[1:700] = 1000
    outliers[-1] = 1
    assert 0.3 < best_end(outliers, 1.0) < 0.5
    assert best_end(np.eye(1, 2048)[0], 2.0) == CUTS[0] * 2  # nothing but zeros


def test_a_large_bias_and_no_weight_stay_within_32_bits() -> None:
    network = small_network()
    first = network.layers[0]
    weight, bias = first.weight.copy(), first.bias.copy()
    weight[0], bias[0] = 0, 3.0
    weight[1], bias[1] = 0, 0.0
    weight[2] *= 1e-6
    changed = CompactNetwork((replace(first, weight=weight, bias=bias), *network.layers[1:]))
    layer = quantise_chain(changed, images(4)).layers[0]
    values = layer.bias * layer.multiplier.astype(np.float64)
    steps = quantise_chain(changed, images(4)).layers[0].multiplier
    assert np.abs(layer.bias.astype(np.int64)).max() < 2**25
    assert values[1] == 0
    assert values[0] > 0
    assert np.isfinite(steps).all()


def test_images_that_are_never_negative_have_no_zero_point() -> None:
    chain = quantise_chain(small_network(), np.abs(images(4)))
    assert chain.zero == 0
    assert float(np.abs(images(4)).max() * chain.inverse_scale) == pytest.approx(MOST_VALUE)


def test_a_network_that_is_no_chain_is_refused() -> None:
    network = small_network()
    first = network.layers[0]
    strided = CompactNetwork((replace(first, spec=replace(first.spec, stride=2)), *network.layers[1:]))
    assert why_not(network) is None
    with pytest.raises(ExportError, match="chains of convolutions with stride 1 only: C1 has stride 2"):
        quantise_chain(strided, images(2))
