"""One runtime in a process of its own: it loads networks and runs them when it is asked, one line of JSON each time.

Run by `process.py` with the Python of the runtime's environment (3.9 or newer), which has numpy and that runtime.
Orders come on standard input; replies go to standard output, and what a runtime itself prints to standard error.

    {"do": "start", "runtime", "threads", "batch", "cores", "inputs"}     -> {"version"}
    {"do": "load", "name", "model", "options"}                          -> {"load_s"}
    {"do": "outputs", "name", "target"}                                 -> {}, logits [N, classes] in the file `target`
    {"do": "run", "name", "least", "seconds"}                           -> {"wall_ns", "cpu_ns"}, a number for each run

The CPU time is the whole process's: some runtimes compute in threads of their own.
"""

import ctypes
import importlib.metadata
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[Any], Any]  # images float32 [batch, 3, height, width] -> logits [batch, classes]
UNMEASURED = 2  # runs at the beginning of a turn: the caches hold another network's weights
INPUT, LOGITS = "input", "logits"


class OnnxRuntimePeer:
    """ONNX Runtime as the agent runs it on a board, with the library of sparse kernels where the options name one."""

    package = "onnxruntime"

    def __init__(self, threads: int, batch: int, shape: list[int]) -> None:
        from sis_agent.runners.onnxruntime import OnnxRuntimeRunner

        self._runner = OnnxRuntimeRunner(threads)

    def load(self, model: str, options: dict[str, Any]) -> Run:
        """The network, ready to run."""
        return self._runner.load(model, options).infer


class OpenVinoPeer:
    """OpenVINO on the CPU, for latency. Its own choice of precision would be bf16 on processors that have it."""

    package = "openvino"

    def __init__(self, threads: int, batch: int, shape: list[int]) -> None:
        import openvino

        self._core = openvino.Core()
        self._shape = [batch, *shape]
        self._settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}

    def load(self, model: str, options: dict[str, Any]) -> Run:
        """The network, ready to run."""
        network = self._core.read_model(model)
        network.reshape(self._shape)
        request = self._core.compile_model(network, "CPU", dict(self._settings, **options)).create_infer_request()
        return lambda images: request.infer([images], share_inputs=True, share_outputs=True)[0]


class DeepSparsePeer:
    """DeepSparse, the last runtime for sparse networks on CPUs."""

    package = "deepsparse"

    def __init__(self, threads: int, batch: int, shape: list[int]) -> None:
        self._threads, self._batch = threads, batch

    def load(self, model: str, options: dict[str, Any]) -> Run:
        """The network, ready to run."""
        from deepsparse import Engine

        engine = Engine(model, batch_size=self._batch, num_cores=self._threads)
        return lambda images: engine.run([images])[0]


class MnnPeer:
    """MNN with its own converter and, with the option `quantize`, its own quantiser for INT8.

    The command `mnnconvert` is not used: it installs a package with whatever pip it finds, to report its use.
    """

    package = "MNN"

    def __init__(self, threads: int, batch: int, shape: list[int]) -> None:
        import MNN.expr
        import MNN.nn

        self._mnn = MNN
        self._folder = tempfile.mkdtemp(prefix="sis-edge-mnn-")
        self._count = 0
        settings = {"backend": "CPU", "numThread": threads, "precision": "high"}
        self._runtime = MNN.nn.create_runtime_manager((settings,))

    def load(self, model: str, options: dict[str, Any]) -> Run:
        """The network, ready to run."""
        import _tools

        self._count += 1
        path = f"{self._folder}/{self._count}.mnn"
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", model, "--MNNModel", path])
        if "quantize" in options:
            source, path = path, path + ".int8"
            _tools.mnnquant(["mnnquant", source, path, options["quantize"]])
        network = self._mnn.nn.load_module_from_file(
            path, [INPUT], [LOGITS], runtime_manager=self._runtime, shape_mutable=False
        )
        expr = self._mnn.expr

        def run(images: Any) -> Any:
            values = network.forward([expr.const(images, images.shape, expr.NCHW)])
            if not values:
                raise RuntimeError("MNN converted the network and cannot run it")
            return expr.convert(values[0], expr.NCHW).read()

        return run


class SleepingPeer:
    """For tests: logits are sums of pixels, `scale` times as large, after `ms` milliseconds; `dies` in its run."""

    package = "numpy"

    def __init__(self, threads: int, batch: int, shape: list[int]) -> None:
        self._pixels = int(np.prod(shape))

    def load(self, model: str, options: dict[str, Any]) -> Run:
        """The network, ready to run."""
        if "unreadable" in options:
            raise ValueError(f"cannot read {model}")
        weights = np.random.default_rng(0).standard_normal((self._pixels, 10)).astype(np.float32)
        left = [options.get("dies", -1)]

        def run(images: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(options.get("ms", 0) / 1e3)
            return images.reshape(len(images), -1) @ weights * options.get("scale", 1) + options.get("offset", 0)

        return run


PEERS: dict[str, Any] = {
    "onnxruntime": OnnxRuntimePeer,
    "openvino": OpenVinoPeer,
    "deepsparse": DeepSparsePeer,
    "mnn": MnnPeer,
    "sleeping": SleepingPeer,
}


class PeerWorker:
    """The orders, by name; every public method is one."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def start(self, runtime: str, threads: int, batch: int, cores: list[int], inputs: str) -> dict[str, Any]:
        """Pin this process and import the runtime: its threads are to inherit the cores."""
        os.sched_setaffinity(0, cores)
        self._images = np.load(inputs)
        self._batch = batch
        self._first = self._batch_at(0)
        kind = PEERS[runtime]
        self._peer = kind(threads, batch, list(self._images.shape[1:]))
        return {"version": importlib.metadata.version(kind.package), "python": sys.version.split()[0]}

    def load(self, name: str, model: str, options: dict[str, Any]) -> dict[str, Any]:
        """Load a network and run it once, so that one that cannot run is found here."""
        start_s = time.perf_counter()
        run = self._peer.load(model, options)
        run(self._first)
        self._runs[name] = run
        return {"load_s": time.perf_counter() - start_s}

    def outputs(self, name: str, target: str) -> dict[str, Any]:
        """Logits of all images; the last batch is filled up with the first images."""
        run = self._runs[name]
        parts = [np.array(run(self._batch_at(at))) for at in range(0, len(self._images), self._batch)]
        np.save(target, np.concatenate(parts)[: len(self._images)])
        return {}

    def run(self, name: str, least: int, seconds: float) -> dict[str, Any]:
        """One turn: so many runs and so many seconds at least."""
        run, images = self._runs[name], self._first
        for _ in range(UNMEASURED):
            run(images)
        wall_ns: list[int] = []
        cpu_ns: list[int] = []
        end_ns = time.perf_counter_ns() + int(seconds * 1e9)
        while len(wall_ns) < least or time.perf_counter_ns() < end_ns:
            cpu, wall = time.process_time_ns(), time.perf_counter_ns()
            run(images)
            wall_ns.append(time.perf_counter_ns() - wall)
            cpu_ns.append(time.process_time_ns() - cpu)
        return {"wall_ns": wall_ns, "cpu_ns": cpu_ns}

    def _batch_at(self, start: int) -> Any:
        places = np.arange(start, start + self._batch) % len(self._images)
        return np.ascontiguousarray(self._images[places])


def main() -> None:
    """Answer until standard input ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: without its parent it ends
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = PeerWorker()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"reply": getattr(worker, order.pop("do"))(**order)}
        except Exception as error:
            answer = {"problem": f"{type(error).__name__}: {str(error).strip()}"[:300]}
        replies.write(json.dumps(answer) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
