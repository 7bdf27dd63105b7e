"""TensorRT for RTX on a desktop's GPU: engines that the host built ahead of time, from the bundle.

The file of a network is its engine. TensorRT for RTX finishes it for the GPU that is here while it loads, so the load
takes long and the record's load time says so. Options: `precision` (what the engine was built from; it is recorded) and
`cuda_backend` (auto, pycuda, cuda-python or ctypes).
"""

import importlib
import sys
from typing import Any, Dict, Optional

from sis_agent import clock
from sis_agent.cuda import AUTO, check_backend, open_driver
from sis_agent.cuda.base import SIMULATED_MARK, CudaDriver, CudaError
from sis_agent.cuda.preflight import preflight
from sis_agent.protocol import ProblemError
from sis_agent.runners import importing
from sis_agent.runners.base import Runner, Session, Tensors, known_options
from sis_agent.runners.tensorrt.dialects import StronglyTyped
from sis_agent.runners.tensorrt.log import Log, make_logger
from sis_agent.runners.tensorrt.session import TensorRtSession, TensorRtTensorSession
from sis_agent.runners.tensorrt.tensors import as_taken
from sis_agent.schema import to_json

MODULE = "tensorrt_rtx"
IMPORTS = ("numpy", MODULE)
OPTIONS = ("precision", "cuda_backend")


def missing() -> Optional[str]:
    """What this board lacks for TensorRT for RTX; None when nothing. Asks CUDA only where the packages are there."""
    lacking = importing.not_installed(IMPORTS)
    if lacking:
        return (
            "not installed for {} (Python {}.{}) on this board: {}; TensorRT for RTX is for desktops, from PyPI "
            "(`pip install tensorrt-rtx`)".format(
                sys.executable, sys.version_info[0], sys.version_info[1], ", ".join(lacking)
            )
        )
    return preflight().problem


def make(threads: int, batch_size: int) -> Runner:
    """Batches of `batch_size`, which the engine has to allow; the threads are the GPU's own business."""
    return RtxRunner(batch_size)


class RtxRunner(Runner):
    """Engines of the host's TensorRT for RTX. Drivers are opened as the options' CUDA backends ask for them."""

    on_gpu = True

    def __init__(self, batch_size: int) -> None:
        gpu = preflight()
        if gpu.device is None:
            raise ProblemError("no-gpu", gpu.problem or "there is no CUDA device on this board")
        with importing.explained(MODULE):
            import numpy

            rtx = importlib.import_module(MODULE)
        self._rtx = rtx
        self._numpy_version = numpy.__version__
        self._device = gpu.device
        self._batch_size = batch_size
        self._log = Log()
        self._logger = make_logger(rtx, self._log)  # one a process: the library keeps the first
        self._drivers: Dict[str, CudaDriver] = {}
        self._simulated = bool(getattr(rtx, SIMULATED_MARK, False)) or gpu.device.simulated

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record."""
        return {
            "runner": "tensorrt_rtx",
            "tensorrt_rtx": self._rtx.__version__,
            "numpy": self._numpy_version,
            "device": to_json(self._device),
            "simulated": self._simulated,
        }

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """The engine in this file, finished for this GPU.

        Raises ProblemError: `bad-option`; `bad-engine` where TensorRT for RTX refuses it (another version of it, or a
        GPU that it was not built for); `out-of-memory`; `cuda-failed`.
        """
        return self._load(model_path, options, None)

    def load_tensors(self, model_path: str, options: Dict[str, Any], tensors: Tensors) -> Session:
        """As `load`, with the engine's tensors by name; raises the problem `bad-inputs` too."""
        return self._load(model_path, options, tensors)

    def _load(self, model_path: str, options: Dict[str, Any], tensors: Optional[Tensors]) -> Session:
        known_options(options, OPTIONS)
        backend = options.get("cuda_backend", AUTO)
        check_backend(backend)
        try:
            return self._session(model_path, backend, options.get("precision"), tensors)
        except CudaError as error:
            raise ProblemError("cuda-failed", "{} cannot be loaded: {}".format(model_path, error))

    def _session(self, path: str, backend: str, precision: Optional[str], tensors: Optional[Tensors]) -> Session:
        if backend not in self._drivers:
            self._drivers[backend] = open_driver(backend)
        driver = self._drivers[backend]
        free_before_bytes, _ = driver.memory()
        start_s = clock.now_s()
        runtime = self._rtx.Runtime(self._logger)
        with open(path, "rb") as file:
            plan = file.read()
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise ProblemError(
                "bad-engine",
                "TensorRT for RTX {} refuses {} on this GPU (compute capability {}): {}; build the bundle with the "
                "same version of it, and for this compute capability".format(
                    self._rtx.__version__, path, self._device.compute_capability, self._log.last_error()
                ),
            )
        context = engine.create_execution_context()
        if context is None:
            raise ProblemError(
                "out-of-memory",
                "TensorRT for RTX cannot allocate this engine on the device ({}); free memory on it".format(
                    self._log.last_error()
                ),
            )
        deserialize_s = clock.now_s() - start_s
        dialect = StronglyTyped(self._rtx)
        owners = (runtime, engine)
        if tensors is None:
            session = TensorRtSession(owners, context, dialect, driver, self._batch_size)
        else:
            taken = as_taken(path, dialect.tensors(engine), tensors)
            session = TensorRtTensorSession(owners, context, dialect, driver, taken)
        free_after_bytes, total_bytes = driver.memory()
        session.note(
            precision=precision,
            engine_bytes=len(plan),
            deserialize_s=deserialize_s,
            device_bytes=max(0, free_before_bytes - free_after_bytes),
            device_memory={
                "free_before_bytes": free_before_bytes,
                "free_after_bytes": free_after_bytes,
                "total_bytes": total_bytes,
            },
            cuda_backend=driver.name,
            simulated=self._simulated or driver.simulated,
        )
        return session
