"""INT8 with native sparse kernels from the build to the record: the bundle, the job, the same bits on the board."""

import json
import platform
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from native.test_costs import calibration

from sis_edge import profiles, report
from sis_edge.board import deploy
from sis_edge.board.jobs import job_for
from sis_edge.build.networks import plan_networks
from sis_edge.build.pipeline import build
from sis_edge.build.plan import BuildPlan
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.bundles.verify import Bundle, problems
from sis_edge.cli.build import native_kernels
from sis_edge.cli.documents.bundles import shown
from sis_edge.exporting import parity
from sis_edge.formation import Formation, SynapticGraph, form
from sis_edge.native import costs
from sis_edge.native.predict import predict
from sis_edge.profiles import DeviceProfile, validate
from sis_edge.results.schema import StoredRun
from sis_edge.spec import nin
from sis_edge.transport import LocalTransport

torch.set_num_threads(1)

pytestmark = pytest.mark.slow


def profile(**onnxruntime: object) -> DeviceProfile:
    settings = {"precisions": ["fp32", "int8"], "sparse": True} | onnxruntime
    local = profiles.load("local").model_dump()
    quick = {
        "rounds": 6,
        "min_inferences": 0,
        "min_time_s": 0,
        "inferences_per_round": 3,
        "memory_repeats": 1,
        "processes": 1,
        "sampler_pairs": 2,
    }
    return validate({**local, "onnxruntime": settings, "measuring": local["measuring"] | quick | {"warmup_s": 0.01}})


def plan_in(folder: Path, profile: DeviceProfile) -> BuildPlan:
    """A network with some thousand synapses, trained on 32 images."""
    graph = folder / "small.npz"
    form(nin(), Formation(t_c=0.05, t_p=0.1)).save(graph)
    networks = plan_networks((str(graph),), profile.networks)
    return BuildPlan(
        profile,
        "digits",
        networks,
        folder / "build",
        "tiny",
        epochs=1,
        train_limit=32,
        test_images=32,
        precision="fp32",
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return build(plan_in(tmp_path_factory.mktemp("int8"), profile())).bundle


def test_the_form_is_a_variant_with_its_own_check(bundle: Bundle) -> None:
    (small,) = bundle.manifest.networks
    assert problems(bundle) == []
    plain, native = small.variants
    assert (plain.form, plain.library) == ("plain", None)
    assert (native.name, native.form, native.precision, native.runtime) == (
        "int8-native",
        "native",
        "int8",
        "onnxruntime",
    )
    assert native.library == f"native/{platform.machine()}/libsis_edge.so"
    assert native.agreement.images == native.host_test_images == 32
    assert native.agreement.max_abs_difference > 0
    assert native.golden_tolerance == 0
    assert native.paired_tests["none"].images == 16


def test_a_calibration_says_what_to_expect_of_it(bundle: Bundle) -> None:
    isa = {"x86_64": "avx512", "aarch64": "neon"}[platform.machine()]
    measured = calibration(1e-9, isa).model_copy(update={"library": f"{platform.machine()}-0"})
    plan = replace(plan_in(bundle.path.parents[1], profile()), calibration=lambda: measured, name="calibrated")
    made = build(plan).bundle
    (small,) = made.manifest.networks
    expected = predict(costs.fit(measured), SynapticGraph.load(made.path / small.graph)).int8_s
    assert [(variant.form, variant.expected_s) for variant in small.variants] == [("plain", None), ("native", expected)]
    assert small.int8_expected_s == expected
    assert expected is not None
    sentence = f"expected per image in INT8, all by native kernels: small {expected * 1e3:.3g} ms"
    assert sentence in native_kernels(made)
    assert not any("in INT8" in each for each in native_kernels(bundle))
    (said,) = shown(made).bundle.networks
    assert [variant.expected_s for variant in said.variants] == [None, expected]
    assert said.variants[0].reasons["expected_s"] == "a calibration knows native kernels only"
    (uncalibrated,) = shown(bundle).bundle.networks
    assert uncalibrated.variants[1].reasons["expected_s"] == "the board was not calibrated"


def test_it_answers_the_golden_bits_in_onnx_runtime(bundle: Bundle) -> None:
    native = bundle.manifest.networks[0].variants[1]
    assert native.library is not None
    assert bundle.manifest.golden_inputs is not None
    inputs = np.load(bundle.path / bundle.manifest.golden_inputs)
    found = parity.run_onnx(bundle.path / native.model, inputs, library=bundle.path / native.library)
    assert np.array_equal(found, np.load(bundle.path / native.golden_logits))


def test_only_who_asks_for_both_gets_it(bundle: Bundle) -> None:
    names = {
        (sparse, tuple(precisions)): [
            job.name for job in job_for(bundle, profile(sparse=sparse, precisions=precisions)).networks
        ]
        for sparse, precisions in [(True, ["fp32", "int8"]), (False, ["fp32", "int8"]), (True, ["fp32"])]
    }
    assert "small int8 (native kernels)" in names[True, ("fp32", "int8")]
    assert "small int8" in names[False, ("fp32", "int8")]
    assert "small int8 (native kernels)" not in names[False, ("fp32", "int8")]
    assert not any("int8" in name for name in names[True, ("fp32",)])


def test_the_board_answers_the_same_bits(bundle: Bundle, tmp_path: Path) -> None:
    transport = LocalTransport(tmp_path)
    record = deploy.deploy(bundle, transport, profile())
    found = next(network for network in record.networks if network.name == "small int8 (native kernels)")
    assert (found.form, found.precision, found.problem) == ("native", "int8", None)
    assert found.golden is not None
    assert found.golden.passed
    assert found.golden.max_abs_difference == 0
    run = StoredRun(
        stored_at=datetime.now(UTC),
        profile="local",
        board=transport.name,
        bundle_id=bundle.id,
        manifest=bundle.manifest,
        record=record,
    )
    assert StoredRun.from_json(run.to_json(), "this test").record == record
    report.write([run], tmp_path / "report")
    data = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))["runs"][0]
    names = ["small", "small (native kernels)", "small int8", "small int8 (native kernels)"]
    assert [network["network"] for network in data["networks"]] == names
    assert [choice["network"] for choice in data["sparse_choices"]] == ["small", "small"]
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert re.search(r"small int8\W+use the form with(out)? sparse kernels: ", page)
    native = bundle.manifest.networks[0].variants[1]
    entry = next(entry for entry, record in run.networks() if record is not None and record.name == found.name)
    assert isinstance(entry, NetworkEntry)
    assert (entry.training.host_accuracy, entry.training.host_wrong) == (native.host_accuracy, native.host_wrong)
