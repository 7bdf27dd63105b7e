"""A stand-in for cuda.bindings.runtime with the names that the agent may use; see standin_device. CPython 3.6.

Each call gives a tuple whose first part is the error, and ends there when there is one.
"""

# The names are cuda-python's.
# ruff: noqa: N801, N802, N815

import ctypes
import enum

import standin_device as device


class cudaError_t(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorNoDevice = 100
    cudaErrorNotReady = 600


class cudaMemcpyKind(enum.IntEnum):
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2


OK = cudaError_t.cudaSuccess


class Properties:
    name = device.name().encode()
    major, minor = device.capability()
    integrated = 1


class Handle:
    """cuda-python's handles are objects of their own that can be turned into a number."""

    def __init__(self, value):
        self._value = value

    def __int__(self):
        return self._value


def cudaGetErrorString(error):
    return OK, error.name.encode()


def cudaGetDeviceCount():
    return (OK, device.count()) if device.count() else (cudaError_t.cudaErrorNoDevice, None)


def cudaGetDeviceProperties(number):
    return OK, Properties()


def cudaDriverGetVersion():
    return OK, 13000


def cudaRuntimeGetVersion():
    return OK, 12090


def cudaMemGetInfo():
    return OK, device.free_bytes(), device.TOTAL_BYTES


def cudaMalloc(size):
    if size > device.free_bytes():
        return cudaError_t.cudaErrorMemoryAllocation, None
    return OK, device.allocate(size)


def cudaMallocHost(size):
    return OK, device.allocate(size, pinned=True)


def cudaStreamCreate():
    return OK, Handle(device.new_stream())


def cudaStreamSynchronize(stream):
    device.synchronize(int(stream))
    return (OK,)


def cudaMemcpyAsync(dst, src, count, kind, stream):
    assert isinstance(kind, cudaMemcpyKind)
    if not (device.check_range(dst, count) and device.check_range(src, count)):
        return (cudaError_t.cudaErrorInvalidValue,)
    device.copy(dst, src, count, int(stream))
    return (OK,)


def cudaEventCreate():
    return OK, device.Mark()


def cudaEventRecord(event, stream):
    event.put(int(stream))
    return (OK,)


def cudaEventElapsedTime(start, end):
    if start.passed_s is None or end.passed_s is None:
        return cudaError_t.cudaErrorNotReady, None
    return OK, ctypes.c_float((end.passed_s - start.passed_s) * 1e3).value


def populate(module):
    """Make the module's namespace cuda.bindings.runtime."""
    module["__sis_simulated__"] = True
    for name, value in list(globals().items()):
        if name.startswith("cuda"):
            module[name] = value
