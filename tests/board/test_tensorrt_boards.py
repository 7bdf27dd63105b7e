"""Build for a Jetson Orin Nano, deploy over a real SSH server to a simulated one, audit what came back.

The board's file tree, TensorRT and CUDA are stand-ins, and the record says so; everything between is real.
"""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from agent.tensorrt.board_with_gpu import DIALECTS, install
from command import sis_edge_here
from sshd import serve
from tiny_build import plan_in

from sis_agent.schema import Record
from sis_edge import simulated
from sis_edge.board.deploy import deploy
from sis_edge.board.events import Event
from sis_edge.build.pipeline import build
from sis_edge.bundles.verify import Bundle
from sis_edge.formation import Formation, form
from sis_edge.profiles import DeviceProfile, find, load, validate
from sis_edge.results import comparison, store
from sis_edge.results.schema import StoredRun
from sis_edge.results.sparsity_audit import audit
from sis_edge.results.timed_calls import timed_calls
from sis_edge.simulated.tree import write_constant_files
from sis_edge.spec import nin

# Whatever is asked is whether each engine is built, computes right and is told, not how fast a stand-in is.
SHORT = {
    **{"inferences_per_round": 5, "min_inferences": 0, "min_time_s": 0, "memory_repeats": 1},
    **{"sampler_pairs": 2, "processes": 1},
}
ENGINES = ["sis", "sis fp16", "sis fp16 (2:4 sparse kernels)", "sis int8", "sis int8 (2:4 sparse kernels)"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small network in 2:4, in every precision that the profile asks for."""
    folder = tmp_path_factory.mktemp("orin")
    form(nin(), Formation(t_c=0.5, t_p=0.125, conv="nm")).save(folder / "sis.npz")
    profile = load("jetson-orin-nano")
    return build(plan_in(folder / "build", profile=profile, networks=(str(folder / "sis.npz"),), epochs=1)).bundle


def orin(tmp_path: Path, tensorrt: str | None, cuda: str | None, trtexec: str | None = None) -> Path:
    """The file tree of a simulated Orin Nano in `sysroot`, and its Python, which brings these stand-ins."""
    write_constant_files(simulated.load("orin-nano-sim"), tmp_path / "sysroot")
    variables = install(tmp_path / "standins", tensorrt, cuda, trtexec)
    if trtexec is not None:  # Debian's package of the tool tells the version
        status = tmp_path / "sysroot" / "var/lib/dpkg/status"
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(f"Package: libnvinfer-bin\nStatus: install ok installed\nVersion: {trtexec}-1+cuda13.2\n")
    if tensorrt is not None:  # as the board's package does, whose version tells which files are needed
        (tmp_path / "standins" / f"tensorrt-{tensorrt}.dist-info").mkdir()
    python = tmp_path / "python"
    exports = "\n".join(f"export {name}='{value}'" for name, value in variables.items())
    python.write_text(f'#!/bin/sh\n{exports}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python


def measured(
    tmp_path: Path, bundle: Bundle, tensorrt: str | None, cuda: str | None
) -> tuple[DeviceProfile, Record, list[Event]]:
    """The record of a simulated Orin Nano with these stand-ins, reached over SSH."""
    python = orin(tmp_path, tensorrt, cuda)
    changes: dict[str, dict[str, Any]] = {
        "agent": {"python": str(python), "sysroot": str(tmp_path / "sysroot")},
        "measuring": {**SHORT, "rounds": 2, "warmup_s": 0.01},
        "power": {"sources": ["ina3221"], "idle_s": 1.0, "block_s": 0.2, "blocks": 1},
        "runtime": {"threads": [1]},
    }
    profile = load("jetson-orin-nano")
    profile = validate(
        {**profile.model_dump(), **{name: {**profile.model_dump()[name], **new} for name, new in changes.items()}}
    )
    said: list[Event] = []
    with serve(tmp_path / "sshd") as server:
        transport = server.transport()
        record = deploy(bundle, transport, profile, on_event=said.append)
        transport.close()
    return profile, record, said


@pytest.mark.slow
@pytest.mark.parametrize("version", DIALECTS)
def test_a_simulated_orin(tmp_path: Path, bundle: Bundle, version: str) -> None:
    profile, record, said = measured(tmp_path, bundle, version, "pycuda")
    assert record.problem is None
    assert record.simulated
    assert (record.job.runner, record.runner_details["tensorrt"]) == ("tensorrt", version)
    assert [network.name for network in record.networks] == ENGINES
    for network in record.networks:
        assert network.problem is None, network.problem
        assert network.golden is not None
        assert network.golden.passed, (network.name, network.golden)
        assert network.details["engine_told"]["flags"] is not None
    models = {job.name: job.model.rpartition("/")[2] for job in record.job.networks}
    assert models["sis fp16"] == ("fp16.onnx" if version.startswith("11") else "model.onnx")
    assert models["sis int8"] == "int8-tensorrt.onnx"
    assert not [event for event in said if "instead" in event.message]

    run = StoredRun(
        stored_at="2026-01-01T00:00:00Z",  # type: ignore[arg-type]  # pydantic reads it
        profile=profile.name,
        board="orin",
        bundle_id=bundle.id,
        manifest=bundle.manifest,
        record=record,
    )
    again = store.load(store.save(run, tmp_path / "runs"))
    assert [row.identity.label for row in comparison.compare(again)] == ENGINES
    (found,) = audit(bundle, profile, again)
    eligible = {layer.weights.layer: layer.chosen for layer in found.layers if layer.is_eligible}
    assert set(eligible) == {"C2", "C3"}
    assert None not in eligible.values()
    assert found.precision == "fp16"
    assert found.dense_s is not None
    assert found.sparse_s is not None


def as_a_user(
    tmp_path: Path, bundle: Bundle, tensorrt: str | None, cuda: str | None, *words: str, trtexec: str | None = None
) -> tuple[str, str, Path]:
    """What `sis-edge deploy --host` says to a user with a profile of his own for such a board, and the run's file."""
    python = orin(tmp_path, tensorrt, cuda, trtexec)
    text = find("jetson-orin-nano").read_text(encoding="utf-8")
    for old, new in (
        ('python = "python3"', f'python = "{python}"\nsysroot = "{tmp_path / "sysroot"}"'),
        ("threads = 6", "threads = 1"),
        ("warmup_s = 2.0", "\n".join(["warmup_s = 0.01", "rounds = 8", *(f"{key} = {SHORT[key]}" for key in SHORT)])),
        ('scope = "module input"', 'scope = "module input"\nidle_s = 1.0\nblock_s = 0.5\nblocks = 1'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "orin.toml").write_text(text, encoding="utf-8")
    with serve(tmp_path / "sshd") as server:
        done = sis_edge_here(
            *("deploy", "--host", "127.0.0.1", "--port", str(server.port), "--identity", str(server.identity)),
            *("--known-hosts", str(server.known_hosts), "--bundle", str(bundle.path), "--profile", "orin.toml"),
            *words,
            cwd=tmp_path,
            HOME=str(server.client),
        )
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").glob("*.json.gz")
    return done.stdout, done.stderr, run


@pytest.mark.slow
@pytest.mark.parametrize("version", DIALECTS)
def test_the_command_line_over_ssh(tmp_path: Path, bundle: Bundle, version: str) -> None:
    said, _, path = as_a_user(tmp_path, bundle, version, "pycuda")
    run = store.load(path)
    assert (run.record.simulated, run.record.job.runner) == (True, "tensorrt")
    assert [network.name for network in run.record.networks] == ENGINES
    assert [network.problem for network in run.record.networks] == [None] * len(ENGINES)
    assert "(SIMULATED)" in said
    layers = sis_edge_here("audit", str(bundle.path), "--run", str(path), cwd=tmp_path)
    assert layers.returncode == 0, layers.stderr
    # The stand-in's profiler says 0.5 ms for a layer, and half of it with sparse kernels.
    assert re.search(r"C2 .* yes .* (yes|no) .* 500 µs .* (250|500) µs", layers.stdout)
    assert "In fp16, median latency" in layers.stdout


@pytest.mark.slow
def test_two_runtimes_in_one_run(tmp_path: Path, bundle: Bundle) -> None:
    """TensorRT and ONNX Runtime in the same rounds, each network alone with its runtime where memory is read."""
    words = ("--backend", "tensorrt,onnxruntime")
    _, _, path = as_a_user(tmp_path, bundle, "10.3.0", "pycuda", *words)
    run = store.load(path)
    assert run.record.simulated
    assert run.runtimes == ("tensorrt", "onnxruntime")
    networks = {network.name: network for network in run.record.networks}
    assert [network.problem for network in networks.values()] == [None] * len([*ENGINES, "sis", "sis int8"])
    assert {"sis (tensorrt)", "sis int8 (2:4 sparse kernels, tensorrt)", "sis int8 (onnxruntime)"} <= set(networks)
    on_gpu, on_cpu = networks["sis (tensorrt)"], networks["sis (onnxruntime)"]
    assert on_gpu.memory is not None
    assert on_cpu.memory is not None
    assert (on_gpu.memory.device_bytes is None, on_cpu.memory.device_bytes) == (False, None)
    assert on_cpu.memory.device_reason == "this runtime uses the processor's memory only"
    calls = {(each.runtime, each.call.value): each for each in timed_calls(run)}
    assert set(calls) == {("tensorrt", "enqueue and wait"), ("onnxruntime", "InferenceSession.run")}
    engine = calls["tensorrt", "enqueue and wait"]
    assert engine.forms == ("plain", "sparse24")
    assert engine.parts["input_copy"].value is not None
    assert engine.parts["input_copy"].value.where == "outside"
    assert engine.costs_s["input_copy"].value is not None
    done = sis_edge_here("report", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (page,) = tmp_path.glob("reports/**/report.md")
    text = page.read_text(encoding="utf-8")
    for title in ("Speed-up by runtime", "Memory by runtime", "What is inside the timed call"):
        assert f"## {title} (simulated" in text


@pytest.mark.slow
def test_the_second_path_on_a_board_with_tensorrts_tool_alone(tmp_path: Path, bundle: Bundle) -> None:
    """TensorRT 11, whose version the tool's package tells: fp16 and INT8 come from ONNX files of their own."""
    words = ("--backend", "trtexec")
    _, _, path = as_a_user(tmp_path, bundle, None, "pycuda", *words, trtexec="11.4.0.106")
    record = store.load(path).record
    assert (record.simulated, record.job.runner) == (True, "trtexec")
    assert record.facts_before.packages["tensorrt"] == "11.4.0.106"
    assert [network.name for network in record.networks] == ENGINES
    assert [network.problem for network in record.networks] == [None] * len(ENGINES)
    assert all(network.golden is not None and network.golden.passed for network in record.networks)
    assert all("--noCudaGraph" in network.details["run_flags"] for network in record.networks)
    for network in record.networks:
        assert network.memory is not None
        assert (network.memory.loaded_rss_bytes, network.memory.peak_rss_bytes) == (None, None)
        assert (
            network.memory.reason == "this runtime loads the network in processes of its own, whose memory is not read"
        )
        assert network.memory.device_reason == "this runtime does not report it"
        assert network.timed_call is not None
        assert network.timed_call.clock == "runtime"


@pytest.mark.slow
def test_the_command_line_on_a_board_without_a_gpu(tmp_path: Path, bundle: Bundle) -> None:
    said, noted, path = as_a_user(tmp_path, bundle, "10.3.0", None)
    assert "cannot run tensorrt:" in noted
    assert "measuring with onnxruntime instead" in noted
    assert "(SIMULATED)" in said
    assert store.load(path).record.job.runner == "onnxruntime"


@pytest.mark.slow
def test_a_board_without_a_gpu_falls_back(tmp_path: Path, bundle: Bundle) -> None:
    _, record, said = measured(tmp_path, bundle, "10.3.0", None)
    assert record.problem is None
    assert record.job.runner == "onnxruntime"
    assert [network.name for network in record.networks] == ["sis", "sis int8"]
    assert all(network.golden is not None and network.golden.passed for network in record.networks)
    assert all(network.details["cached"] for network in record.networks)
    (note,) = [event.message for event in said if "cannot run tensorrt:" in event.message]
    assert note.endswith("measuring with onnxruntime instead")
    assert record.facts_before.runners["tensorrt"] in note
