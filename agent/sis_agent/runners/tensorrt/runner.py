"""The TensorRT runner: one device, one TensorRT, and an engine for each network and its options."""

import importlib
import json
from typing import Any, Dict, Optional

from sis_agent import child, clock
from sis_agent.cuda import open_driver
from sis_agent.cuda.base import SIMULATED_MARK, CudaDriver, CudaError, Device
from sis_agent.cuda.preflight import preflight
from sis_agent.files import file_sha256
from sis_agent.protocol import ProblemError
from sis_agent.runners import engine_cache, engines, importing
from sis_agent.runners.base import OnProgress, Runner, Session, Tensors, ignore
from sis_agent.runners.engine_cache import CachedEngine
from sis_agent.runners.inputs import shapes
from sis_agent.runners.tensorrt.build import RECIPE, BuildOrder
from sis_agent.runners.tensorrt.dialects import dialect_of
from sis_agent.runners.tensorrt.log import Log, make_logger
from sis_agent.runners.tensorrt.options import EngineOptions, parse
from sis_agent.runners.tensorrt.session import TensorRtSession, TensorRtTensorSession
from sis_agent.runners.tensorrt.tensors import as_taken
from sis_agent.schema import Problem, to_json


class TensorRtRunner(Runner):
    """TensorRT for batches of one size. A driver is opened at the first load, with the options' CUDA backend."""

    on_gpu = True

    def __init__(self, batch_size: int) -> None:
        gpu = preflight()
        if gpu.device is None:
            raise ProblemError("no-gpu", gpu.problem or "there is no CUDA device on this board")
        with importing.explained("tensorrt"):
            import numpy

            tensorrt = importlib.import_module("tensorrt")
        self._trt = tensorrt
        self._dialect = dialect_of(tensorrt)
        self._numpy_version = numpy.__version__
        self._device: Device = gpu.device
        self._batch_size = batch_size
        self._cache = engine_cache.of_this_job()
        self._log = Log()
        self._logger = make_logger(tensorrt, self._log)  # one a process: TensorRT keeps the first
        self._drivers: Dict[str, CudaDriver] = {}
        self._simulated = bool(getattr(tensorrt, SIMULATED_MARK, False)) or self._device.simulated

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record."""
        return {
            "runner": "tensorrt",
            "tensorrt": self._trt.__version__,
            "dialect": self._dialect.name,
            "numpy": self._numpy_version,
            "device": to_json(self._device),
            "power_mode": self._cache.power_mode,
            "simulated": self._simulated,
        }

    def prepare(self, model_path: str, options: Dict[str, Any], on_progress: OnProgress = ignore) -> None:
        """Build the network's engine unless the board has it."""
        self._engine(model_path, parse(options), on_progress)

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """The network's engine, loaded; raises ProblemError as `EngineOptions` and the build do."""
        return self._load(model_path, parse(options), None)

    def prepare_tensors(
        self, model_path: str, options: Dict[str, Any], tensors: Tensors, on_progress: OnProgress = ignore
    ) -> None:
        """Build the engine for the shapes of these tensors unless the board has it."""
        self._engine(model_path, parse(options), on_progress, tensors)

    def load_tensors(self, model_path: str, options: Dict[str, Any], tensors: Tensors) -> Session:
        """The engine for the shapes of these tensors, loaded; raises as `load`, and the problem `bad-inputs`."""
        return self._load(model_path, parse(options), tensors)

    def _load(self, model_path: str, wanted: EngineOptions, tensors: Optional[Tensors]) -> TensorRtSession:
        engine = self._engine(model_path, wanted, ignore, tensors)
        try:
            session = self._session(engine, wanted, model_path, tensors)
            if session is None:
                # The same versions, and yet TensorRT refuses it: a reinstalled driver, for one. Once more.
                self._cache.drop(self._cache.key(**self._key_parts(model_path, wanted, tensors)))
                engine = self._engine(model_path, wanted, ignore, tensors)
                session = self._session(engine, wanted, model_path, tensors)
        except CudaError as error:
            raise ProblemError("cuda-failed", "{} cannot be loaded: {}".format(model_path, error))
        if session is None:
            raise ProblemError(
                "bad-engine",
                "TensorRT {} refuses the engine that it built from {}; the job's log.txt has its reasons".format(
                    self._trt.__version__, model_path
                ),
            )
        return session

    def _key_parts(self, model_path: str, options: EngineOptions, tensors: Optional[Tensors] = None) -> Dict[str, Any]:
        model: Dict[str, Any] = {"onnx_sha256": file_sha256(model_path), "recipe": RECIPE}
        if tensors is None:
            model["batch_size"] = self._batch_size
        else:
            model["shapes"] = shapes(tensors)
        return dict(options.build_parts(), **dict(model, **self._place()))

    def _place(self) -> Dict[str, Any]:
        """What engines and timings are bound to."""
        return {
            "builder": "tensorrt",
            "tensorrt": self._trt.__version__,
            "gpu": self._device.name,
            "compute_capability": self._device.compute_capability,
            "simulated": self._simulated,
        }

    def _engine(
        self, model_path: str, options: EngineOptions, on_progress: OnProgress, tensors: Optional[Tensors] = None
    ) -> CachedEngine:
        def build(key: str) -> Dict[str, Any]:
            order = BuildOrder(
                model_path=model_path,
                plan_path=self._cache.path(key, ".plan"),
                log_path=self._cache.path(key, ".log"),
                timing_path=self._cache.timing_path(**self._place()) if options.timing_cache else None,
                batch_size=self._batch_size,
                options=to_json(options),
                shapes=None if tensors is None else shapes(tensors),
            )
            command = child.command("sis_agent.runners.tensorrt.build")
            output = engines.run_builder(command, json.dumps(to_json(order)), options.build_limit_s, on_progress)
            answer = json.loads(output.splitlines()[-1])
            if "problem" in answer:
                raise ProblemError(*Problem(**answer["problem"]))
            report: Dict[str, Any] = answer["report"]
            return report

        return engines.get(self._cache, self._key_parts(model_path, options, tensors), build)

    def _session(
        self, engine: CachedEngine, options: EngineOptions, model_path: str, tensors: Optional[Tensors]
    ) -> Optional[TensorRtSession]:
        """None when TensorRT refuses the engine."""
        if options.cuda_backend not in self._drivers:
            self._drivers[options.cuda_backend] = open_driver(options.cuda_backend)
        driver = self._drivers[options.cuda_backend]
        free_before_bytes, _ = driver.memory()
        start_s = clock.now_s()
        runtime = self._trt.Runtime(self._logger)
        with open(engine.plan_path, "rb") as file:
            loaded = runtime.deserialize_cuda_engine(file.read())
        if loaded is None:
            return None
        context = loaded.create_execution_context()
        if context is None:
            raise ProblemError(
                "out-of-memory",
                "TensorRT cannot allocate this network on the device ({}); free memory on the board".format(
                    self._log.last_error()
                ),
            )
        deserialize_s = clock.now_s() - start_s
        owners = (runtime, loaded)
        if tensors is None:
            session = TensorRtSession(owners, context, self._dialect, driver, self._batch_size)
        else:
            taken = as_taken(model_path, self._dialect.tensors(loaded), tensors)
            session = TensorRtTensorSession(owners, context, self._dialect, driver, taken)
        free_after_bytes, total_bytes = driver.memory()
        session.note(
            engine_name=options.engine_name,
            options=to_json(options),
            engine_bytes=engine.plan_bytes,
            engine_sha256=engine.plan_sha256,
            engine_cache_hit=not engine.is_new,
            engine_told=engine.report,
            deserialize_s=deserialize_s,
            context_memory_bytes=_context_memory_bytes(loaded),
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


def _context_memory_bytes(engine: Any) -> Optional[int]:
    """What TensorRT says that a context takes for activations."""
    for name in ("device_memory_size_v2", "device_memory_size"):
        if hasattr(engine, name):
            return int(getattr(engine, name))
    return None
