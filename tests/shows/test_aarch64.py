"""The whole job on the real architecture: facts, run and record in an aarch64 userland, emulated and marked so.

Also a whole sparse network there: NEON kernels against PyTorch on real images.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime

import emulated
import pytest
from tiny_bundle import tiny_profile

from sis_edge import datasets, report
from sis_edge.backends.onnxruntime import OnnxRuntime, OnnxRuntimeSettings
from sis_edge.board import deploy
from sis_edge.build import pipeline
from sis_edge.build.context import BuildContext
from sis_edge.build.networks import plan_networks
from sis_edge.build.plan import BuildPlan
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

IMAGES = 128


@pytest.fixture(scope="module")
def transport(tmp_path_factory):
    emulated.skip_or_fail()
    root = emulated.unpacked(tmp_path_factory, tmp_path_factory.mktemp("aarch64") / "root")
    with emulated.board(root) as transport:
        yield transport


@pytest.fixture(scope="module")
def run(transport, tmp_path_factory) -> StoredRun:
    """svhn-sis3 on CIFAR-10 images, after one epoch of 512 of them: what it computes is of interest, not how well.

    The golden logits are PyTorch's, here for 128 test images and not for 32; there are no others. Only the sparse form
    is measured: for the plain one the emulator needs minutes.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BuildContext, "golden_images", IMAGES)
        every = OnnxRuntime.jobs
        patch.setattr(OnnxRuntime, "jobs", lambda self, entry, target: every(self, entry, target)[1:])
        board = tiny_profile(rounds=30, architecture="aarch64")
        longer = board.measuring.model_copy(update={"time_limit_s": 600, "sampler_pairs": 2})
        settings = OnnxRuntimeSettings(sparse=True)
        board = board.model_copy(update={"onnxruntime": settings, "measuring": longer})
        folder = tmp_path_factory.mktemp("sparse")
        short = {"epochs": 1, "train_limit": 512, "test_images": 32, "precision": "fp32"}
        networks = plan_networks(["svhn-sis3"], board.networks)
        every_image = datasets.load("cifar10")
        data = replace(every_image, test=every_image.test.first(IMAGES))
        plan = BuildPlan(board, "cifar10", networks, folder, "sparse", data=data, **short)
        bundle = pipeline.build(plan).bundle
        record = deploy.deploy(bundle, transport, board)
    return StoredRun(
        stored_at=datetime.now(UTC),
        profile=board.name,
        board=transport.name,
        bundle_id=bundle.id,
        manifest=bundle.manifest,
        record=record,
    )


def test_it_is_the_other_architecture_and_marked_emulated(transport, run) -> None:
    assert transport.run(["uname", "-m"]).stdout.strip() == "aarch64"
    facts = run.record.facts_before
    assert (facts.machine, facts.emulated, facts.simulated) == ("aarch64", True, False)
    assert facts.python is not None
    assert facts.python.startswith(emulated.PYTHON)


def test_the_aarch64_run_time_computes_what_the_host_computed(run) -> None:
    assert run.record.problem is None
    assert run.record.runner_details["runner"] == "onnxruntime"
    for network in run.record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert network.accuracy is not None
        assert network.accuracy.images > 0
        assert len(network.rounds) >= 30


def test_it_gets_no_speed_verdict_and_no_speed_up(run, tmp_path) -> None:
    assert judge(run.record).level == "NONE"
    report.write([run], tmp_path)
    data = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["runs"][0]
    assert data["mark"] == "emulated"
    assert data["verdict"]["level"] == "NONE"
    for network in data["networks"]:
        assert network["emulated"]
        assert network["speed_up"] is None
        assert network["device_accuracy"] is not None
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "NO VERDICT" in page
    assert '<span class="mark">emulated</span>' in page


def test_a_whole_sparse_network_sees_what_pytorch_sees(run) -> None:
    assert run.record.facts_before.machine == "aarch64"
    (network,) = run.record.networks
    assert (network.name, network.problem) == ("svhn-sis3 (native kernels)", None)
    assert network.golden is not None
    assert network.golden.images == IMAGES
    assert network.golden.top1_agreement == 1
    assert network.golden.max_abs_difference < 1e-4


def test_the_stored_run_reads_back(run) -> None:
    assert StoredRun.from_json(run.to_json(), "this test").record == run.record
