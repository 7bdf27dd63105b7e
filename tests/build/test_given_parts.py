"""What is made for models of the user's own before anything is run: random inputs, shapes, counts."""

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from sis_edge.build.given import counts, onnx_file, shapes, tensors
from sis_edge.build.given.model_file import ModelFile, ModelInput
from sis_edge.bundles.manifest import TensorSpec
from sis_edge.errors import UsageError


def test_random_inputs_are_of_their_type_and_seed() -> None:
    specs = [
        TensorSpec(name="image", dtype="float32", shape=(1, 100)),
        TensorSpec(name="ids", dtype="int64", shape=(1, 100)),
        TensorSpec(name="mask", dtype="bool", shape=(1, 100)),
        TensorSpec(name="pixels", dtype="uint8", shape=(1, 5000)),
    ]
    found = tensors.random_inputs(specs, 0)
    assert {name: str(array.dtype) for name, array in found.items()} == {spec.name: spec.dtype for spec in specs}
    assert set(found["ids"].ravel()) == {0, 1}, "any table has the rows 0 and 1"
    assert set(found["mask"].ravel()) == {False, True}
    assert set(found["pixels"].ravel()) == set(range(256))
    again, other = tensors.random_inputs(specs, 0), tensors.random_inputs(specs, 1)
    assert all(np.array_equal(found[name], again[name]) for name in found)
    assert not any(np.array_equal(found[name], other[name]) for name in found)


def test_a_shape_for_one_model_is_not_for_another() -> None:
    models = [
        ModelFile(name, Path(f"{name}.onnx"), "onnx", (ModelInput("ids", "int64", (1, "words")),), "0" * 64)
        for name in ("a", "b")
    ]
    asked = [shapes.parse(text, ["a", "b"]) for text in ("a:ids=1x5", "b:ids=1x7", "ids=1x9")]
    assert [shapes.fix(model, asked, {})[0][0].shape for model in models] == [(1, 5), (1, 7)]
    assert shapes.fix(models[0], asked[2:], {})[0][0].shape == (1, 9)


def test_parameters_are_weights_and_no_indices() -> None:
    def model(*tensors_of: TensorProto) -> ModelProto:
        value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
        return helper.make_model(helper.make_graph([], "g", [value], [value], list(tensors_of)))

    weights = numpy_helper.from_array(np.zeros((3, 4), np.float16), "weights")
    axes = numpy_helper.from_array(np.arange(5), "axes")
    assert counts.parameters(model(weights, axes)) == 12
    assert counts.parameters(model(axes)) is None


def test_a_name_that_is_not_utf8_is_a_sentence(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("inside", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["inside"], ["out"])], "g", values[:1], values[1:])
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    assert onnx_file.load(path).graph.node[0].op_type == "Relu"
    path.write_bytes(data.replace(b"inside", b"in\xffide"))
    with pytest.raises(UsageError, match=r"model\.onnx is damaged \(a name in it is not UTF-8\); export it again"):
        onnx_file.load(path)
