"""An ONNX model whose runs ONNX Runtime's own profiler takes apart, and the same without it, since that adds time."""

import json
import os
import time
from typing import List, Tuple

from sis_agent.native.turns import RUNS, Run, by_part
from sis_agent.runners.onnxruntime_runner import OnnxRuntimeOptions, OnnxRuntimeRunner

SUFFIX = "_kernel_time"  # of the events that are a node's run


class ProfiledModel:
    """A model of one input in two sessions; the profile goes to a file in `folder` and is removed when it was read."""

    def __init__(self, model: bytes, threads: int, folder: str) -> None:
        import numpy
        import onnxruntime

        runner = OnnxRuntimeRunner(threads)
        sessions = []
        for profiles in (True, False):
            settings = runner.settings(OnnxRuntimeOptions())
            settings.log_severity_level = 3
            settings.enable_profiling = profiles
            settings.profile_file_prefix = os.path.join(folder, "profile")
            sessions.append(onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"]))
        self._profiled, self._plain = sessions
        given = self._plain.get_inputs()[0]
        shape = [side if isinstance(side, int) else 1 for side in given.shape]
        self._feed = {given.name: numpy.random.RandomState(0).standard_normal(shape).astype("float32")}
        self._profiled_runs = 0

    @property
    def runs(self) -> List[Run]:
        """A run under the profiler, whose times come later, and one without it."""
        return [self._run_profiled, self._run_plain]

    def nodes(self) -> Tuple[List[str], List[List[float]]]:
        """The operators of the nodes in their order, and their seconds in each turn. Ends the profile."""
        path = self._profiled.end_profiling()
        try:
            with open(path) as file:
                events = json.load(file)
        finally:
            os.remove(path)
        nodes = [event for event in events if event.get("cat") == "Node" and event["name"].endswith(SUFFIX)]
        count = self._profiled_runs
        each = len(nodes) // count
        seconds = [[event["dur"] * 1e-6 for event in nodes[at * each : (at + 1) * each]] for at in range(count)]
        turns = [seconds[at + 1 : at + 1 + RUNS] for at in range(0, count, RUNS + 1)]
        return (
            [str(event["args"]["op_name"]) for event in nodes[:each]],
            [[sum(values) / RUNS for values in by_part(turn)] for turn in turns],
        )

    def _run_profiled(self) -> List[float]:
        self._profiled.run(None, self._feed)
        self._profiled_runs += 1
        return []

    def _run_plain(self) -> List[float]:
        start = time.perf_counter()
        self._plain.run(None, self._feed)
        return [time.perf_counter() - start]
