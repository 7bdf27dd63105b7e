"""The audit of a bundle: what is eligible for 2:4, why not, and what a stored run says that TensorRT chose."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exporting.networks import preset_model, saved
from tiny_bundle import tiny_bundle

from sis_agent.schema import (
    JOB_VERSION,
    RECORD_VERSION,
    Facts,
    NetworkJob,
    NetworkRecord,
    Preprocess,
    Problem,
    Record,
    RoundSamples,
)
from sis_agent.schema import Job as AgentJob
from sis_edge import profiles
from sis_edge.backends.tensorrt import TensorRtSettings
from sis_edge.bundles.identity import PLAIN, SPARSE_24, label
from sis_edge.bundles.manifest import Granularities
from sis_edge.bundles.verify import Bundle, file_entries, open_bundle, write_manifest
from sis_edge.cli import run as run_command
from sis_edge.exporting.sparsity import WeightSparsity
from sis_edge.profiles import DeviceProfile
from sis_edge.results.schema import StoredRun
from sis_edge.results.sparsity_audit import NetworkAudit, audit, newest_run, why_not

ORIN = profiles.load("jetson-orin-nano")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose network `sparse` is SiS#2 in 2:4."""
    folder = tmp_path_factory.mktemp("audit") / "bundle"
    tiny_bundle(folder)
    return with_network(folder, "cifar10-sis2", "nm")


def with_network(folder: Path, preset: str, conv: str) -> Bundle:
    saved(preset_model(preset, conv), folder / "networks/sparse/model.onnx")
    manifest = open_bundle(folder).manifest
    units = Granularities(conv=conv, micro="neuron")
    entries = [entry.model_copy(update={"granularity": units}) for entry in manifest.networks]
    return write_manifest(
        folder, manifest.model_copy(update={"networks": tuple(entries), "files": file_entries(folder)})
    )


def of_sparse(bundle: Bundle, profile: DeviceProfile, run: StoredRun | None = None) -> NetworkAudit:
    return next(network for network in audit(bundle, profile, run) if network.entry.name == "sparse")


def reasons(found: NetworkAudit) -> dict[str, str | None]:
    return {layer.weights.layer: layer.why_not for layer in found.layers}


def test_what_is_eligible(bundle: Bundle) -> None:
    found = of_sparse(bundle, ORIN)
    dense = dict.fromkeys(("MP1a", "MP1b", "MP2a", "MP2b", "MP3a", "MP3b"), "structure: dense")
    assert reasons(found) == {**dense, "C1": "channels: 3 inputs do not divide by 4", "C2": None, "C3": None}
    assert {layer.chosen for layer in found.layers} == {None}
    assert found.not_measured == "not measured: there is no stored run of this bundle"


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (profiles.load("jetson-nano"), "hardware: compute capability 5.3 has no sparse tensor cores"),
        (profiles.load("raspberry-pi-5"), "hardware: the profile has no GPU for TensorRT"),
        (
            ORIN.model_copy(update={"tensorrt": TensorRtSettings(precisions=["fp32"])}),
            "precision: fp32, and sparse tensor cores compute fp16 and INT8",
        ),
    ],
)
def test_boards_that_have_none(bundle: Bundle, profile: DeviceProfile, reason: str) -> None:
    assert set(reasons(of_sparse(bundle, profile)).values()) == {reason}


def test_scattered_kernels(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "bundle")
    found = reasons(of_sparse(with_network(tmp_path / "bundle", "cifar10-sis1", "kernel"), ORIN))
    assert found["C2"] in ("structure: up to 4 of 4 inputs exist", "structure: up to 3 of 4 inputs exist")


def both_forms(precision: str) -> list[NetworkJob]:
    """The engines of the network `sparse`, without and with sparse kernels."""
    return [
        NetworkJob(label("sparse", form, precision), "m", "g", "sparse", form=form, precision=precision)
        for form in (PLAIN, SPARSE_24)
    ]


def recorded(job: NetworkJob, latencies_s: list[float]) -> NetworkRecord:
    turns = [RoundSamples(0, 0, 0.0, latencies_s)]
    return NetworkRecord(job.name, 1, rounds=turns, network=job.network, form=job.form, precision=job.precision)


def stored(bundle: Bundle, sparsity: dict[str, Any], runner: str = "tensorrt", **second: Any) -> StoredRun:
    """A run with an engine without and one with sparse kernels; `second` changes the record of the latter."""
    jobs = [NetworkJob("dense", "m", "g", "dense"), *both_forms("fp16")]
    records = [recorded(job, [2e-3, 3e-3, 9e-3]) for job in jobs]
    records[2] = (
        records[2]
        ._replace(rounds=[RoundSamples(0, 1, 0.0, [1e-3, 2e-3, 3e-3])], details={"engine_told": {"sparsity": sparsity}})
        ._replace(**second)
    )
    job = AgentJob(JOB_VERSION, bundle.id, jobs, "i", 1e-3, Preprocess([0.0] * 3, [1.0] * 3), runner=runner)
    record = Record(
        RECORD_VERSION, "r", "a", job, "2026-01-01T00:00:00Z", 1.0, Facts(), Facts(), {}, records, "c", 1e-9
    )
    return StoredRun(
        stored_at=datetime.now(UTC),
        profile="jetson-orin-nano",
        board="orin",
        bundle_id=bundle.id,
        manifest=bundle.manifest,
        record=record,
    )


@pytest.mark.parametrize(
    ("sparsity", "chosen"),
    [
        ({"chosen": {"number": 1, "names": ["C2 + C2.relu"]}}, {"C2": True, "C3": False}),
        ({"chosen": {"number": 2, "names": ["C2", "C3 + C3.relu"]}}, {"C2": True, "C3": True}),
        ({"chosen": {"number": 0, "names": None}}, {"C2": False, "C3": False}),
        ({"chosen": {"number": 1, "names": None}, "sparse_tactics": ["C3"]}, {"C2": False, "C3": True}),
        ({"chosen": None, "sparse_tactics": []}, {"C2": False, "C3": False}),
        ({"chosen": {"number": 1, "names": None}}, {"C2": None, "C3": None}),
        ({}, {"C2": None, "C3": None}),
    ],
)
def test_what_tensorrt_chose(bundle: Bundle, sparsity: dict[str, Any], chosen: dict[str, bool | None]) -> None:
    found = of_sparse(bundle, ORIN, stored(bundle, sparsity))
    assert {layer.weights.layer: layer.chosen for layer in found.layers if layer.is_eligible} == chosen
    assert (found.precision, found.dense_s, found.sparse_s, found.not_measured) == ("fp16", 3e-3, 2e-3, None)


def test_times_of_layers(bundle: Bundle) -> None:
    run = stored(bundle, {"chosen": {"number": 1, "names": ["C2 + C2.relu"]}})
    untold = of_sparse(bundle, ORIN, run)
    assert untold.layers_not_timed == "the run's record has none"
    plain, sparse = (
        {"layer_times_s": {"C2 + C2.relu": [times, times, 9.0], "C3": [3e-4], "C3 + C3.relu": [1e-4], "C20": [7.0]}}
        for times in (2e-4, 1e-4)
    )
    networks = run.record.networks
    networks = [networks[0], networks[1]._replace(details=plain), networks[2]._replace(details=sparse)]
    timed = run.model_copy(update={"record": run.record._replace(networks=networks)})
    found = {layer.weights.layer: (layer.dense_s, layer.sparse_s) for layer in of_sparse(bundle, ORIN, timed).layers}
    assert (found["C2"], found["C3"]) == ((2e-4, 1e-4), (pytest.approx(4e-4), pytest.approx(4e-4)))
    assert found["C1"] == (None, None)
    assert of_sparse(bundle, ORIN, timed).layers_not_timed is None


def test_layers_that_tensorrt_names_in_its_own_way(bundle: Bundle) -> None:
    """Its Myelin compiler: the inspector tells which nodes of the ONNX a layer computes."""
    names = {"__myl_Conv_myl0_2": ["C2", "C2.relu"], "__myl_Conv_myl0_6": ["C3"], "__myl_Move_myl0_1": []}
    told = {
        "sparsity": {"chosen": None, "sparse_tactics": ["__myl_Conv_myl0_2"]},
        "layers": [{"name": name, "onnx": nodes} for name, nodes in names.items()],
    }
    run = stored(bundle, {}, details={"engine_told": told, "layer_times_s": {name: [1e-4] for name in names}})
    found = {layer.weights.layer: layer for layer in of_sparse(bundle, ORIN, run).layers}
    assert (found["C2"].chosen, found["C3"].chosen) == (True, False)
    assert (found["C2"].sparse_s, found["C3"].sparse_s, found["MP2a"].sparse_s) == (1e-4, 1e-4, None)


def test_one_precision_of_several(bundle: Bundle) -> None:
    run = stored(bundle, {"chosen": {"number": 1, "names": ["C2"]}})
    jobs = both_forms("int8")
    records = [recorded(job, times) for job, times in zip(jobs, ([5e-3], [4e-3]), strict=True)]
    job = run.record.job._replace(networks=[*run.record.job.networks, *jobs])
    record = run.record._replace(job=job, networks=[*run.record.networks, *records])
    both = run.model_copy(update={"record": record})
    figures = {
        precision: next(
            (found.precision, found.dense_s, found.sparse_s)
            for found in audit(bundle, ORIN, both, precision)
            if found.entry.name == "sparse"
        )
        for precision in (None, "fp16", "int8")
    }
    assert figures == {None: ("fp16", 3e-3, 2e-3), "fp16": ("fp16", 3e-3, 2e-3), "int8": ("int8", 5e-3, 4e-3)}
    untold = next(found for found in audit(bundle, ORIN, run, "int8") if found.entry.name == "sparse")
    assert untold.not_measured == "not measured: the run used tensorrt in int8 without sparse kernels for it"


def test_a_run_that_says_nothing_of_it(bundle: Bundle) -> None:
    broken = stored(bundle, {}, problem=Problem("build-failed", "no memory"), rounds=[])
    found = of_sparse(bundle, ORIN, broken)
    assert (found.sparse_s, found.not_measured) == (None, "not measured: no memory")
    dense = audit(bundle, ORIN, broken)[0]
    assert dense.not_measured == "not measured: the run used tensorrt without sparse kernels for it"


def test_only_runs_of_this_bundle_with_tensorrt_count(bundle: Bundle) -> None:
    run = stored(bundle, {})
    other = run.model_copy(update={"bundle_id": "f" * 16})
    assert newest_run(bundle, [stored(bundle, {}, runner="onnxruntime"), other]) is None
    assert newest_run(replace(bundle), [run, stored(bundle, {}, runner="onnxruntime")]) is run
    older = run.model_copy(update={"stored_at": run.stored_at - timedelta(days=1)})
    assert newest_run(bundle, [older, run]) is newest_run(bundle, [run, older]) is run


def test_the_command(bundle: Bundle, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["audit", str(bundle.path), "--profile", "jetson-orin-nano", "--runs-dir", str(tmp_path)]
    assert run_command(words) == 0
    shown = capsys.readouterr().out
    assert "structure: dense" in shown
    assert "192x48x5x5" in shown
    assert "not measured: there is no stored run of this bundle" in shown


def test_the_command_says_what_holds_for_all_layers_once(
    bundle: Bundle, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["audit", str(bundle.path), "--profile", "jetson-nano", "--runs-dir", str(tmp_path)]
    assert run_command(words) == 0
    shown = capsys.readouterr().out
    reason = "No layer is eligible for 2:4; hardware: compute capability 5.3 has no sparse tensor cores."
    assert shown.count(reason) == 1
    assert "why not" not in shown[shown.index("sparse: ") :]
    assert "with sparse kernels" not in shown, "there are no such engines to time"


def test_the_command_on_what_is_no_bundle(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["audit", str(tmp_path)]) == 4
    assert "is not a bundle" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("zeros", "most", "why"),
    [
        (0.0, 4, "structure: dense"),
        (0.009, 4, "structure: dense"),  # trained weights are 0 by chance now and then
        (0.02, 4, "structure: up to 4 of 4 inputs exist"),
        (0.25, 3, "structure: up to 3 of 4 inputs exist"),
        (0.5, 2, None),
    ],
)
def test_few_zeros_are_no_structure(zeros: float, most: int, why: str | None) -> None:
    layer = WeightSparsity("C2", "C2.weight", (8, 8, 3, 3), "float32", zeros, most, most <= 2)
    assert why_not(layer, ORIN) == why
