"""CUDA through ctypes on libcudart: nothing to install, for every JetPack and Python 3.6."""

import ctypes
import glob
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_void_p
from typing import Any, Iterator, Tuple

from sis_agent.cuda.base import SIMULATED_MARK, CudaDriver, CudaError, Device, version_text

# The loader's own search first, then where CUDA's installer and JetPack put the library.
NAMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so.10.2")
FOLDERS = ("/usr/local/cuda/lib64", "/usr/local/cuda-*/lib64", "/usr/local/cuda-*/targets/*-linux/lib")

_TO_DEVICE, _TO_HOST = 1, 2  # cudaMemcpyKind
_MAJOR, _MINOR, _INTEGRATED = 75, 76, 18  # cudaDeviceAttr
# cudaDeviceProp grows with every CUDA (1 kB in 13.0); its first field is the name, 256 characters, in all of them.
_NAME_BYTES, _PROPERTIES_BYTES = 256, 8192

_SIGNATURES = {
    "cudaGetErrorString": [c_int],
    "cudaGetDeviceCount": [POINTER(c_int)],
    "cudaGetDeviceProperties": [c_void_p, c_int],
    "cudaDeviceGetAttribute": [POINTER(c_int), c_int, c_int],
    "cudaDriverGetVersion": [POINTER(c_int)],
    "cudaRuntimeGetVersion": [POINTER(c_int)],
    "cudaMemGetInfo": [POINTER(c_size_t), POINTER(c_size_t)],
    "cudaMalloc": [POINTER(c_void_p), c_size_t],
    "cudaMallocHost": [POINTER(c_void_p), c_size_t],
    "cudaMemcpyAsync": [c_void_p, c_void_p, c_size_t, c_int, c_void_p],
    "cudaStreamCreate": [POINTER(c_void_p)],
    "cudaStreamSynchronize": [c_void_p],
    "cudaEventCreate": [POINTER(c_void_p)],
    "cudaEventRecord": [c_void_p, c_void_p],
    "cudaEventElapsedTime": [POINTER(c_float), c_void_p, c_void_p],
}


def open_driver() -> CudaDriver:
    """The CUDA runtime library on the first device; raises CudaError."""
    driver = CtypesDriver(_library())
    if driver.count() < 1:
        raise CudaError("no device")
    return driver


def _candidates() -> Iterator[str]:
    for name in NAMES:
        yield name
    for folder in FOLDERS:
        for path in sorted(glob.glob(folder + "/libcudart.so*"), reverse=True):
            yield path


def _library() -> ctypes.CDLL:
    for name in _candidates():
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise CudaError("libcudart is neither on the loader's path nor below /usr/local/cuda")


class CtypesDriver(CudaDriver):
    """The CUDA runtime's C calls; each gives its error. The context is the primary one."""

    name = "ctypes"

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name, types in _SIGNATURES.items():
            try:
                function = getattr(library, name)
            except AttributeError:
                raise CudaError("the CUDA runtime library has no {}".format(name))
            function.argtypes = types
            function.restype = c_char_p if name == "cudaGetErrorString" else c_int
        try:
            library[SIMULATED_MARK]  # by index: an attribute of such a name ctypes does not look up
            self.simulated = True
        except AttributeError:
            self.simulated = False

    def _call(self, name: str, *words: Any) -> None:
        code = getattr(self._library, name)(*words)
        if code != 0:
            text = (self._library.cudaGetErrorString(code) or b"unknown error").decode("ascii", "replace")
            raise CudaError("{}: {} ({})".format(name, text, code))

    def _int(self, name: str, *words: Any) -> int:
        value = c_int()
        self._call(name, byref(value), *words)
        return value.value

    def _pointer(self, name: str, *words: Any) -> int:
        value = c_void_p()
        self._call(name, byref(value), *words)
        return value.value or 0

    def count(self) -> int:
        """How many devices there are."""
        return self._int("cudaGetDeviceCount")

    def device(self) -> Device:
        """The first GPU, and the versions in use."""
        properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
        self._call("cudaGetDeviceProperties", properties, 0)
        major, minor, integrated = (
            self._int("cudaDeviceGetAttribute", attribute, 0) for attribute in (_MAJOR, _MINOR, _INTEGRATED)
        )
        return Device(
            name=properties.raw[:_NAME_BYTES].split(b"\0", 1)[0].decode("ascii", "replace"),
            compute_capability="{}.{}".format(major, minor),
            unified=bool(integrated),
            device_count=self.count(),
            driver_version=version_text(self._int("cudaDriverGetVersion")),
            runtime_version=version_text(self._int("cudaRuntimeGetVersion")),
            backend=self.name,
            simulated=self.simulated,
        )

    def memory(self) -> Tuple[int, int]:
        """Free and total device memory in bytes."""
        free, total = c_size_t(), c_size_t()
        self._call("cudaMemGetInfo", byref(free), byref(total))
        return free.value, total.value

    def allocate(self, size_bytes: int) -> int:
        """Address of new device memory."""
        return self._pointer("cudaMalloc", size_bytes)

    def allocate_pinned(self, size_bytes: int) -> int:
        """Address of new page-locked host memory."""
        return self._pointer("cudaMallocHost", size_bytes)

    def stream(self) -> Any:
        """A new stream."""
        return self._pointer("cudaStreamCreate")

    def stream_handle(self, stream: Any) -> int:
        """The number by which TensorRT knows the stream."""
        return int(stream)

    def synchronize(self, stream: Any) -> None:
        """Wait until all that was put into the stream is done."""
        self._call("cudaStreamSynchronize", stream)

    def copy_to_device(self, device: int, host: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream."""
        self._call("cudaMemcpyAsync", device, host, size_bytes, _TO_DEVICE, stream)

    def copy_to_host(self, host: int, device: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream."""
        self._call("cudaMemcpyAsync", host, device, size_bytes, _TO_HOST, stream)

    def event(self) -> Any:
        """A new event."""
        return self._pointer("cudaEventCreate")

    def record(self, event: Any, stream: Any) -> None:
        """Put the mark into the stream."""
        self._call("cudaEventRecord", event, stream)

    def elapsed_s(self, start: Any, end: Any) -> float:
        """Seconds of GPU time between two marks."""
        value = c_float()
        self._call("cudaEventElapsedTime", byref(value), start, end)
        return value.value * 1e-3  # CUDA answers in milliseconds
