"""The oldest board's Python: CPython 3.6 with the last ONNX Runtime and numpy for it."""

import subprocess
from pathlib import Path

import pytest
from agent.interpreters import find
from once import made_once


def python_3_6(factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment that all tests of a run share."""

    def make(folder: Path) -> None:
        subprocess.run([find("3.6"), "-m", "venv", str(folder)], check=True)
        # The pip of 3.6 is too old to see the wheels.
        for wanted in (["pip<22"], ["onnxruntime==1.10.0", "numpy==1.19.5"]):
            command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--upgrade", *wanted]
            subprocess.run(command, check=True)

    return str(made_once(factory, "python3.6", make) / "bin/python")
