"""Address and undefined-behaviour sanitizers over the kernels for training."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from sis_edge.models import kernels
from sis_edge.native import build, toolchain

# Not optimised: compiled in a third of the time, and nothing that the sources say is left out before it is checked.
FLAGS = ("-O0", "-std=gnu11", "-fPIC", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.mark.slow
def test_no_sanitizer_complains(tmp_path: Path) -> None:
    gcc = toolchain._gcc(platform.machine())
    if gcc is None:
        pytest.skip("the sanitizers' run-time libraries come with gcc 12")
    sources = kernels.sources(platform.machine())
    library = build.compile_to(gcc, tmp_path, FLAGS, ("-shared", "-fsanitize=address,undefined"), sources)
    runtimes = [
        subprocess.run([*gcc.command, f"-print-file-name=lib{name}.so"], capture_output=True, text=True, check=True)
        for name in ("asan", "ubsan")
    ]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(found.stdout.strip() for found in runtimes),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
    }
    script = Path(__file__).with_name("sanitized.py")
    done = subprocess.run(
        [sys.executable, str(script), str(library)], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (0, "clean\n"), done.stderr
