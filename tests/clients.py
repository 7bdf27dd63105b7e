"""The sample clients of an export, as a user runs them; the one in C is compiled with every warning an error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime

ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # what lives to the end is not given back


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A client's answer."""
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=ENVIRONMENT)


def logits(*command: str | Path) -> np.ndarray:
    """What a client prints: a line for each image."""
    done = ran(*command)
    assert done.returncode == 0, done.stderr
    return np.array([line.split() for line in done.stdout.splitlines()], dtype=np.float64)


def python_client(product: Path) -> tuple[str, Path]:
    """The command of the one in Python."""
    return sys.executable, product / "client.py"


def c_client(product: Path) -> Path:
    """The program of the one in C, against the ONNX Runtime of this environment."""
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is needed, as for the native kernels"
    soname = product / "libonnxruntime.so.1"  # the name that the library gives itself; a wheel lacks it
    soname.symlink_to(library)
    words = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=address,undefined"]
    linked = [str(library), f"-Wl,-rpath,{product}", "-o", str(product / "client")]
    subprocess.run([compiler, *words, str(product / "client.c"), *linked], check=True)
    return product / "client"
