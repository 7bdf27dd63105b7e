"""How long probes take on this processor: layers for the sparse kernels, chains of dense ones for ONNX Runtime.

Each probe is timed in several short turns, and the least time counts: what else runs on the board only adds. The probes
take turns, so that what disturbs for some seconds does not spoil all the turns of one. A run of ONNX Runtime, on one
thread, is timed by that thread's processor time, which stops while others have the core.

The host brings two files into the folder `calibration` of the agent's root, or one below it:

    kernels.so          the library of sparse kernels for this board
    probes.zip          native/NAME a chain's blob, dense/NAME an ONNX model of one input
"""

import os
import time
import zipfile
from typing import Any, Callable, Dict, List, Tuple

from sis_agent import cpu, lock, runners
from sis_agent.native.library import Chain, Library, LibraryError
from sis_agent.protocol import ProblemError
from sis_agent.tree import Tree

CALIBRATION = "calibration"
LIBRARY = "kernels.so"
PROBES = "probes.zip"
NATIVE, DENSE = "native/", "dense/"
TURNS, TURN_S, PAUSE_S = 8, 0.012, 0.002

Run = Callable[[], List[float]]


def calibrate(root: str, folder: str) -> Dict[str, Any]:
    """Time the probes in a folder of the root, as the board's only job; answers what `costs.Calibration` wants.

    Raises ProblemError: `bad-name`, `busy`, `no-runtime`, `bad-library`, `bad-probes`.
    """
    place = os.path.normpath(os.path.join(root, folder))
    if os.path.isabs(folder) or not place.startswith(os.path.normpath(root) + os.sep):
        raise ProblemError("bad-name", "'{}' is not inside of the agent's root".format(folder))
    runners.check("onnxruntime")
    owner = lock.acquire(root, CALIBRATION)
    try:
        library = Library(os.path.join(place, LIBRARY))
        blobs, models = read_probes(os.path.join(place, PROBES))
        instruction_set = library.instruction_sets()[0]
        import onnxruntime

        return {
            **time_probes(library, blobs, models, instruction_set),
            "cpu": cpu.read(Tree("/")).model,
            "instruction_set": instruction_set,
            "onnxruntime": onnxruntime.__version__,
            "peak_flops": library.peak_flops(instruction_set),
        }
    except LibraryError as error:
        raise ProblemError("bad-library", "{}; calibrate the board again with its own profile".format(error))
    finally:
        lock.release(root, owner)


def read_probes(path: str) -> Tuple[Dict[str, bytes], Dict[str, bytes]]:
    """Blobs and ONNX models of the archive, by their names; raises ProblemError `bad-probes`."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise ProblemError("bad-probes", "the probes {} cannot be read ({}); push them again".format(path, error))
    blobs, models = (
        {name[len(kind) :]: found[name] for name in found if name.startswith(kind)} for kind in (NATIVE, DENSE)
    )
    return blobs, models


def time_probes(
    library: Library, blobs: Dict[str, bytes], models: Dict[str, bytes], instruction_set: str = ""
) -> Dict[str, Dict[str, List[float]]]:
    """Of each chain the seconds of its stages (`native`), of each ONNX model of one input those of a run (`dense`).

    One image on one thread. All take turns together, for a processor that changes its clock between the two kinds
    would make one of them look slow. Models need onnxruntime and numpy.
    """
    chains = {name: library.chain(blob, instruction_set) for name, blob in blobs.items()}
    try:
        runs = {("native", name): _profiled(chain) for name, chain in chains.items()}
        runs.update({("dense", name): _session_run(model) for name, model in models.items()})
        found: Dict[str, Dict[str, List[float]]] = {"native": {}, "dense": {}}
        for (kind, name), seconds in _least(runs).items():
            found[kind][name] = seconds
        return found
    finally:
        for chain in chains.values():
            chain.close()


def _profiled(chain: Chain) -> Run:
    import array

    images = array.array("f", bytes(4 * _count(chain.input_shape)))
    for at in range(len(images)):
        images[at] = (at * 7919 % 2003) / 1001.5 - 1.0  # numbers of both signs, none of them denormal
    outputs = array.array("f", bytes(4 * _count(chain.output_shape)))
    return lambda: [seconds for _, seconds in chain.profile(images, outputs)]


def _session_run(model: bytes) -> Run:
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    shape = [side if isinstance(side, int) else 1 for side in given.shape]
    feed = {given.name: numpy.random.RandomState(0).standard_normal(shape).astype("float32")}

    def run() -> List[float]:
        start = _thread_s()
        session.run(None, feed)
        return [_thread_s() - start]

    return run


def _least(runs: Dict[Tuple[str, str], Run]) -> Dict[Tuple[str, str], List[float]]:
    """The least of what each run answers, place by place, over several rounds in which each has its turn."""
    best = {name: run() for name, run in runs.items()}
    for _ in range(TURNS):
        for name, run in runs.items():
            end = time.perf_counter() + TURN_S
            while time.perf_counter() < end:
                best[name] = list(map(min, best[name], run()))
            time.sleep(PAUSE_S)
    return best


def _thread_s() -> float:
    """Processor time of this thread, which does all the work; CPython 3.6 has it under this name only."""
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)


def _count(shape: Tuple[int, ...]) -> int:
    channels, height, width = shape
    return channels * height * width
