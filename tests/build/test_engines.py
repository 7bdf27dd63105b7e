"""Engines for desktop GPUs in bundles, and the jobs that measure them."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from exporting.networks import model, saved
from tiny_bundle import tiny_bundle

from sis_agent.schema import NetworkJob
from sis_edge import profiles
from sis_edge.backends import tensorrt_rtx
from sis_edge.backends.tensorrt_rtx import TensorRtRtxSettings
from sis_edge.backends.variants import VariantSpec
from sis_edge.board.jobs import job_for
from sis_edge.build.steps import engines
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.errors import BundleError, UsageError
from sis_edge.exporting.half import to_half
from sis_edge.extras import adding
from sis_edge.formation import Formation
from sis_edge.profiles import DeviceProfile

HALF = VariantSpec("fp16", "fp16", "tensorrt")


def desktop(*precisions: Any) -> DeviceProfile:
    settings = TensorRtRtxSettings(compute_capabilities=["8.6", "8.9"], precisions=list(precisions))
    return profiles.load("desktop-rtx").model_copy(update={"tensorrt_rtx": settings})


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, dict[VariantSpec, tuple[Path, dict[str, Any]]]]:
    single = model(Formation())
    saved(to_half(single), tmp_path / HALF.model)
    return saved(single, tmp_path / "model.onnx"), {HALF: (tmp_path, {"golden_tolerance": 0.5})}


def build(tmp_path: Path, profile: DeviceProfile, files: Any) -> tuple[list[engines.Built], list[tuple[int, int, str]]]:
    steps: list[tuple[int, int, str]] = []
    return engines.build(tmp_path / "stages", profile, *files, lambda *step: steps.append(step)), steps


def test_each_engine_is_built_once(tmp_path: Path, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any, Any]] = []

    def fake(path: Path, capabilities: Any, *, batch_sizes: Any) -> tensorrt_rtx.BuiltEngine:
        asked.append((path.name, capabilities, batch_sizes))
        return tensorrt_rtx.BuiltEngine(path.read_bytes(), tuple(capabilities), "1.7", 2.5, ())

    monkeypatch.setattr(tensorrt_rtx, "is_installed", lambda: True)
    monkeypatch.setattr(tensorrt_rtx, "version", lambda: "1.7")
    monkeypatch.setattr(tensorrt_rtx, "build", fake)
    found, steps = build(tmp_path, desktop("fp32", "fp16"), files)
    assert asked == [("model.onnx", ["8.6", "8.9"], [1]), ("fp16.onnx", ["8.6", "8.9"], [1])]
    assert steps == [(1, 2, "fp32"), (2, 2, "fp16")]
    assert [built.file.read_bytes() for built in found] == [
        files[0].read_bytes(),
        (tmp_path / "fp16.onnx").read_bytes(),
    ]
    entry = found[1].entry("nin")
    assert (entry.plan, entry.source) == ("networks/nin/rtx-fp16.plan", "networks/nin/fp16.onnx")
    assert (entry.golden_logits, entry.golden_tolerance) == ("networks/nin/fp16.golden.npy", 0.5)
    assert (entry.compute_capabilities, entry.version, entry.build_s) == (("8.6", "8.9"), "1.7", 2.5)
    again, _ = build(tmp_path, desktop("fp16"), files)
    assert len(asked) == 2
    assert again[0].file == found[1].file


def test_without_the_extra_there_is_a_sentence(tmp_path: Path, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_rtx, "is_installed", lambda: False)
    found, steps = build(tmp_path, desktop("fp32"), files)
    assert found == []
    assert [note for _, _, note in steps] == [
        f"no engines, since TensorRT for RTX is not installed here; install the extra: `{adding('rtx')}`"
    ]
    assert engines.settings(desktop("fp32")) is None


def test_a_board_without_a_table_has_none(tmp_path: Path, files: Any) -> None:
    assert build(tmp_path, profiles.load("jetson-orin-nano"), files) == ([], [])


@pytest.mark.rtx
@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="the extra 'rtx' is not installed")
def test_real_engines(tmp_path: Path, files: Any) -> None:
    found, _ = build(tmp_path, desktop("fp32", "fp16"), files)
    assert [built.file.read_bytes()[:4] for built in found] == [b"vtrt", b"vtrt"]
    sizes = [built.file.stat().st_size for built in found]
    assert sizes[1] < sizes[0]
    assert found[0].entry("nin").version == tensorrt_rtx.version()


def with_engines(entry: NetworkEntry) -> NetworkEntry:
    made = {"compute_capabilities": ("8.6",), "version": "1.7", "build_s": 1.0, "source": entry.model}
    found = [
        {**made, "precision": "fp32", "plan": "a.plan", "golden_logits": "a.npy"},
        {**made, "precision": "fp16", "plan": "b.plan", "golden_logits": "b.npy", "golden_tolerance": 0.5},
    ]
    return NetworkEntry.model_validate({**entry.model_dump(), "engines": found})


def jobs_for(entry: NetworkEntry, profile: DeviceProfile) -> list[NetworkJob]:
    return tensorrt_rtx.BACKEND.jobs(entry, profile.target("tensorrt_rtx"))


def test_jobs_of_engines(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    entry = with_engines(bundle.manifest.networks[0])
    jobs = jobs_for(entry, desktop("fp32", "fp16"))
    assert [(job.name, job.network, job.model, job.golden_logits, job.golden_tolerance) for job in jobs] == [
        ("dense", "dense", "a.plan", "a.npy", None),
        ("dense fp16", "dense", "b.plan", "b.npy", 0.5),
    ]
    assert [job.options for job in jobs] == [{"precision": "fp32"}, {"precision": "fp16"}]
    with pytest.raises(BundleError, match=r"no int8 engine of dense .*sis-edge\[rtx\]"):
        jobs_for(entry, desktop("int8"))
    with pytest.raises(UsageError, match=r"no table \[tensorrt_rtx\]"):
        jobs_for(entry, profiles.load("jetson-nano"))
    with pytest.raises(BundleError, match="no fp32 engine of dense"):
        job_for(bundle, desktop("fp32"), runner="tensorrt_rtx")
