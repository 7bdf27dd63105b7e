"""CUDA on the board through what is there: pycuda, cuda-python, or plain ctypes on the CUDA runtime library."""

import importlib
from typing import List

from sis_agent.cuda.base import CudaDriver, CudaError
from sis_agent.protocol import ProblemError

# In the order in which they are tried. The last needs nothing installed and works with every JetPack.
BACKENDS = {
    "pycuda": "sis_agent.cuda.pycuda_driver",
    "cuda-python": "sis_agent.cuda.cuda_python_driver",
    "ctypes": "sis_agent.cuda.ctypes_driver",
}
AUTO = "auto"


def check_backend(name: str) -> None:
    """Raise the problem `bad-option` for a backend that does not exist."""
    if name != AUTO and name not in BACKENDS:
        known = ", ".join([AUTO, *BACKENDS])
        raise ProblemError("bad-option", "unknown CUDA backend '{}'; known: {}".format(name, known))


def open_driver(backend: str = AUTO) -> CudaDriver:
    """The first backend that finds a device, or the named one.

    Raises ProblemError `no-gpu` with the reason of each. TensorRT must not be touched after that: without a device
    its objects are null and crash the process.
    """
    check_backend(backend)
    reasons: List[str] = []
    for name in BACKENDS if backend == AUTO else (backend,):
        try:
            driver = importlib.import_module(BACKENDS[name]).open_driver()
            assert isinstance(driver, CudaDriver)
            return driver
        except CudaError as error:
            reasons.append("{}: {}".format(name, error))
    raise ProblemError(
        "no-gpu",
        "no CUDA device can be used on this board ({}); check the GPU and its driver, or measure with "
        "onnxruntime".format("; ".join(reasons)),
    )
