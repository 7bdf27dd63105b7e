"""The files for a product: both sample clients compute what ONNX Runtime computes."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tiny_bundle import tiny_bundle

from sis_edge.cli import run


def printed(*command: str) -> np.ndarray:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return np.array([line.split() for line in done.stdout.splitlines()], dtype=np.float64)


def test_both_clients_give_the_golden_logits(tmp_path: Path) -> None:
    bundle, product = tiny_bundle(tmp_path / "bundle"), tmp_path / "product"
    assert run(["export", str(bundle.path), "--to", str(product), "--network", "sparse"]) == 0
    golden = np.load(bundle.path / "networks/sparse/golden_logits.npy")
    images = str(bundle.path / "data/golden_inputs.npy")
    by_python = printed(sys.executable, str(product / "client.py"), images)
    assert np.abs(by_python - golden).max() < 1e-4
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is needed, as for the native kernels"
    client, folder = str(product / "client"), tmp_path / "lib"
    folder.mkdir()
    (folder / "libonnxruntime.so.1").symlink_to(library)  # the name that the library gives itself; a wheel lacks it
    words = ["-std=c11", "-Wall", "-Wextra", "-Werror", str(product / "client.c"), str(library)]
    subprocess.run([compiler, *words, f"-Wl,-rpath,{folder}", "-o", client], check=True)
    by_c = printed(client, str(product / "model.onnx"), str(product / "inputs.npy"))
    assert by_c.shape == by_python.shape
    assert np.abs(by_c - by_python).max() < 1e-5
    wrong = subprocess.run([client, str(product / "model.onnx"), images], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_what_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    assert run(["export", str(bundle.path), "--to", str(bundle.path)]) == 2
    assert "holds something already" in capsys.readouterr().err
    assert run(["export", str(bundle.path), "--to", str(tmp_path / "new"), "--network", "spars"]) == 2
    assert "did you mean sparse" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
