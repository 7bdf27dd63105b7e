"""What is freed is used again: seen by the pages that the kernel has to bring."""

import platform
import subprocess
import sys

import pytest

PAGES = """
import resource, sys
import torch
from sis_edge.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
for _ in range(20):
    torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_not_brought_anew() -> None:
    brought = {
        mode: int(subprocess.run([sys.executable, "-c", PAGES, mode], check=True, capture_output=True).stdout)
        for mode in ("given back", "kept")
    }
    assert brought["given back"] > 5 * 1000, "each 64 MiB are new pages"
    assert brought["kept"] < 100
