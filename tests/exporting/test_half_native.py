"""Networks in half precision with native kernels: what is written, and an answer near that of float32."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from native.networks import small_network

from sis_agent.native.library import Library
from sis_edge.errors import ExportError
from sis_edge.exporting import half_native, onnx_file, parity
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.native import blob

from .test_int8_native import images, library_path, original

__all__ = ["library_path"]


@pytest.mark.parametrize("conv", ["kernel", "neuron", "block", "nm", "synapse"])
def test_half_precision_answers_nearly_as_float32(conv: str, tmp_path: Path, library_path: Path) -> None:
    network = small_network(conv=conv)
    onnx_file.save(onnx_file.to_onnx(network, "x"), tmp_path / "x.onnx")
    expected = parity.run_onnx(tmp_path / "x.onnx", images(8, 1))
    encoded = blob.encode(network.layers, global_average=True, half=True)
    found = half_native.answers(encoded, images(8, 1), library_path)
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert 0 < difference < 0.01, "some roundings of 2**-11 in each of four layers"


def test_what_is_written_and_said(tmp_path: Path, library_path: Path) -> None:
    network = small_network()
    said = half_native.make(original(network, tmp_path), network, "small", library_path, tmp_path)
    (node,) = onnx.load(tmp_path / "fp16-native.onnx").graph.node
    assert node.op_type == "SparseChain"
    chain = next(each.s for each in node.attribute if each.name == "chain")
    golden = np.load(tmp_path / "fp16-native.golden.npy")
    assert np.array_equal(golden, half_native.answers(chain, images(12, 1), library_path)[:5])
    assert (said["form"], said["precision"]) == ("native", "fp16")
    assert said["golden_tolerance"] == 0.02 * np.abs(golden).max()
    assert said["host_accuracy"] == said["agreement"]["top1_agreement"] > 0.8
    assert 0 < said["agreement"]["max_abs_difference"] < said["golden_tolerance"]


def test_a_processor_without_fp16_refuses_the_file(tmp_path: Path, library_path: Path) -> None:
    if "neon-fp16" in Library(library_path).half_instruction_sets():
        pytest.skip("this processor computes in fp16")
    network = small_network()
    onnx_file.save(half_native.to_half_onnx(network, "small"), tmp_path / "x.onnx")
    with pytest.raises(Exception, match="does not run the fp16 instruction set neon-fp16; use the network in fp32"):
        parity.run_onnx(tmp_path / "x.onnx", images(1), library=library_path)


def scaled(network: CompactNetwork, factor: float) -> CompactNetwork:
    first = network.layers[0]
    larger = replace(first, weight=first.weight * np.float32(factor))
    return CompactNetwork((larger, *network.layers[1:]))


def test_a_network_that_overflows_is_not_bundled(tmp_path: Path, library_path: Path) -> None:
    network = scaled(small_network(), 2e4)
    with pytest.raises(ExportError, match="small overflows half precision on its test images; leave fp16 out"):
        half_native.make(original(network, tmp_path), network, "small", library_path, tmp_path)


def test_a_weight_beyond_half_precision_is_named() -> None:
    network = scaled(small_network(), 1e6)
    with pytest.raises(ExportError, match=r"layer C1 has the weight .*, and half precision ends at 65,504"):
        half_native.to_half_onnx(network, "small")
