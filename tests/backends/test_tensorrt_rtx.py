"""Real engines by TensorRT for RTX, on a machine without a GPU: every preset in every precision that we export."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from agent.tensorrt.board_with_gpu import RTX, install
from exporting.networks import images, model, preset_model, saved
from onnx import TensorProto, helper
from results.factory import network_entry

from sis_edge.backends import tensorrt_rtx
from sis_edge.backends.base import Target
from sis_edge.bundles.manifest import RtxEngine
from sis_edge.errors import BundleError, ExportError, UsageError
from sis_edge.exporting.half import to_half
from sis_edge.exporting.quantize import quantize
from sis_edge.formation import PRESETS, Formation
from sis_edge.registries import BACKENDS

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


ENGINE = RtxEngine(
    precision="fp16",
    plan="networks/nin/fp16.plan",
    source="networks/nin/fp16.onnx",
    golden_logits="networks/nin/fp16.golden.npy",
    golden_tolerance=0.25,
    compute_capabilities=CAPABILITIES,
    version="1.7.1",
    build_s=3.0,
)


def target(**settings: Any) -> Target:
    table = tensorrt_rtx.TensorRtRtxSettings(**settings) if settings else None
    return Target(profile="desktop", gpu=None, memory_limit_bytes=None, settings=table)


def test_the_engines_that_the_profile_asks_for_are_measured() -> None:
    entry = network_entry("nin", engines=(ENGINE, ENGINE.model_copy(update={"precision": "int8"})))
    (job,) = BACKENDS["tensorrt_rtx"].jobs(entry, target(compute_capabilities=["8.6"], precisions=["fp16"]))
    assert (job.network, job.form, job.precision, job.model) == ("nin", "plain", "fp16", ENGINE.plan)
    assert (job.golden_logits, job.golden_tolerance) == (ENGINE.golden_logits, 0.25)
    assert job.options == {"precision": "fp16"}


def test_a_bundle_without_the_engine_and_a_profile_without_the_table() -> None:
    entry, backend = network_entry("nin", engines=(ENGINE,)), BACKENDS["tensorrt_rtx"]
    with pytest.raises(
        BundleError, match=r"no int8 engine of nin for TensorRT for RTX; install the extra: .* build again"
    ):
        backend.jobs(entry, target(compute_capabilities=["8.6"], precisions=["fp16", "int8"]))
    with pytest.raises(UsageError, match=r"the profile desktop has no table \[tensorrt_rtx\]; add it, or name another"):
        backend.jobs(entry, target())


def test_its_engines_are_built_from_tensorrt_s_files() -> None:
    settings = tensorrt_rtx.TensorRtRtxSettings(compute_capabilities=["8.6"], precisions=["fp32", "int8"])
    assert [(spec.runtime, spec.precision) for spec in BACKENDS["tensorrt_rtx"].variants(settings, "x86_64")] == [
        ("tensorrt", "int8")
    ]


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the library, which builds nothing that a GPU could run, and refuses what the real one does."""
    install(tmp_path / "standins", None, None, rtx=RTX)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "standins"), *sys.path])
    monkeypatch.delitem(sys.modules, "tensorrt_rtx", raising=False)


@pytest.mark.usefixtures("standin")
class TestStandIn:
    def test_an_engine_is_for_all_the_capabilities(self, small: Path) -> None:
        engine = tensorrt_rtx.build(small, CAPABILITIES, batch_sizes=(4, 1, 8))
        assert (engine.capabilities, engine.version) == (CAPABILITIES, RTX)
        assert engine.plan
        assert tensorrt_rtx.is_installed()
        assert tensorrt_rtx.version() == RTX

    @pytest.mark.parametrize(
        ("capabilities", "sentence"),
        [
            (["8.6", "8.7"], rf"TensorRT for RTX {RTX} builds nothing for compute capability 8.7; known: 7.5, 8.0"),
            ([], "an engine needs a compute capability to be built for; known: 7.5, 8.0"),
        ],
    )
    def test_capabilities_that_it_does_not_know(self, capabilities: list[str], sentence: str, small: Path) -> None:
        with pytest.raises(UsageError, match=sentence):
            tensorrt_rtx.build(small, capabilities)

    def test_what_is_no_model(self, tmp_path: Path) -> None:
        with pytest.raises(ExportError, match=r"none.onnx cannot be read \(No such file .*; build the bundle again"):
            tensorrt_rtx.build(tmp_path / "none.onnx", ["8.6"])
        (tmp_path / "m.onnx").write_bytes(b"no model")
        with pytest.raises(ExportError, match=r"TensorRT's parser refuses .*m.onnx: .*; Jetsons would refuse it too"):
            tensorrt_rtx.build(tmp_path / "m.onnx", ["8.6"])
        node = helper.make_node("Det", ["x"], ["y"], name="odd")
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, 3]) for name in "xy"]
        onnx.save(helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:])), tmp_path / "m.onnx")
        with pytest.raises(ExportError, match=r"m.onnx: node 'odd' \(Det\): No importer registered for op"):
            tensorrt_rtx.build(tmp_path / "m.onnx", ["8.6"])
