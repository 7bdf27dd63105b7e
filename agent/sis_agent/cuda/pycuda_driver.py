"""CUDA through pycuda (2021.1 for Python 3.6, newer ones else)."""

import ctypes
import importlib
import importlib.util
from typing import Any, List, Tuple

from sis_agent.cuda.base import SIMULATED_MARK, CudaDriver, CudaError, Device, version_text


def open_driver() -> CudaDriver:
    """pycuda on the first device; raises CudaError."""
    if importlib.util.find_spec("pycuda") is None:
        raise CudaError("not installed")
    try:
        pycuda, cuda = importlib.import_module("pycuda"), importlib.import_module("pycuda.driver")
    except ImportError as error:  # built for another CUDA, or there is no libcuda
        raise CudaError("cannot be imported ({})".format(error))
    try:
        cuda.init()
        if cuda.Device.count() < 1:
            raise CudaError("no device")
        return PycudaDriver(cuda, bool(getattr(pycuda, SIMULATED_MARK, False)))
    except cuda.Error as error:
        raise CudaError(str(error))


class PycudaDriver(CudaDriver):
    """pycuda.driver with the primary context; `autoinit` would make a second one."""

    name = "pycuda"

    def __init__(self, cuda: Any, simulated: bool) -> None:
        self.simulated = simulated
        self._cuda = cuda
        self._device = cuda.Device(0)
        self._context = self._device.retain_primary_context()
        self._context.push()
        self._kept: List[Any] = []  # memory is freed with the object that pycuda gives for it

    def device(self) -> Device:
        """The first GPU, and the versions in use."""
        cuda = self._cuda
        integrated = self._device.get_attribute(cuda.device_attribute.INTEGRATED)
        return Device(
            name=self._device.name(),
            compute_capability="{}.{}".format(*self._device.compute_capability()),
            unified=bool(integrated),
            device_count=cuda.Device.count(),
            driver_version=version_text(cuda.get_driver_version()),
            runtime_version=".".join(str(part) for part in cuda.get_version()[:2]),
            backend=self.name,
            simulated=self.simulated,
        )

    def memory(self) -> Tuple[int, int]:
        """Free and total device memory in bytes."""
        free, total = self._cuda.mem_get_info()
        return int(free), int(total)

    def allocate(self, size_bytes: int) -> int:
        """Address of new device memory."""
        try:
            self._kept.append(self._cuda.mem_alloc(size_bytes))
        except self._cuda.Error as error:
            raise CudaError("mem_alloc of {} bytes: {}".format(size_bytes, error))
        return int(self._kept[-1])

    def allocate_pinned(self, size_bytes: int) -> int:
        """Address of new page-locked host memory."""
        try:
            self._kept.append(self._cuda.pagelocked_empty(size_bytes, "uint8"))
        except self._cuda.Error as error:
            raise CudaError("pagelocked_empty of {} bytes: {}".format(size_bytes, error))
        return int(self._kept[-1].ctypes.data)

    def stream(self) -> Any:
        """A new stream."""
        return self._cuda.Stream()

    def stream_handle(self, stream: Any) -> int:
        """The number by which TensorRT knows the stream."""
        return int(stream.handle)

    def synchronize(self, stream: Any) -> None:
        """Wait until all that was put into the stream is done."""
        try:
            stream.synchronize()
        except self._cuda.Error as error:
            raise CudaError("synchronize: {}".format(error))

    def copy_to_device(self, device: int, host: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream."""
        self._copy(self._cuda.memcpy_htod_async, device, (ctypes.c_char * size_bytes).from_address(host), stream)

    def copy_to_host(self, host: int, device: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream."""
        self._copy(self._cuda.memcpy_dtoh_async, (ctypes.c_char * size_bytes).from_address(host), device, stream)

    def _copy(self, copy: Any, target: Any, source: Any, stream: Any) -> None:
        try:
            copy(target, source, stream)
        except self._cuda.Error as error:
            raise CudaError("copy: {}".format(error))

    def event(self) -> Any:
        """A new event."""
        return self._cuda.Event()

    def record(self, event: Any, stream: Any) -> None:
        """Put the mark into the stream."""
        event.record(stream)

    def elapsed_s(self, start: Any, end: Any) -> float:
        """Seconds of GPU time between two marks."""
        try:
            return float(end.time_since(start)) * 1e-3  # pycuda answers in milliseconds
        except self._cuda.Error as error:
            raise CudaError("time_since: {}".format(error))
