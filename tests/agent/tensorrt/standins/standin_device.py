"""The device behind the stand-ins for CUDA: memory that is the host's, and streams that run when they are waited for.

What it is says the environment: STANDIN_GPUS, STANDIN_GPU_NAME, STANDIN_GPU_CAPABILITY. A copy or an inference in a
stream happens at `synchronize` and not before, so that reading too early gives wrong numbers, as on a GPU. CPython 3.6.
"""

import ctypes
import os
import time

TOTAL_BYTES = 8 << 30

_memory = {}
_streams = {}
_allocated_bytes = 0


def count():
    return int(os.environ.get("STANDIN_GPUS", "1"))


def name():
    return os.environ.get("STANDIN_GPU_NAME", "Orin (stand-in)")


def capability():
    return tuple(int(part) for part in os.environ.get("STANDIN_GPU_CAPABILITY", "8.7").split("."))


def allocate(size_bytes, pinned=False):
    """Address of new memory, filled with bytes that are no good numbers."""
    global _allocated_bytes
    block = ctypes.create_string_buffer(b"\xff" * size_bytes, size_bytes)
    address = ctypes.addressof(block)
    _memory[address] = (block, size_bytes)
    _allocated_bytes += 0 if pinned else size_bytes
    return address


def free_bytes():
    return TOTAL_BYTES - (1 << 30) - _allocated_bytes


def check_range(address, size_bytes):
    """Whether all of it lies in one allocation."""
    return any(start <= address and address + size_bytes <= start + size for start, (_, size) in _memory.items())


def new_stream():
    handle = 0x5000 + len(_streams)
    _streams[handle] = []
    return handle


def put(handle, work):
    """Into the stream of this handle; at once where another provider of CUDA owns it."""
    if handle in _streams:
        _streams[handle].append(work)
    else:
        work()


def synchronize(handle):
    work, _streams[handle] = _streams[handle], []
    for step in work:
        step()


class Mark:
    """An event: the time at which its stream came to it."""

    def __init__(self):
        self.passed_s = None

    def put(self, handle):
        self.passed_s = None
        put(handle, self._now)

    def _now(self):
        self.passed_s = time.perf_counter()


def copy(target, source, size_bytes, handle):
    put(handle, lambda: ctypes.memmove(target, source, size_bytes))
