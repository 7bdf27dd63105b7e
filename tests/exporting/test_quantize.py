"""INT8: explicit Q/DQ in the layout that each runtime fuses, zeros stay zero, layers in float only for a reason."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from scipy.stats import binomtest

from exporting.networks import images, model, saved
from sis_edge.exporting import parity, sparsity
from sis_edge.exporting.quantize import CALIBRATION_BATCH, Correct, Layout, mcnemar, quantize, quantize_best
from sis_edge.formation import Formation

NM = Formation(t_c=0.5, t_p=1, conv="nm")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(model(NM), tmp_path_factory.mktemp("int8") / "fp32.onnx")


@pytest.mark.parametrize("layout", ["tensorrt", "cpu"])
def test_it_answers_nearly_as_before(source: Path, tmp_path: Path, layout: Layout) -> None:
    x = images(48)
    quantize(source, tmp_path / "int8.onnx", x[:32], layout)
    reference = parity.run_onnx(source, x)
    answer = parity.run_onnx(tmp_path / "int8.onnx", x)
    assert 0 < np.abs(answer - reference).max() < 0.15 * np.abs(reference).max()
    written = onnx.load(tmp_path / "int8.onnx")
    assert written.ir_version == 8
    assert [(entry.domain, entry.version) for entry in written.opset_import] == [("", 13)]


def test_every_image_calibrates(source: Path, tmp_path: Path) -> None:
    """The range of the input is that of the brightest image, in whatever batch it comes."""
    x = images(CALIBRATION_BATCH + 1)
    scales = []
    for factor in (1, 10):
        quantize(source, tmp_path / "int8.onnx", np.concatenate([x[:-1], factor * x[-1:]]), "tensorrt")
        graph = onnx.load(tmp_path / "int8.onnx").graph
        (scale,) = (node.input[1] for node in graph.node if node.input[0] == "input")
        scales.append(next(float(numpy_helper.to_array(one)) for one in graph.initializer if one.name == scale))
    assert scales[0] == pytest.approx(np.abs(x).max() / 127, rel=0.02)
    assert scales[1] == pytest.approx(10 * np.abs(x[-1]).max() / 127, rel=0.02)


def test_the_layout_for_tensorrt(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "int8.onnx", images(16), "tensorrt")
    graph = onnx.load(tmp_path / "int8.onnx").graph
    arrays = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    convs = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convs) == 6
    for conv in convs:
        activations, weights = (made_by[name] for name in conv.input[:2])
        assert (activations.op_type, weights.op_type) == ("DequantizeLinear", "DequantizeLinear")
        assert not arrays[activations.input[2]].any(), "TensorRT takes symmetric activations only"
        assert arrays[activations.input[2]].dtype == np.int8
        pair = made_by[weights.input[0]]
        assert pair.op_type == "QuantizeLinear", "TensorRT 8 refuses weights that the file holds in INT8"
        assert pair.input[1:] == weights.input[1:]
        assert arrays[pair.input[0]].dtype == np.float32
        assert arrays[weights.input[1]].shape == (arrays[pair.input[0]].shape[0],), "a scale for each filter"
        assert arrays[weights.input[2]].dtype == np.int8
        assert arrays[conv.input[2]].dtype == np.float32, "TensorRT has no INT32 biases"
        users = [node.op_type for node in graph.node if conv.output[0] in node.input]
        assert users in (["Relu"], ["GlobalAveragePool"]), "nothing stands between convolution and ReLU"


def test_zeros_stay_zero(source: Path, tmp_path: Path) -> None:
    before = [row.is_24 for row in sparsity.weights(source)]
    assert before == [None, False, False, True, False, False]
    for layout in ("tensorrt", "cpu"):
        quantize(source, tmp_path / "int8.onnx", images(16), layout)
        rows = sparsity.weights(tmp_path / "int8.onnx")
        assert [row.is_24 for row in rows] == before
        assert {row.dtype for row in rows} == {"int8"}


def test_layers_that_stay_in_float(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "int8.onnx", images(16), "cpu", float_layers=["C1", "MP2b"])
    kinds = {row.layer: row.dtype for row in sparsity.weights(tmp_path / "int8.onnx")}
    assert [name for name, kind in kinds.items() if kind == "float32"] == ["C1", "MP2b"]


def test_narrow_weights_use_seven_bits(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "int8.onnx", images(16), "cpu", narrow_weights=True)
    arrays = [numpy_helper.to_array(value) for value in onnx.load(tmp_path / "int8.onnx").graph.initializer]
    assert max(np.abs(array).max() for array in arrays if array.dtype == np.int8 and array.ndim == 4) <= 64


def test_the_same_images_give_the_same_file(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        quantize(source, tmp_path / name, images(16), "tensorrt")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def answers(lost: int = 0, won: int = 0) -> Correct:
    """Of 500 images the network in float32 classifies 450 correctly; this one loses some of them and wins others."""
    found = np.arange(500) < 450
    found[:lost] = False
    found[450 : 450 + won] = True
    return found


@pytest.mark.parametrize(
    ("trials", "kept"),
    [
        ([(0, 0)], ()),
        ([(2, 0)], ()),  # two images of 500 prove nothing
        ([(9, 2)], ()),
        ([(0, 9)], ()),
        ([(12, 2), (1, 0)], ("MP2b",)),
        ([(12, 2), (20, 1), (3, 1)], ("C1",)),
        ([(12, 2), (20, 1), (8, 0), (2, 2)], ("C1", "MP2b")),
        ([(40, 0), (38, 0), (8, 0), (7, 0)], ("C1",)),  # all lose: those of the last two are as good as equal
        ([(200, 0), (180, 0), (100, 0), (6, 0)], ("C1", "MP2b")),
        ([(9, 0), (9, 0), (9, 0), (9, 0)], ()),
    ],
)
def test_a_layer_stays_in_float_where_a_paired_test_demands_it(
    source: Path, tmp_path: Path, trials: list[tuple[int, int]], kept: tuple[str, ...]
) -> None:
    """No more is tried than needed."""
    given = iter([answers(), *(answers(*trial) for trial in trials)])
    found = quantize_best(source, tmp_path / "int8.onnx", images(8), "tensorrt", lambda path: next(given))
    assert next(given, None) is None
    assert found[0].float_layers == kept
    assert sorted((trial.lost, trial.won) for trial in found) == sorted(trials)
    assert {trial.images for trial in found} == {500}
    assert all(trial.correct == 450 - trial.lost + trial.won for trial in found)
    kinds = [row.layer for row in sparsity.weights(tmp_path / "int8.onnx") if row.dtype == "float32"]
    assert tuple(kinds) == kept, "the file is the chosen trial's"


@pytest.mark.parametrize(("lost", "won"), [(0, 0), (0, 5), (5, 0), (7, 1), (60, 40), (1300, 1200), (5000, 0)])
def test_the_paired_test_is_the_exact_binomial_one(lost: int, won: int) -> None:
    expected = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert mcnemar(lost, won) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(won, lost) == mcnemar(lost, won)
