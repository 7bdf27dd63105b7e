"""Every exit code through the real command line, each with one sentence and no traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from command import environment, sis_edge, sis_edge_here
from sshd import free_port
from tiny_bundle import tiny_bundle

from sis_edge import errors
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.formation import Formation, form
from sis_edge.spec import nin

QUICK = ("--profile", "local", "--dataset", "digits", "--epochs", "2", "--limit", "64", "--test-images", "40")


def check(done: subprocess.CompletedProcess[str], code: int, *sentences: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert sum(line.startswith("Error: ") for line in done.stderr.splitlines()) == 1
    for sentence in sentences:
        assert sentence in " ".join(done.stderr.split())


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.npz"
    form(nin(), Formation(t_c=0.05, t_p=0.1, conv="neuron")).save(path)
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle whose profile every sis-edge has."""
    folder = tiny_bundle(tmp_path / "tiny").path
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "profile": "local"}))
    return folder


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["build", "--profile", "nano", "--dataset", "digits"], "unknown profile 'nano'; known: "),
        (
            ["build", "--profile", "local", "--dataset", "mnist"],
            "unknown data set 'mnist'; did you mean fashion_mnist? `sis-edge datasets list`",
        ),
        (["build", *QUICK, "--networks", "sis9"], "unknown network 'sis9'; known: nin"),
        (["build", *QUICK, "--networks", ","], "no network to build; known: nin"),
        (["build", *QUICK, "--networks", "nin,nin"], "network nin is named twice"),
        (["build", *QUICK, "--name", "../x"], "'../x' cannot be the name of a bundle"),
        (["build", *QUICK, "--name", "."], "'.' cannot be the name of a bundle"),
        (["build", *QUICK, "--name", "my bundle"], "'my bundle' cannot be the name of a bundle"),
        (["build", *QUICK, "--seed", str(10**30)], "--seed"),
        (["build", *QUICK, "--limit", "1"], "--limit"),
        (["build", *QUICK, "--data-dir", "nowhere"], "there is no folder nowhere"),
        (["build"], "--profile"),
        (["profiles", "show", "x"], "unknown profile 'x'; known:"),
        (["datasets", "fetch", "x"], "unknown data set 'x'; known: digits"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_2_usage(words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sis_edge.cli import run

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert run(words) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.glob("build/[!.]*"))


def test_2_usage_in_a_process(tmp_path: Path) -> None:
    check(sis_edge("form", "--preset", "sis9", cwd=tmp_path), 2, "unknown preset 'sis9'; known: nin, cifar10-sis1")


def test_3_data_set(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train_32x32.mat").write_bytes(b"not a data set")
    done = sis_edge_here("datasets", "fetch", "svhn", "--data-dir", "mine", cwd=tmp_path, HOME=str(tmp_path / "home"))
    check(done, 3)


def test_4_bundle(tmp_path: Path, bundle: Path) -> None:
    check(
        sis_edge_here("bundle", "verify", "nowhere", cwd=tmp_path),
        4,
        "nowhere is not a bundle",
        "`sis-edge build` makes one",
    )
    model = next(bundle.glob("networks/*/model.onnx"))
    model.unlink()
    done = sis_edge_here("bundle", "verify", str(bundle), cwd=tmp_path)
    check(done, 4, "does not match its manifest: 1 file differs; build it again")
    assert done.stdout == f"{model.relative_to(bundle)}: missing\n"
    check(sis_edge_here("deploy", cwd=tmp_path), 4, "build has no bundle; `sis-edge build --profile local` makes one")


class Otherwise:
    """A session of a runtime that computes otherwise, as a broken installation does."""

    def __init__(self, *args: object, **options: object) -> None:
        pass

    def run(self, names: object, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [np.zeros((len(feeds["input"]), 10), np.float32)]


def test_5_export(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", Otherwise)
    done = sis_edge_here("build", *QUICK, "--networks", str(small), cwd=tmp_path)
    check(done, 5, "does not answer as PyTorch", "nothing was bundled")
    assert not (tmp_path / "build" / "local-digits").exists()


def test_6_connection(tmp_path: Path, bundle: Path) -> None:
    words = ("deploy", "--bundle", str(bundle), "--host", "127.0.0.1", "--port", str(free_port()))
    check(sis_edge_here(*words, cwd=tmp_path, HOME=str(tmp_path)), 6, "127.0.0.1")


def board(tmp_path: Path, script: str) -> str:
    """A profile whose Python is a shell script, for this machine's own sake: `--profile FILE`."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n" + script)
    python.chmod(0o755)
    path = tmp_path / "board.toml"
    path.write_text(
        f'name = "board"\ntitle = "b"\n[board]\nmodel = "b"\narchitecture = "any"\ncpu = "c"\nsystem = "s"\n'
        f'verified = false\n[agent]\npython = "{python}"\nroot = "{tmp_path}/root"\n[runtime]\nthreads = 1\n'
    )
    return str(path)


def ssh_words(server: object, bundle: Path, profile: str) -> tuple[str, ...]:
    from sshd import Server

    assert isinstance(server, Server)
    return (
        *("deploy", "--bundle", str(bundle), "--profile", profile, "--host", "127.0.0.1"),
        *("--port", str(server.port), "--identity", str(server.identity), "--known-hosts", str(server.known_hosts)),
    )


def test_7_agent(tmp_path: Path, bundle: Path, server: object) -> None:
    """A board whose Python works, and whose agent says what no agent says."""
    profile = board(tmp_path, f'[ "$1" = -c ] && exec {sys.executable} "$@"\necho hello\n')
    done = sis_edge_here(*ssh_words(server, bundle, profile), cwd=tmp_path, HOME=str(tmp_path))
    check(done, 7, "agent")


def test_8_board(tmp_path: Path, bundle: Path, server: object) -> None:
    """A board whose Python has no onnxruntime."""
    profile = board(tmp_path, f'exec {sys.executable} -I -S "$@"\n')
    done = sis_edge_here(*ssh_words(server, bundle, profile), cwd=tmp_path, HOME=str(tmp_path))
    check(done, 8, "onnxruntime")


def test_9_stored_results(tmp_path: Path) -> None:
    check(sis_edge_here("report", cwd=tmp_path), 9, "there is no stored run in runs", "`sis-edge deploy`")
    (tmp_path / "run.json").write_text("{")
    check(sis_edge_here("report", "--run", "run.json", cwd=tmp_path), 9, "run.json")


def test_10_disk(tmp_path: Path, small: Path, small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(2**20 - 4096))
    words = ("build", *QUICK, "--networks", str(small), "--build-dir", str(small_disk / "build"))
    check(sis_edge_here(*words, cwd=tmp_path, OMP_NUM_THREADS="1"), 10, "cannot write", "(No space left on device)")


def test_a_bug_keeps_its_traceback_and_ends_with_1(tmp_path: Path) -> None:
    code = (
        "import sys; from sis_edge import cli, profiles\n"
        "profiles.names = lambda: 1 / 0\n"
        "sys.argv = ['sis-edge', 'profiles', 'list']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_every_class_has_a_code_of_its_own() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    codes = [cls.exit_code for cls in classes if issubclass(cls, errors.SisEdgeError)]
    assert sorted(codes) == list(range(1, 14))


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m sis_edge profiles show local | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "sis_edge", "form", "--preset", "nin"]
    ended = subprocess.run(words, cwd=tmp_path, env=environment(), stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.slow
def test_130_interrupted_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """A real SIGINT in mid-training, once the first epoch is kept."""
    graph = tmp_path / "small.npz"
    form(nin(), Formation(t_c=0.05, t_p=0.1, conv="neuron")).save(graph)
    words = [
        "build",
        "--profile",
        "local",
        "--dataset",
        "digits",
        "--epochs",
        "3",
        "--limit",
        "640",
        "--networks",
        str(graph),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "sis_edge", *words],
        cwd=tmp_path,
        env=environment(OMP_NUM_THREADS="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end_s = time.monotonic() + 120
    while not list(tmp_path.glob("build/.stages/train-*/last.ckpt")) and time.monotonic() < end_s:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("Error: interrupted; finished steps are kept")
    assert not (tmp_path / "build" / "local-digits").exists()
    done = sis_edge_here(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Bundle " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    again = sis_edge_here(*words, cwd=tmp_path)
    assert again.stdout == "Nothing to do: build/local-digits is complete and every file is sound.\n"
    sound = sis_edge_here("bundle", "verify", "build/local-digits", cwd=tmp_path)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "build/local-digits is sound: " in sound.stdout
