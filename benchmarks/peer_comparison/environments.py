"""An environment of its own for each runtime, made once in a folder: `python -m venv`, then pip."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

INSTALL_LIMIT_S = 900.0


@dataclass(frozen=True)
class Runtime:
    """A runtime that users would pick instead. `pythons` are those that it has wheels for; empty: this one's."""

    name: str
    title: str
    packages: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()


RUNTIMES = (
    Runtime("onnxruntime", "ONNX Runtime"),  # this environment's: that of our kernels, so that only they differ
    Runtime("openvino", "OpenVINO", ("openvino==2026.4.1", "numpy<3")),
    Runtime("mnn", "MNN", ("MNN==3.6.1", "numpy<3")),
    # The last release that can be installed; it needs the numpy and the onnx of its days.
    Runtime("deepsparse", "DeepSparse", ("deepsparse==1.8.0", "numpy<2", "onnx==1.14.1"), ("3.11", "3.10", "3.9")),
)


class NotInstalledError(Exception):
    """The runtime cannot be had here, with the reason."""


def python_of(runtime: Runtime, folder: Path) -> Path:
    """The Python of the runtime's environment, installed now or before; raises NotInstalledError."""
    if not runtime.packages:
        return Path(sys.executable)
    place = folder / runtime.name
    done, wanted = place / "packages.txt", "\n".join(runtime.packages)
    python = place / "bin" / "python"
    if done.is_file() and done.read_text() == wanted:
        return python
    base = _base(runtime)
    shutil.rmtree(place, ignore_errors=True)
    _run([base, "-m", "venv", str(place)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *runtime.packages])
    done.write_text(wanted)
    return python


def _base(runtime: Runtime) -> str:
    """A Python that the runtime has wheels for."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not runtime.pythons or here in runtime.pythons:
        return sys.executable
    for version in runtime.pythons:
        found = shutil.which(f"python{version}")
        if found and subprocess.run([found, "-c", "import venv"], capture_output=True).returncode == 0:
            return found
    raise NotInstalledError(f"needs Python {' or '.join(runtime.pythons)}, and there is none here")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(str(error)) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise NotInstalledError(lines[-1][:300] if lines else f"exit code {done.returncode}")
