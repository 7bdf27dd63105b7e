"""An ONNX model that ONNX Runtime runs: timed as a whole, or taken apart by its own profiler, which adds time."""

import json
import os
import tempfile
import time
from typing import Any, List, Tuple

from sis_agent.calibration.rounds import RUNS, by_part
from sis_agent.runners.onnxruntime import OnnxRuntimeOptions, OnnxRuntimeRunner

SUFFIX = "_kernel_time"  # of the events that are a node's run


class TimedModel:
    """A model of one input on `threads` threads."""

    def __init__(self, model: bytes, threads: int) -> None:
        import numpy
        import onnxruntime

        settings = OnnxRuntimeRunner(threads).settings(OnnxRuntimeOptions())
        settings.log_severity_level = 3
        self._set(settings)
        self._session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
        given = self._session.get_inputs()[0]
        shape = [side if isinstance(side, int) else 1 for side in given.shape]
        self._feed = {given.name: numpy.random.RandomState(0).standard_normal(shape).astype("float32")}

    def run(self) -> List[float]:
        """Run once; the seconds of that."""
        start = time.perf_counter()
        self._session.run(None, self._feed)
        return [time.perf_counter() - start]

    def _set(self, settings: Any) -> None:
        """Further settings of a session."""


class ProfiledModel(TimedModel):
    """The same under the profiler, whose file goes below `folder` and is removed when it was read."""

    def __init__(self, model: bytes, threads: int, folder: str) -> None:
        # ONNX Runtime adds only the time to the prefix, in seconds up to 1.25, so that sessions would share a file.
        self._prefix = os.path.join(tempfile.mkdtemp(dir=folder), "profile")
        self._count = 0
        super().__init__(model, threads)

    def run(self) -> List[float]:
        """Run once; the seconds come later."""
        self._session.run(None, self._feed)
        self._count += 1
        return []

    def nodes(self) -> Tuple[List[str], List[List[float]]]:
        """The operators of the nodes in their order, and their seconds in each turn. Ends the profile."""
        path = self._session.end_profiling()
        try:
            with open(path) as file:
                events = json.load(file)
        finally:
            os.remove(path)
        nodes = [event for event in events if event.get("cat") == "Node" and event["name"].endswith(SUFFIX)]
        each = len(nodes) // self._count
        runs = [[event["dur"] * 1e-6 for event in nodes[run * each : (run + 1) * each]] for run in range(self._count)]
        turns = [runs[first + 1 : first + 1 + RUNS] for first in range(0, self._count, RUNS + 1)]
        return (
            [str(event["args"]["op_name"]) for event in nodes[:each]],
            [[sum(values) / RUNS for values in by_part(turn)] for turn in turns],
        )

    def _set(self, settings: Any) -> None:
        settings.enable_profiling = True
        settings.profile_file_prefix = self._prefix
