"""Winograd's algorithm from the build to the bundle: used, refused by its error, left out by the user."""

import platform
from pathlib import Path

import numpy as np
import pytest
import torch
from native.networks import small_network
from test_sparse_line import plan_in

from sis_edge.build.pipeline import build
from sis_edge.bundles.manifest import SparseForm
from sis_edge.bundles.verify import Bundle, problems
from sis_edge.cli.build import native_kernels
from sis_edge.exporting import onnx_file, parity
from sis_edge.exporting import winograd as check
from sis_edge.exporting.sparse import Plan
from sis_edge.exporting.sparse_onnx import to_sparse_onnx
from sis_edge.native import build as library_build
from sis_edge.native import choice
from sis_edge.report import layers

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("winograd-line") / "build"


@pytest.fixture(scope="module")
def library_path() -> Path:
    return library_build.library(platform.machine())


@pytest.fixture(autouse=True)
def pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small network has too few kernels for it."""
    monkeypatch.setattr(choice, "seems_to_pay", lambda layer, pairs: layer.kernel in (3, 5))


def form_of(bundle: Bundle) -> SparseForm:
    (small,) = (entry for entry in bundle.manifest.networks if entry.name == "small")
    assert problems(bundle) == []
    assert small.sparse is not None
    assert small.sparse.network is not None
    assert small.sparse.network.agreement is not None
    assert small.sparse.network.agreement.top1_agreement == 1
    return small.sparse


@pytest.mark.slow
def test_layers_by_winograds_algorithm_are_named_with_what_it_changes(folder: Path) -> None:
    bundle = build(plan_in(folder)).bundle
    form = form_of(bundle)
    assert [layer.layer for layer in form.layers if layer.algorithm == "winograd"] == ["C1", "C2", "C3"]
    assert form.winograd is not None
    assert form.winograd.left_out is None
    assert form.winograd.images == form.winograd.test_images == 32
    assert 0 < form.winograd.error < check.BOUND
    assert form.winograd.top1_agreement == 1
    told = " ".join(native_kernels(bundle))
    assert "C1 native (Winograd), " in told
    assert "Winograd's algorithm changes logits by up to " in told
    assert "native (Winograd)" in {layers._cells(layer)[5].text for layer in form.layers}


@pytest.mark.slow
def test_exact_leaves_it_out_and_is_another_build(folder: Path) -> None:
    result = build(plan_in(folder, exact=True))
    assert not result.was_done
    form = form_of(result.bundle)
    assert {layer.algorithm for layer in form.layers} == {"direct"}
    assert form.winograd is None


@pytest.mark.slow
def test_it_is_left_out_with_the_reason_where_it_changes_too_much(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "BOUND", 0.0)
    bundle = build(plan_in(folder, test_images=33)).bundle
    form = form_of(bundle)
    assert {layer.algorithm for layer in form.layers} == {"direct"}
    assert form.winograd is not None
    assert form.winograd.left_out is not None
    assert form.winograd.left_out.endswith("of the logits' range (allowed 0)")
    assert f"small: without Winograd's algorithm: {form.winograd.left_out}" in native_kernels(bundle)


def test_the_error_is_over_the_range_of_the_logits(library_path: Path, tmp_path: Path) -> None:
    network = small_network()
    specs = [layer.spec for layer in network.layers]
    plan = Plan(tuple(choice.Choice(spec, 1.0, "native", 1, "", winograd=spec.kernel > 1) for spec in specs))
    images = np.random.default_rng(0).standard_normal((8, 3, 16, 16)).astype(np.float32)
    logits = []
    for ways in (None, plan.winograd):
        onnx_file.save(to_sparse_onnx(network, "x", plan.blocks, ways), tmp_path / "x.onnx")
        logits.append(parity.run_onnx(tmp_path / "x.onnx", images, library=library_path))
    found = check.measure(network, plan, library_path, images, images[:5])
    assert (found.images, found.test_images, found.top1_agreement, found.left_out) == (8, 5, 1.0, None)
    expected = np.abs(logits[0].astype(np.float64) - logits[1]).max() / np.ptp(logits[0])
    assert found.error > 0
    assert found.error == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("error", "largest", "agreement", "reason"),
    [
        (1e-3, 5e-5, 1.0, None),
        (1.1e-3, 5e-5, 1.0, "its error is 0.0011 of the logits' range (allowed 0.001)"),
        (float("nan"), 5e-5, 1.0, "its error is nan of the logits' range (allowed 0.001)"),
        (1e-6, 6e-5, 1.0, "logits differ by up to 6e-05 (allowed 5e-05)"),
        (1e-6, 1e-6, 9999 / 10000, "top-1 agrees on 99.99% of the test images"),
    ],
)
def test_each_bound_is_kept_or_named(error: float, largest: float, agreement: float, reason: str | None) -> None:
    assert check._left_out(error, largest, agreement) == reason
