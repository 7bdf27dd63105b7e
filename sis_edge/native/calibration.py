"""How long the probes take on this processor. Standard library, ctypes and CPython 3.6: a board runs this file.

Each probe is timed in several short turns, and the least time counts: what else runs on the board only adds. With one
thread a run of ONNX Runtime is timed by that thread's processor time, which stops while others have the core.
"""

import time
from typing import Any, Callable  # noqa: UP035

from sis_edge.native.library import Library


def time_native(library: Library, blobs: "dict[str, bytes]", instruction_set: str = "") -> "dict[str, list[float]]":
    """For each chain the seconds of its stages, one image on one thread."""
    import array

    result = {}
    for name, blob in blobs.items():
        with library.chain(blob, instruction_set) as chain:
            images = array.array("f", bytes(4 * _count(chain.input_shape)))
            for at in range(len(images)):
                images[at] = (at * 7919 % 2003) / 1001.5 - 1.0  # numbers of both signs, none of them denormal
            outputs = array.array("f", bytes(4 * _count(chain.output_shape)))
            stages = _least(lambda: [seconds for _, seconds in chain.profile(images, outputs)])  # noqa: B023
        result[name] = stages
    return result


def time_dense(models: "dict[str, bytes]", threads: int = 1) -> "dict[str, list[float]]":
    """For each ONNX model of one input the seconds of a run; needs onnxruntime and numpy."""
    import numpy
    import onnxruntime

    result = {}
    for name, model in models.items():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0]
        shape = [side if isinstance(side, int) else 1 for side in given.shape]
        feed = {given.name: numpy.random.RandomState(0).standard_normal(shape).astype("float32")}
        result[name] = _least(lambda: [_seconds(lambda: session.run(None, feed), threads)])  # noqa: B023
    return result


def _least(run: "Callable[[], list[float]]", turns: int = 8, turn_s: float = 0.012) -> "list[float]":
    """The least of what `run` answers, place by place, over several turns with pauses between."""
    best = run()
    for _ in range(turns):
        end = time.perf_counter() + turn_s
        while time.perf_counter() < end:
            best = [min(pair) for pair in zip(best, run())]  # noqa: B905
        time.sleep(0.002)
    return best


def _seconds(run: "Callable[[], Any]", threads: int) -> float:
    clock = time.CLOCK_THREAD_CPUTIME_ID if threads == 1 else time.CLOCK_MONOTONIC
    start = time.clock_gettime(clock)
    run()
    return time.clock_gettime(clock) - start


def _count(shape: "tuple[int, ...]") -> int:
    channels, height, width = shape
    return channels * height * width
