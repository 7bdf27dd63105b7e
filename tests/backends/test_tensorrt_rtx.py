"""Real engines by TensorRT for RTX, on a machine without a GPU: every preset in every precision that we export."""

import importlib.util
import sys
from pathlib import Path

import onnx
import pytest
from exporting.networks import images, model, preset_model, saved
from onnx import TensorProto, helper

from sis_edge.backends import tensorrt_rtx
from sis_edge.errors import ExportError, UsageError
from sis_edge.exporting.half import to_half
from sis_edge.exporting.quantize import quantize
from sis_edge.formation import PRESETS, Formation

CAPABILITIES = ("8.6", "8.9", "12.0")

installed = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="the extra 'rtx' is not installed"
)
rtx = [pytest.mark.rtx, installed]


@pytest.mark.parametrize(
    ("name", "conv"), [*((name, "kernel") for name in PRESETS), ("cifar10-sis1", "nm"), ("cifar10-sis2", "nm")]
)
class TestPresets:
    pytestmark = rtx

    def test_fp32(self, tmp_path: Path, name: str, conv: str) -> None:
        engine = tensorrt_rtx.build(saved(preset_model(name, conv), tmp_path / "m.onnx"), CAPABILITIES)
        assert engine.plan[:4] == b"vtrt"
        assert engine.capabilities == CAPABILITIES

    def test_fp16(self, tmp_path: Path, name: str, conv: str) -> None:
        single = preset_model(name, conv)
        sizes = [
            len(tensorrt_rtx.build(saved(each, tmp_path / "m.onnx"), CAPABILITIES).plan)
            for each in (single, to_half(single))
        ]
        assert sizes[1] < 0.75 * sizes[0], "an engine of half precision weighs about half"

    def test_int8(self, tmp_path: Path, name: str, conv: str) -> None:
        source = saved(preset_model(name, conv), tmp_path / "fp32.onnx")
        quantize(source, tmp_path / "int8.onnx", images(8), "tensorrt")
        engine = tensorrt_rtx.build(tmp_path / "int8.onnx", CAPABILITIES, batch_sizes=(1, 8))
        assert engine.plan[:4] == b"vtrt"
        assert engine.build_s > 0


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return saved(model(Formation()), tmp_path / "small.onnx")


@pytest.mark.rtx
@installed
def test_the_same_file_gives_the_same_engine(small: Path) -> None:
    assert tensorrt_rtx.build(small, ["8.6"]).plan == tensorrt_rtx.build(small, ["8.6"]).plan


@pytest.mark.rtx
@installed
def test_what_the_parser_refuses(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Abacus", ["input"], ["logits"], name="beads", domain="nobody")],
        "wrong",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
    )
    imports = [helper.make_opsetid("", 13), helper.make_opsetid("nobody", 1)]
    path = tmp_path / "wrong.onnx"
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), str(path))
    with pytest.raises(ExportError, match=r"parser refuses .*wrong.onnx: node 'beads' \(Abacus\): .*") as raised:
        tensorrt_rtx.build(path, ["8.6"])
    assert "INVALID_NODE" in str(raised.value) or "UNSUPPORTED_NODE" in str(raised.value)


@pytest.mark.rtx
@installed
@pytest.mark.parametrize("content", [b"", b"no model at all"])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "none.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"none.onnx"):
        tensorrt_rtx.build(path, ["8.6"])


@pytest.mark.rtx
@installed
@pytest.mark.parametrize("capabilities", [["8.7"], ["8.6", "5.3"], ["86"], []])
def test_jetsons_are_not_among_its_gpus(small: Path, capabilities: list[str]) -> None:
    with pytest.raises(UsageError, match=r"compute capability.*known: 7.5, 8.0, 8.6, 8.9, 12.0, 12.1"):
        tensorrt_rtx.build(small, capabilities)


@pytest.mark.rtx
@installed
def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"none.onnx cannot be read \(No such file"):
        tensorrt_rtx.build(tmp_path / "none.onnx", ["8.6"])


def test_without_the_extra(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(UsageError, match=r"not installed here.*pip install 'sis-edge\[rtx\]'"):
        tensorrt_rtx.build(small, ["8.6"])
