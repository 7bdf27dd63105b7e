"""Three ONNX models that sis-edge did not make, measured as a user does it: here, on ARM, on a simulated Orin.

torch exports them (`given_models.py`): with a residual addition, with depthwise layers, with two inputs of different
types. Both boards are reached over a real SSH server; the ARM board is emulated, the Orin's sensors move as the
simulated board's do, and its TensorRT is a stand-in that computes with ONNX Runtime.
"""

import importlib.util
import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import emulated
import numpy as np
import pytest
from agent.tensorrt.board_with_gpu import install
from command import sis_edge_here
from given_models import MODELS, write, write_tflite
from sshd import Server, serve

from sis_edge import profiles, simulated
from sis_edge.bundles.verify import open_bundle
from sis_edge.report.sections.reproduce import reproduce
from sis_edge.results import store
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BATCH = 8
NAMES = list(MODELS)
SHORT = {
    "measuring": "warmup_s = 0.01\nrounds = 30\ninferences_per_round = 5\nmin_inferences = 0\nmin_time_s = 0\n"
    "memory_repeats = 1\nprocesses = 1\nsampler_pairs = 2",
    "power": "idle_s = 1.0\nblock_s = 0.5\nblocks = 1",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models with inputs of the user's own."""
    folder = tmp_path_factory.mktemp("given")
    numbers = np.random.default_rng(3)
    image = numbers.standard_normal((BATCH, 3, 16, 16)).astype(np.float32)
    np.savez(folder / "x.npz", image=image, ids=numbers.integers(0, 50, (BATCH, 7)))
    for name in NAMES:
        write(name, folder)
    return folder


def words(models: Path) -> list[str]:
    named = [word for name in NAMES for word in ("--onnx", str(models / f"{name}.onnx"))]
    return [*named, "--inputs", str(models / "x.npz")]


def measured(runs: Path, runtimes: tuple[str, ...] = ("onnxruntime",)) -> StoredRun:
    """The only run, in which every model was measured with each runtime, in the same rounds, and computed right."""
    run = store.newest(runs)
    record = run.record
    assert record.problem is None
    named = "residual" if len(runtimes) == 1 else f"residual ({runtimes[0]})"
    assert (record.job.reference, run.manifest.reference) == (named, "residual")
    assert [(each.network, each.runner) for each in record.networks] == [
        (name, runtime) for name in NAMES for runtime in runtimes
    ]
    for network in record.networks:
        assert network.problem is None, network.problem
        assert network.golden is not None
        assert network.golden.passed
        assert network.golden.max_abs_difference < 1e-4
        assert len(network.rounds) == len(record.networks[0].rounds) >= 30
    return run


def reported(folder: Path) -> tuple[dict[str, Any], str]:
    """The report's run as data, and the words of its page as Markdown has them."""
    done = sis_edge_here("report", "--name", "given", cwd=folder)
    assert done.returncode == 0, done.stderr
    (run,) = json.loads((folder / "reports/given/results.json").read_text(encoding="utf-8"))["runs"]
    return run, (folder / "reports/given/report.md").read_text(encoding="utf-8").replace("\\", "")


def deploy(server: Server, folder: Path, models: Path, profile: str, *more: str) -> str:
    """Measure over SSH with a profile of the user's own; returns what the command prints."""
    (folder / "board.toml").write_text(profile, encoding="utf-8")
    done = sis_edge_here(
        *("deploy", "--host", "127.0.0.1", "--port", str(server.port), "--identity", str(server.identity)),
        *("--known-hosts", str(server.known_hosts), *words(models), "--profile", "board.toml", *more),
        cwd=folder,
        HOME=str(server.client),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def short_profile(name: str, **agent: str) -> str:
    """A profile of ours, made short, with one thread and these settings of the agent."""
    text = profiles.find(name).read_text(encoding="utf-8")
    text = re.sub(r"(?m)^threads = .*", "threads = 1", text)
    text = text.replace("warmup_s = 2.0\n", "")
    for table, lines in SHORT.items():
        text = text.replace(f"[{table}]\n", f"[{table}]\n{lines}\n")
    settings = "".join(f'{key} = "{value}"\n' for key, value in agent.items())
    return text.replace('[agent]\npython = "python3"\n', f"[agent]\n{settings}") if agent else text


def test_here(models: Path, tmp_path: Path) -> None:
    done = sis_edge_here("bench", *words(models), "--quick", cwd=tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.partition("Run stored")[0].splitlines())) <= 80
    (made,) = (each.parent for each in (tmp_path / "build").glob("*/manifest.json"))
    assert made.name.startswith(f"{NAMES[0]}-")
    again = sis_edge_here("bundle", "verify", str(made), cwd=tmp_path)
    assert again.returncode == 0, "the bundle of the measured models is kept"
    run = measured(tmp_path / "runs")
    assert judge(run.record).level in ("QUICK", "SUSPECT", "INVALID"), "a busy machine is not quiet enough"
    found, text = reported(tmp_path)
    assert found["mark"] is None
    assert [row["network"] for row in found["networks"]] == NAMES
    reference, *others = found["networks"]
    assert reference["speed_up"] is None
    for row in others:
        assert row["speed_up_low"] < row["speed_up"] < row["speed_up_high"]
        assert row["peak_rss_bytes"] > 0
    assert "# depthwise, two against residual" in text
    assert "andom inputs" not in text
    assert "image 8x3x16x16 float32; ids 8x7 int64" in text


@pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="LiteRT is not installed (pip install ai-edge-litert)"
)
def test_tensorflow_lite_beside_onnx_runtime_here(models: Path, tmp_path: Path) -> None:
    files = ("--tflite", str(write_tflite(tmp_path)), "--onnx", str(models / "residual.onnx"), "--reference", "add")
    words = ("--backend", "tflite,onnxruntime", "--quick")
    done = sis_edge_here("bench", *files, *words, cwd=tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert "XNNPACK" not in done.stderr, "the library's greeting"
    run = store.newest(tmp_path / "runs")
    assert [(each.name, each.network, each.runner) for each in run.record.networks] == [
        ("residual (onnxruntime)", "residual", "onnxruntime"),
        ("add (tflite)", "add", "tflite"),
    ]
    assert run.record.job.reference == "add (tflite)"
    assert {each.expected_from for each in run.manifest.given} == {"TFLite on this host", "ONNX Runtime on this host"}
    for network in run.record.networks:
        assert network.problem is None, network.problem
        assert network.golden is not None
        assert network.golden.passed
        assert network.rounds
    head, command = reproduce(run)[0].splitlines()
    assert head == "# in the folder of residual.onnx, add.tflite; the SHA-256 of each is under Provenance"
    shutil.copy(models / "residual.onnx", tmp_path)
    again = sis_edge_here(*shlex.split(command)[1:], cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert open_bundle(tmp_path / "build" / run.manifest.name).manifest.build_key == run.manifest.build_key


def test_on_the_emulated_aarch64_board(models: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    emulated.skip_or_fail()
    root = emulated.unpacked(tmp_path_factory, tmp_path / "root")
    with (
        emulated.board(root) as board,
        serve(tmp_path / "sshd", home=board.home, shell=str(board.login_shell(tmp_path / "shell"))) as server,
    ):
        said = deploy(server, tmp_path, models, short_profile("aarch64"))
    run = measured(tmp_path / "runs")
    facts = run.record.facts_before
    assert (facts.machine, facts.emulated, facts.simulated) == ("aarch64", True, False)
    assert judge(run.record).level == "NONE"
    assert "(EMULATED)" in said
    found, text = reported(tmp_path)
    assert (found["mark"], found["verdict"]["level"]) == ("emulated", "NONE")
    assert all(row["speed_up"] is None and row["emulated"] for row in found["networks"])
    assert "against residual" in text


def test_on_a_simulated_orin_by_two_runtimes(models: Path, tmp_path: Path) -> None:
    variables = install(tmp_path / "standins", "10.3.0", "pycuda")
    (tmp_path / "standins" / "tensorrt-10.3.0.dist-info").mkdir()
    python = tmp_path / "python"
    exports = "\n".join(f"export {name}='{value}'" for name, value in variables.items())
    python.write_text(f'#!/bin/sh\n{exports}\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    with (
        simulated.board("orin-nano-sim") as board,
        serve(tmp_path / "sshd", home=board.transport.root) as server,
    ):
        profile = short_profile("jetson-orin-nano", python=str(python), sysroot=str(board.sysroot))
        said = deploy(server, tmp_path, models, profile, "--backend", "tensorrt,onnxruntime")
    run = measured(tmp_path / "runs", ("tensorrt", "onnxruntime"))
    assert run.record.simulated
    assert run.record.power.status == "measured"
    assert "(SIMULATED)" in said
    assert max(map(len, said.partition("Run stored")[0].splitlines())) <= 80
    found, text = reported(tmp_path)
    assert found["mark"] == "simulated"
    reference, *others = found["networks"]
    assert (reference["network"], reference["speed_up"]) == ("residual (tensorrt)", None)
    assert len(others) == 2 * len(NAMES) - 1
    for row in found["networks"]:
        assert row["simulated"]
        assert row["energy_net_j"] > 0
    for row in others:
        assert row["speed_up_low"] < row["speed_up"] < row["speed_up_high"]
    assert "## Same network, two runtimes" in text
    assert "speed-ups are over residual (tensorrt), on the first of them" in text
