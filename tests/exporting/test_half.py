"""Typed half precision: fp16 inside, float32 at both ends, the same answers but for rounding."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from exporting.networks import images, model, saved
from sis_edge.errors import ExportError
from sis_edge.exporting import parity
from sis_edge.exporting.half import to_half
from sis_edge.formation import Formation


def test_everything_between_the_ends_is_half() -> None:
    half = to_half(model(Formation(t_c=0.5, t_p=0.5)))
    inferred = onnx.shape_inference.infer_shapes(half, strict_mode=True, data_prop=True)
    kinds = {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}
    assert kinds
    assert set(kinds.values()) == {TensorProto.FLOAT16}
    assert {value.data_type for value in half.graph.initializer} == {TensorProto.FLOAT16}
    ends = [*half.graph.input, *half.graph.output]
    assert [(end.name, end.type.tensor_type.elem_type) for end in ends] == [("input", 1), ("logits", 1)]
    assert (half.ir_version, half.opset_import[0].version) == (8, 13)


def test_it_answers_as_the_network_it_comes_from(tmp_path: Path) -> None:
    single = model(Formation(t_c=0.5, t_p=0.5, seed=3))
    x = images(16)
    reference = parity.run_onnx(saved(single, tmp_path / "single.onnx"), x)
    answer = parity.run_onnx(saved(to_half(single), tmp_path / "half.onnx"), x)
    result = parity.compare(reference, answer)
    assert 0 < result.max_abs_difference < 0.02 * np.abs(reference).max()
    assert answer.dtype == np.float32


def test_the_source_stays_as_it_is() -> None:
    single = model(Formation())
    before = single.SerializeToString(deterministic=True)
    to_half(single)
    assert single.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("value", [70_000.0, -1e30, float("nan"), float("inf")])
def test_what_half_cannot_hold_is_refused(value: float) -> None:
    single = model(Formation())
    weight = numpy_helper.to_array(single.graph.initializer[0]).copy()
    weight[0, 0, 0, 0] = value
    single.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, single.graph.initializer[0].name))
    with pytest.raises(ExportError, match=r"C1.weight holds .*half precision ends at 65,504"):
        to_half(single)
