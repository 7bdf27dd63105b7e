"""What the agent needs from CUDA, whoever provides it: memory, copies, a stream, events, and who the device is.

Addresses are plain integers and sizes are bytes, so the layers above do not depend on the provider. A driver uses the
device's primary context, the one that TensorRT uses too: a second context would distort the memory figures.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Optional, Tuple

# A module, or a symbol in a library, of this name says that it is a stand-in for the real one.
SIMULATED_MARK = "__sis_simulated__"


class CudaError(Exception):
    """A call that CUDA refused, or a provider that is not there; the text says which and why."""


class Device(NamedTuple):
    """The first GPU. `unified`: it shares the board's memory; None where the provider does not report it."""

    name: str
    compute_capability: str
    unified: Optional[bool]
    device_count: int
    driver_version: str
    runtime_version: str
    backend: str
    simulated: bool = False


class CudaDriver(ABC):
    """One provider of CUDA, opened on the first device. Every method raises CudaError when CUDA refuses."""

    name = ""
    simulated = False

    @abstractmethod
    def device(self) -> Device:
        """The first GPU, and the versions in use."""

    @abstractmethod
    def memory(self) -> Tuple[int, int]:
        """Free and total device memory in bytes."""

    @abstractmethod
    def allocate(self, size_bytes: int) -> int:
        """Address of new device memory; it lives as long as the driver."""

    @abstractmethod
    def allocate_pinned(self, size_bytes: int) -> int:
        """Address of new page-locked host memory, which copies are fastest from; it lives as long as the driver."""

    @abstractmethod
    def stream(self) -> Any:
        """A new stream."""

    @abstractmethod
    def stream_handle(self, stream: Any) -> int:
        """The number by which TensorRT knows the stream."""

    @abstractmethod
    def synchronize(self, stream: Any) -> None:
        """Wait until all that was put into the stream is done."""

    @abstractmethod
    def copy_to_device(self, device: int, host: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream; `host` is page-locked memory."""

    @abstractmethod
    def copy_to_host(self, host: int, device: int, size_bytes: int, stream: Any) -> None:
        """Put a copy into the stream; `host` is page-locked memory."""

    @abstractmethod
    def event(self) -> Any:
        """A new event, a mark in a stream that remembers its time."""

    @abstractmethod
    def record(self, event: Any, stream: Any) -> None:
        """Put the mark into the stream."""

    @abstractmethod
    def elapsed_s(self, start: Any, end: Any) -> float:
        """Seconds of GPU time between two marks that were passed; CUDA resolves about 0.5 microseconds."""


def version_text(number: int) -> str:
    """CUDA's 12060 as "12.6"."""
    return "{}.{}".format(number // 1000, number % 1000 // 10)
