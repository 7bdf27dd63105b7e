"""How long probes take on this processor: networks by the sparse kernels, and dense ones by ONNX Runtime.

Both tell the seconds of their parts, so that each layer is timed within a network, with caches as they are there.

The host brings two files into the folder `calibration` of the agent's root, or one below it:

    kernels.so          the library of sparse kernels for this board
    probes.zip          native/NAME a chain's blob, dense/NAME an ONNX model of one input
"""

import os
import tempfile
import zipfile
from typing import Any, Dict, List, Tuple

from sis_agent import cpu, lock, runners
from sis_agent.native import turns
from sis_agent.native.library import Chain, Library, LibraryError
from sis_agent.native.profiled import ProfiledModel
from sis_agent.native.turns import Run, Turn
from sis_agent.protocol import ProblemError
from sis_agent.tree import Tree

CALIBRATION = "calibration"
LIBRARY = "kernels.so"
PROBES = "probes.zip"
NATIVE, DENSE = "native/", "dense/"

EACH_S = 0.25
"""So long each probe is measured, and longer on slow boards; all of them in eight seconds."""


def calibrate(root: str, folder: str, threads: int = 1) -> Dict[str, Any]:
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
            **time_probes(library, blobs, models, instruction_set, threads),
            "cpu": cpu.read(Tree("/")).model,
            "instruction_set": instruction_set,
            "onnxruntime": onnxruntime.__version__,
            "peak_flops": library.peak_flops(instruction_set),
            "threads": threads,
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
    library: Library,
    blobs: Dict[str, bytes],
    models: Dict[str, bytes],
    instruction_set: str = "",
    threads: int = 1,
    each_s: float = EACH_S,
) -> Dict[str, Any]:
    """Of each chain the seconds of its stages (`native`), of each ONNX model of one input those of a run (`dense`).

    A run of a model is told as a whole, then under the profiler node by node; `operators` names those. One image.
    Models need onnxruntime and numpy.
    """
    measured, operators = measure(library, blobs, models, instruction_set, threads, each_s)
    found: Dict[str, Any] = {"native": {}, "dense": {}, "operators": operators}
    for (kind, name), seconds in turns.medians(turns.at_one_speed(measured)).items():
        found[kind][name] = seconds
    return found


def measure(
    library: Library,
    blobs: Dict[str, bytes],
    models: Dict[str, bytes],
    instruction_set: str = "",
    threads: int = 1,
    each_s: float = EACH_S,
) -> Tuple[List[Turn], Dict[str, List[str]]]:
    """The turns that `time_probes` takes medians of, as they were, and the operators of each model."""
    chains = {name: library.chain(blob, instruction_set) for name, blob in blobs.items()}
    try:
        with tempfile.TemporaryDirectory() as folder:
            profiled = {name: ProfiledModel(model, threads, folder) for name, model in models.items()}
            runs = {("native", name): [_stages(chain, threads)] for name, chain in chains.items()}
            runs.update({("dense", name): model.runs for name, model in profiled.items()})
            taken = turns.take(runs, each_s * len(runs))
            nodes = {name: model.nodes() for name, model in profiled.items()}
        found, seen = [], dict.fromkeys(nodes, 0)
        for (kind, name), seconds in taken:
            if kind == "dense":
                seconds, seen[name] = seconds + nodes[name][1][seen[name]], seen[name] + 1
            found.append(((kind, name), seconds))
        return found, {name: operators for name, (operators, _) in nodes.items()}
    finally:
        for chain in chains.values():
            chain.close()


def _stages(chain: Chain, threads: int) -> Run:
    import array

    images = array.array("f", bytes(4 * _count(chain.input_shape)))
    for at in range(len(images)):
        images[at] = (at * 7919 % 2003) / 1001.5 - 1.0  # numbers of both signs, none of them denormal
    outputs = array.array("f", bytes(4 * _count(chain.output_shape)))
    return lambda: [seconds for _, seconds in chain.profile(images, outputs, threads)]


def _count(shape: Tuple[int, ...]) -> int:
    channels, height, width = shape
    return channels * height * width
