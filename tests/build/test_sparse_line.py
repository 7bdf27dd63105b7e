"""Native sparse kernels from the build to the report: the bundle, the job, the record, the pages."""

import io
import json
import platform
import re
import shutil
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clients import c_client, logits, python_client, ran
from native.test_costs import calibration

from sis_edge import datasets, profiles, report
from sis_edge.board import deploy, self_check
from sis_edge.board.jobs import job_for
from sis_edge.build.networks import plan_networks
from sis_edge.build.pipeline import build
from sis_edge.build.plan import BuildPlan
from sis_edge.bundles.product import export_product
from sis_edge.bundles.verify import Bundle, open_bundle, problems
from sis_edge.cli.build import native_kernels
from sis_edge.errors import UsageError
from sis_edge.formation import Formation, form
from sis_edge.native import build as library_build
from sis_edge.native import toolchain
from sis_edge.profiles import DeviceProfile
from sis_edge.report import layers
from sis_edge.results.schema import StoredRun
from sis_edge.spec import nin
from sis_edge.transport import LocalTransport

torch.set_num_threads(1)

E_MACHINE = {"x86_64": 62, "aarch64": 183}


def plan_in(folder: Path, profile: DeviceProfile | None = None, **changes: object) -> BuildPlan:
    """NiN and a network with some thousand synapses, trained on 32 images."""
    graph = folder.parent / "small.npz"
    if not graph.exists():
        form(nin(), Formation(t_c=0.05, t_p=0.1)).save(graph)
    settings: dict[str, object] = {"epochs": 1, "train_limit": 32, "test_images": 32, "precision": "fp32"} | changes
    profile = profile or profiles.load("local")
    networks = plan_networks(("nin", str(graph)), profile.networks)
    return BuildPlan(profile, "digits", networks, folder, f"tiny-{profile.name}", **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def _few_images() -> Iterator[None]:
    """As many test images as the bundles hold: the dense network takes its time for each of the 500."""
    digits = datasets.load("digits")
    few = replace(digits, test=digits.test.first(32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sis_edge.datasets.load", lambda *names, **options: few)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sparse-line") / "build"


@pytest.fixture(scope="module")
def bundle(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Kept where no test builds another one of its name."""
    made = build(plan_in(folder)).bundle
    return open_bundle(Path(shutil.copytree(made.path, tmp_path_factory.mktemp("kept") / made.path.name)))


@pytest.mark.slow
def test_the_exported_sparse_form_computes_what_the_plain_one_does(bundle: Bundle, tmp_path: Path) -> None:
    product = tmp_path / "product"
    files = export_product(bundle, product, "small")
    names = {"model.onnx", "sparse.onnx", "libsis_edge.so", "preprocessing.json", "network.h", "labels.txt"}
    assert names <= {file.name for file in files}
    images = bundle.path / "data/test_images.npy"
    plain, sparse = [product / "model.onnx", images], [product / "sparse.onnx", images, product / "libsis_edge.so"]
    expected = logits(*python_client(product), *plain)
    assert expected.shape == (len(np.load(images)), 10)
    for found in (logits(*python_client(product), *sparse), logits(c_client(product), *sparse)):
        assert np.abs(found - expected).max() < 1e-3
    without = ran(product / "client", *sparse[:2])
    assert without.returncode == 1
    assert "ONNX Runtime: " in without.stderr


def test_a_network_that_is_sparse_has_a_native_form_beside_it(bundle: Bundle) -> None:
    dense, small = bundle.manifest.networks
    assert problems(bundle) == []
    assert dense.sparse is not None
    assert (dense.sparse.network, dense.sparse.absent) == (None, "they are expected to be faster for no layer")
    assert small.sparse is not None
    assert small.sparse.network is not None
    assert small.sparse.absent is None
    assert small.sparse.network.library == f"native/{platform.machine()}/libsis_edge.so"
    assert (bundle.path / small.sparse.network.library).read_bytes()[:4] == b"\x7fELF"
    assert small.sparse.network.agreement is not None
    assert small.sparse.network.agreement.images == 32
    assert small.sparse.network.agreement.top1_agreement == 1
    assert small.sparse.network.host_accuracy is not None
    assert [layer.layer for layer in small.sparse.layers] == [layer.name for layer in nin().layers]
    assert {layer.chosen for layer in small.sparse.layers} == {"native"}
    second = small.sparse.layers[3]
    assert second.why == f"sparse: {second.share:.0%} of its kernels exist"
    assert all((layer.dense_s, layer.native_s) == (None, None) for layer in small.sparse.layers)
    assert "`sis-edge calibrate --host HOST` measures the board" in small.sparse.basis
    listed = [entry.path for entry in bundle.manifest.files]
    assert sum(path.startswith("native/") for path in listed) == 1


def test_what_is_native_is_told(bundle: Bundle) -> None:
    told = native_kernels(bundle)
    assert told[0].startswith("native sparse kernels: small 9 of 9 layers (not calibrated; ")
    assert told[1].startswith("small: ")
    small = bundle.manifest.networks[1].sparse
    assert small is not None
    for layer in small.layers:
        assert re.search(rf"\b{layer.layer} [^;]*native, {re.escape(layer.why)}", told[1])
    assert told[2] == "no native sparse kernels in nin: they are expected to be faster for no layer"


@pytest.fixture(scope="module")
def run(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    from datetime import UTC, datetime

    local = profiles.load("local")
    few = {"rounds": 6, "min_inferences": 0, "min_time_s": 0, "inferences_per_round": 3, "memory_repeats": 1}
    short = local.measuring.model_copy(update={**few, "processes": 1, "sampler_pairs": 2})
    profile = local.model_copy(update={"measuring": short})
    transport = LocalTransport(tmp_path_factory.mktemp("board"))
    record = deploy.deploy(bundle, transport, profile)
    return StoredRun(
        stored_at=datetime.now(UTC),
        profile=profile.name,
        board=transport.name,
        bundle_id=bundle.id,
        manifest=bundle.manifest,
        record=record,
    )


@pytest.mark.slow
def test_both_forms_are_measured_side_by_side(run: StoredRun) -> None:
    assert [network.name for network in run.record.networks] == ["nin", "small", "small (native kernels)"]
    for network in run.record.networks:
        assert network.problem is None
        assert network.golden is not None
        assert network.golden.passed
        assert len(network.rounds) >= 6
    plain, sparse = run.record.networks[1:]
    assert plain.accuracy == sparse.accuracy
    assert StoredRun.from_json(run.to_json(), "this test").record == run.record


def test_the_report_shows_both_and_why(run: StoredRun, tmp_path: Path) -> None:
    report.write([run], tmp_path)
    data = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["runs"][0]
    assert [network["network"] for network in data["networks"]] == ["nin", "small", "small (native kernels)"]
    assert all(network["speed_up"] > 0 for network in data["networks"][1:])
    (choice,) = data["sparse_choices"]
    assert choice["network"] == "small"
    assert [layer["chosen"] for layer in data["layers"]["small"]["layers"]] == ["native"] * 9
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    for text in (page, markdown):
        assert "Layers of small" in text
        assert "Native kernels compute 9 of 9 layers; not calibrated" in text
        assert "of its kernels exist" in text
    assert "small (native kernels)," in (tmp_path / "results.csv").read_text(encoding="utf-8")
    (command,) = (line for line in data["reproduce"] if line.startswith("sis-edge bench"))
    assert "sparse" not in command


def test_the_terminal_has_a_line_for_it(run: StoredRun) -> None:
    from rich.console import Console

    from sis_edge.report import terminal

    console = Console(width=80, record=True, file=io.StringIO())
    console.print(terminal.table(run))
    shown = console.export_text()
    assert "small: native kernels in 9 of 9 layers" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.slow
def test_the_self_check_runs_both(bundle: Bundle) -> None:
    checks = self_check.run(bundle, ["small"], pairs=2)
    assert [check.network for check in checks] == ["small", "small (native kernels)"]
    assert all(check.p50.estimate > 0 for check in checks)


@pytest.mark.slow
def test_a_bundle_for_a_raspberry_pi_has_its_library(folder: Path, bundle: Bundle) -> None:
    made = build(plan_in(folder, profiles.load("raspberry-pi-4"))).bundle
    assert problems(made) == []
    small = made.manifest.networks[1].sparse
    assert small is not None
    assert small.network is not None
    assert small.network.library == "native/aarch64/libsis_edge.so"
    header = (made.path / small.network.library).read_bytes()[:20]
    assert struct.unpack_from("<H", header, 18)[0] == E_MACHINE["aarch64"]
    if platform.machine() != "aarch64":
        assert (small.network.host_accuracy, small.network.agreement) == (None, None)
        assert small.network.unchecked == f"this machine is a {platform.machine()}, the library is for aarch64"
    job = job_for(made, profiles.load("raspberry-pi-4"))
    assert [network.name for network in job.networks] == [
        "nin",
        "nin int8",
        "nin int8 (native kernels)",
        "small",
        "small (native kernels)",
        "small int8",
        "small int8 (native kernels)",
    ]
    libraries = [network.files for network in job.networks if "native" in network.name]
    assert libraries == [{"custom_ops": "native/aarch64/libsis_edge.so"}] * 3


def test_without_a_compiler_the_build_goes_on_and_says_so(
    folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(architecture: str) -> toolchain.Toolchain:
        raise UsageError(f"there is no C compiler for {architecture} here; get one")

    monkeypatch.setattr(library_build.toolchain, "find", none)
    result = build(plan_in(folder))
    assert not result.was_done, "another library, another build"
    sentence = f"there is no C compiler for {platform.machine()} here; get one"
    for entry in result.bundle.manifest.networks:
        assert entry.sparse is not None
        assert (entry.sparse.network, entry.sparse.absent) == (None, sentence)
    assert native_kernels(result.bundle) == [f"no native sparse kernels in nin, small: {sentence}"]
    assert not (result.bundle.path / "native").exists()
    job = job_for(result.bundle, profiles.load("local"))
    assert [network.name for network in job.networks] == ["nin", "small"]


def test_a_calibration_decides_and_is_part_of_the_build(folder: Path, bundle: Bundle) -> None:
    machine = platform.machine()
    isa = {"x86_64": "avx512", "aarch64": "neon"}[machine]
    doubtful = {"library": f"{machine}-0", "threads": 4, "fit_error": {"ONNX Runtime": 0.3}}
    slow = calibration(1e-9, isa).model_copy(update=doubtful)
    plan = plan_in(folder, calibration=lambda: slow)
    result = build(plan)
    assert not result.was_done
    for entry in result.bundle.manifest.networks:
        assert entry.sparse is not None
        assert entry.sparse.network is not None
        assert entry.sparse.calibration == slow.digest
        assert entry.sparse.basis.startswith("calibrated on b: ")
        assert entry.sparse.chosen_s is not None
        assert entry.sparse.dense_s is not None
        assert entry.sparse.chosen_s < entry.sparse.dense_s
        assert all(
            layer.dense_s is not None and "faster than ONNX Runtime" in layer.why for layer in entry.sparse.layers
        )
        assert entry.sparse.basis.endswith(", 4 threads")
        assert entry.sparse.doubt == slow.doubt
        told = " ".join(layers.sentences(entry.sparse, None, entry.sparse.dense_s / 8))
        assert re.search(
            r"Expected in INT8, all by native kernels: [\d.]+ .?s, 8.00× the speed of the dense network.", told
        )
        assert (
            "Caution: the calibration of b is doubtful: cost-model error for ONNX Runtime is 30.0% (limit 15.0%)"
            in told
        )
        assert "Expected per image on 4 threads: " in told
    assert native_kernels(result.bundle).count(f"Warning: {slow.doubt}.") == 1
    assert build(plan).was_done
    other = slow.model_copy(update={"library": "riscv64-0"})
    assert build(plan_in(folder, calibration=lambda: other)).bundle.manifest.networks[1].sparse.calibration is None  # type: ignore[union-attr]


def test_a_profile_that_does_not_ask_gets_none(folder: Path, bundle: Bundle) -> None:
    local = profiles.load("local")
    plain = local.model_copy(update={"onnxruntime": local.onnxruntime.model_copy(update={"sparse": False})})
    made = build(plan_in(folder, plain, calibration=pytest.fail)).bundle
    assert [entry.sparse for entry in made.manifest.networks] == [None, None]
    assert not (made.path / "native").exists()
