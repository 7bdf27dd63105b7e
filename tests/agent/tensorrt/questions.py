"""What the tests ask of the agent's modules in a process of its own, under any CPython from 3.6: one line of JSON."""

import ctypes
import json
import os
import sys

sys.path.insert(0, os.environ["AGENT"])

from sis_agent import cuda, runners
from sis_agent.cuda.base import CudaError
from sis_agent.cuda.preflight import preflight
from sis_agent.protocol import ProblemError
from sis_agent.runners import sparsity
from sis_agent.schema import to_json

SIZE = 1000


def device(backend):
    """The device, and a round trip of bytes through its memory."""
    try:
        driver = cuda.open_driver(backend)
    except ProblemError as error:
        return {"problem": to_json(error.problem)}
    stream, marks = driver.stream(), (driver.event(), driver.event())
    there, back = driver.allocate_pinned(SIZE), driver.allocate_pinned(SIZE)
    on_device = driver.allocate(SIZE)
    ctypes.memmove(there, bytes(range(250)) * 4, SIZE)
    driver.record(marks[0], stream)
    driver.copy_to_device(on_device, there, SIZE, stream)
    driver.copy_to_host(back, on_device, SIZE, stream)
    driver.record(marks[1], stream)
    driver.synchronize(stream)
    free, total = driver.memory()
    return {
        "device": to_json(driver.device()),
        "same": ctypes.string_at(back, SIZE) == bytes(range(250)) * 4,
        "elapsed_s": driver.elapsed_s(*marks),
        "handle": driver.stream_handle(stream),
        "free": free,
        "total": total,
    }


def refusals(backend):
    """The sentences for a wish that is too big and for a copy to where nothing is."""
    driver = cuda.open_driver(backend)
    said = []
    for wish in (
        lambda: driver.allocate(1 << 50),
        lambda: driver.copy_to_device(driver.allocate(8), driver.allocate_pinned(16), 16, driver.stream()),
    ):
        try:
            wish()
            said.append(None)
        except CudaError as error:
            said.append(str(error))
    return said


def own(runner, folder, changes):
    """The outputs by name of `dense` for tensors by name, before a step and after it, against the reference."""
    import numpy

    images = numpy.load(os.path.join(folder, "tensors.npy"))  # noqa: PTH118
    tensors = {"input": images}
    tensors.update({name: numpy.zeros(**how) for name, how in changes.items()})
    reference = numpy.load(os.path.join(folder, "dense.npy"))[: len(images)]  # noqa: PTH118
    path = os.path.join(folder, "dense.onnx")  # noqa: PTH118
    try:
        runtime = runners.make(runner, 1, 1)
        runtime.prepare_tensors(path, {}, tensors)
        session = runtime.load_tensors(path, {}, tensors)
        step = session.step(tensors)
        step()
        outputs = session.infer({"input": images[::-1]})
        step()
        again = session.infer(tensors)
    except ProblemError as error:
        return {"problem": to_json(error.problem)}
    return {
        "names": list(outputs),
        "difference": float(numpy.abs(outputs["logits"][::-1] - reference).max()),
        "again": float(numpy.abs(again["logits"] - reference).max()),
        "cache_hit": session.details()["engine_cache_hit"],
        "device_latencies": len(session.device_latencies_s()),
    }


def several(runner, path, arrays):
    """The outputs by name of a network with inputs of several types, as lists, after a step with other values."""
    import numpy

    with numpy.load(arrays) as archive:
        tensors = {name: archive[name] for name in archive.files}
    try:
        runtime = runners.make(runner, 1, 1)
        runtime.prepare_tensors(path, {}, tensors)
        session = runtime.load_tensors(path, {}, tensors)
        session.step({name: numpy.zeros_like(value) for name, value in tensors.items()})()
        outputs = session.infer(tensors)
    except ProblemError as error:
        return {"problem": to_json(error.problem)}
    return {name: [str(value.dtype), value.tolist()] for name, value in outputs.items()}


def looks(backend):
    """What the pre-flight says, and how the runners stand."""
    found = preflight(backend)
    return {"device": to_json(found.device), "problem": found.problem, "runners": runners.availability()}


def log_report(path):
    """What the parser of builder logs finds."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return to_json(sparsity.from_log(file))


def load(runner, batch_size, folder, form, options, ending=".onnx"):
    """Prepare, load and use one network as the worker does."""
    import numpy

    from sis_agent.schema import Preprocess
    from sis_agent.worker import checks

    heard = []
    try:
        made = runners.make(runner, 1, batch_size)
        path = folder + "/" + form + ending
        made.prepare(path, options, heard.append)
        session = made.load(path, options)
        images = numpy.load(folder + "/images.npy")
        images = checks.preprocess(images, Preprocess([0.5, 0.4, 0.3], [0.2, 0.25, 0.3]))
        reference = numpy.load(folder + "/" + form + ".npy")
        batch = checks.timing_batch(images, batch_size, None)
        if session.times_itself:
            latencies_s = session.timer(batch)(5)
        else:
            step = session.step(batch)
            for _ in range(5):
                step()
            latencies_s = session.device_latencies_s()
        difference = float(abs(session.infer(images) - reference).max())
        return {
            "runner": made.details(),
            "on_gpu": made.on_gpu,
            "difference": difference,
            "latencies_s": latencies_s,
            "again": [] if session.times_itself else session.device_latencies_s(),
            "details": session.details(),
        }
    except ProblemError as error:
        return {"problem": to_json(error.problem), "heard": heard}


def steps_between(form, folder):
    """What the engine computes in a step after other images have been inferred: its own batch's logits."""
    import numpy

    made = runners.make("tensorrt", 1, 2)
    session = made.load(folder + "/" + form + ".onnx", {})
    images = numpy.random.RandomState(0).normal(size=(6, 3, 8, 8)).astype(numpy.float32)
    expected = session.infer(images[:2])
    step = session.step(images[:2])
    session.infer(images[2:])
    step()
    driver, stream = session._driver, session._stream
    driver.copy_to_host(session._host["logits"], session._device["logits"], session._bytes["logits"], stream)
    driver.synchronize(stream)
    return bool((session._arrays["logits"] == expected).all())


def second_without_room(form, folder):
    """What is reported of a network that finds no memory next to one that is loaded."""
    import tensorrt

    made = runners.make("tensorrt", 1, 1)
    kept = made.load(folder + "/" + form + ".onnx", {})

    def create_execution_context(self):
        self._logger.log(tensorrt.ILogger.ERROR, "Cuda failure 2: out of memory")

    tensorrt.ICudaEngine.create_execution_context = create_execution_context
    try:
        made.load(folder + "/" + form + ".onnx", {"tf32": True})
    except ProblemError as error:
        return [error.problem.message, bool(kept)]


def many_steps(form, folder, count):
    """How many times of its own the device tells after so many steps."""
    import numpy

    session = runners.make("tensorrt", 1, 1).load(folder + "/" + form + ".onnx", {})
    step = session.step(numpy.zeros((1, 3, 8, 8), dtype=numpy.float32))
    for _ in range(count):
        step()
    return len(session.device_latencies_s())


if __name__ == "__main__":
    answer = globals()[sys.argv[1]](*json.loads(sys.argv[2]))
    print(json.dumps(answer), flush=True)
    os._exit(0)
