"""A stand-in for pycuda.driver with the names that the agent may use; see standin_device. CPython 3.6."""

import ctypes
import sys
import types

import standin_device as device


class Error(Exception):
    pass


class LogicError(Error):
    pass


class OutOfMemoryError(Error):
    pass


_state = {"initialised": False, "context": None}


def init(flags=0):
    _state["initialised"] = True
    if device.count() < 1:
        raise LogicError("cuInit failed: no CUDA-capable device is detected")


def _need_context():
    if _state["context"] is None:
        raise LogicError("invalid device context - no currently active context?")


class device_attribute:  # noqa: N801
    INTEGRATED = "integrated"


class Context:
    def push(self):
        _state["context"] = self

    def pop(self):
        _state["context"] = None


class Device:
    def __init__(self, number):
        if not _state["initialised"]:
            raise LogicError("cuDeviceGet failed: initialization error")

    @staticmethod
    def count():
        return device.count()

    def name(self):
        return device.name()

    def compute_capability(self):
        return device.capability()

    def get_attribute(self, attribute):
        return {device_attribute.INTEGRATED: 1}[attribute]

    def retain_primary_context(self):
        return Context()


def get_driver_version():
    return 12060


def get_version():
    return (12, 6, 0)


def mem_get_info():
    _need_context()
    return device.free_bytes(), device.TOTAL_BYTES


class DeviceAllocation:
    def __init__(self, size_bytes):
        self._address = device.allocate(size_bytes)

    def __int__(self):
        return self._address

    def free(self):
        pass


def mem_alloc(size_bytes):
    _need_context()
    if size_bytes > device.free_bytes():
        raise OutOfMemoryError("cuMemAlloc failed: out of memory")
    return DeviceAllocation(size_bytes)


def pagelocked_empty(shape, dtype):
    import numpy

    _need_context()
    array = numpy.empty(shape, dtype)
    address = device.allocate(array.nbytes, pinned=True)
    return numpy.ctypeslib.as_array((ctypes.c_uint8 * array.nbytes).from_address(address)).view(dtype).reshape(shape)


class Stream:
    def __init__(self, flags=0):
        _need_context()
        self.handle = device.new_stream()

    def synchronize(self):
        device.synchronize(self.handle)


class Event:
    def __init__(self, flags=0):
        _need_context()
        self._mark = device.Mark()

    def record(self, stream=None):
        self._mark.put(stream.handle)
        return self

    def time_since(self, start):
        if self._mark.passed_s is None or start._mark.passed_s is None:
            raise LogicError("cuEventElapsedTime failed: device not ready")
        return (self._mark.passed_s - start._mark.passed_s) * 1e3


def memcpy_htod_async(dest, src, stream=None):
    size = ctypes.sizeof(src)
    if not device.check_range(dest, size):
        raise LogicError("cuMemcpyHtoDAsync failed: invalid argument")
    device.copy(dest, ctypes.addressof(src), size, stream.handle)


def memcpy_dtoh_async(dest, src, stream=None):
    size = ctypes.sizeof(dest)
    if not device.check_range(src, size):
        raise LogicError("cuMemcpyDtoHAsync failed: invalid argument")
    device.copy(ctypes.addressof(dest), src, size, stream.handle)


def populate(package):
    """Make the package's namespace pycuda, and this module pycuda.driver."""
    package["__sis_simulated__"] = True
    driver = types.ModuleType("pycuda.driver")
    for name, value in list(globals().items()):
        if not name.startswith("_") and name not in ("populate", "ctypes", "sys", "types", "device"):
            setattr(driver, name, value)
    sys.modules["pycuda.driver"] = driver
    package["driver"] = driver
