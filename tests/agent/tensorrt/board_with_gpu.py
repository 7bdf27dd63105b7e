"""Making this machine look like a board with a GPU: stand-ins in a folder that goes in front of the import path."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sis_agent

from .networks import write

STANDINS = Path(__file__).parent / "standins"
VERSIONS = ("8.2.1", "8.5.2", "8.6.1", "10.3.0", "10.13.3.9", "11.4.0.106")
RTX = "1.7.1.116"
DIALECTS = ("8.2.1", "10.3.0", "11.4.0.106")

_HEAD = f"import sys\nsys.path.append({str(STANDINS)!r})\n"


def install(
    folder: Path,
    tensorrt: str | None,
    cuda: str | None = "pycuda",
    trtexec: str | None = None,
    python: str | None = None,
    rtx: str | None = None,
) -> dict[str, str]:
    """Write the stand-ins into the folder; returns the environment variables that bring them in front.

    `cuda` is the provider that this board has: pycuda, cuda-python, ctypes or None.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if tensorrt is not None:
        _module(folder, "tensorrt", f"from standin_tensorrt import populate\npopulate(globals(), {tensorrt!r})\n")
    if rtx is not None:
        _module(folder, "tensorrt_rtx", f"from standin_tensorrt import populate\npopulate(globals(), {rtx!r}, True)\n")
    if cuda == "pycuda":
        _module(folder, "pycuda", "from standin_pycuda import populate\npopulate(globals())\n")
    if cuda == "cuda-python":
        _module(folder, "cuda", "")
        _module(folder, "cuda/bindings", "")
        text = _HEAD + "from standin_cuda_python import populate\npopulate(globals())\n"
        (folder / "cuda" / "bindings" / "runtime.py").write_text(text)
    if cuda == "ctypes":
        compiler = shutil.which("cc")
        if compiler is None:
            if os.environ.get("CI") == "true":
                pytest.fail("there is no C compiler, and CI must have one")
            pytest.skip("there is no C compiler")
        source, target = str(STANDINS / "standin_cudart.c"), str(folder / "libcudart.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-w", "-o", target, source], check=True)
    path = [str(folder), os.environ.get("PATH", os.defpath)]
    if trtexec is not None:
        script = folder / "trtexec"
        script.write_text(
            f"#!{python or sys.executable}\n{_HEAD}from standin_trtexec import main\nsys.exit(main({trtexec!r}))\n"
        )
        script.chmod(0o755)
    return {
        "PYTHONPATH": str(folder),
        "LD_LIBRARY_PATH": str(folder),
        "PATH": os.pathsep.join(path),
    }


def _module(folder: Path, name: str, code: str) -> None:
    package = folder / name
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text(_HEAD + code)


@dataclass(frozen=True)
class GpuBoard:
    """A folder with networks and an engine cache, and the environment that makes this machine a board with a GPU."""

    root: Path
    environment: dict[str, str]
    python: str = sys.executable

    @property
    def networks(self) -> Path:
        return self.root / "networks"

    @property
    def engines(self) -> Path:
        return self.root / "engines"

    def ask(self, question: str, *words: Any, **variables: str) -> Any:
        """What a function of questions.py answers in a process of its own."""
        done = subprocess.run(
            [self.python, str(Path(__file__).parent / "questions.py"), question, json.dumps(words)],
            env={
                **os.environ,
                "SIS_AGENT_ENGINES": str(self.engines),
                "AGENT": str(Path(sis_agent.__file__).parents[1]),
                **self.environment,
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def load(self, form: str, runner: str = "tensorrt", batch_size: int = 1, **options: Any) -> Any:
        """What becomes of one network on this board."""
        return self.ask("load", runner, batch_size, str(self.networks), form, options)


def gpu_board(
    root: Path,
    tensorrt: str | None,
    cuda: str | None = "pycuda",
    trtexec: str | None = None,
    python: str = sys.executable,
    rtx: str | None = None,
    **variables: str,
) -> GpuBoard:
    """A new board below the folder, with every form of the small network."""
    environment = install(root / "standins", tensorrt, cuda, trtexec, python, rtx)
    write(root / "networks")
    return GpuBoard(root, {**environment, **variables}, python)
