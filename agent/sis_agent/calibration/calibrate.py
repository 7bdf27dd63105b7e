"""How long probes take on this processor: networks by the sparse kernels, and dense ones by ONNX Runtime.

Both report the seconds of their parts, so that each layer is timed within a network, with caches as they are there.
Probes of one name have their turns together.

The host brings two files into the folder `calibration` of the agent's root, or one below it:

    kernels.so          the library of sparse kernels for this board
    probes.zip          native/NAME a chain's blob, int8/NAME one in INT8, dense/NAME an ONNX model of one input to be
                        taken apart, plain/NAME one to be timed as a whole
"""

import os
import tempfile
import time
import zipfile
import zlib
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from sis_agent import lock, runners
from sis_agent.board import cpu, exclusive, state
from sis_agent.calibration import rounds
from sis_agent.calibration.profiled import ProfiledModel, TimedModel
from sis_agent.calibration.rounds import Run, Turn
from sis_agent.files import CALIBRATION
from sis_agent.native.library import Chain, Library, LibraryError
from sis_agent.protocol import ProblemError
from sis_agent.tree import Tree

LIBRARY = "kernels.so"
PROBES = "probes.zip"
KINDS = ("native/", "dense/", "plain/", "int8/")
"""Folders of the archive, in the order of `Probes`."""

EACH_S = 0.3
"""Time for each probe, longer on slow boards; all of them take some fourteen seconds."""


class Probes(NamedTuple):
    """What is timed, by name: blobs of chains, ONNX models that are taken apart, and such that are timed as a whole.

    `int8` are blobs of chains in INT8; their names are in no other kind.
    """

    native: Dict[str, bytes]
    dense: Dict[str, bytes]
    plain: Dict[str, bytes]
    int8: Dict[str, bytes] = {}


class Measured(NamedTuple):
    """Turns in their order. A turn's seconds are those of the whole model, the chain's stages, the model's nodes.

    `has_whole` lists those whose turns begin with the whole; `operators` are those of the nodes.
    """

    turns: List[Turn]
    has_whole: List[str]
    operators: Dict[str, List[str]]

    def parts(self, name: str, seconds: List[float]) -> Tuple[List[float], List[float], List[float]]:
        """A turn's whole (one or none), stages, and nodes."""
        first, behind = int(name in self.has_whole), len(seconds) - len(self.operators.get(name, []))
        return seconds[:first], seconds[first:behind], seconds[behind:]


def calibrate(root: str, folder: str, threads: int = 1) -> Dict[str, Any]:
    """Time the probes in a folder of the root, as the board's only job; answers what `costs.Calibration` wants.

    Raises ProblemError: `bad-name`, `busy`, `no-runtime`, `bad-library`, `bad-probes`.
    """
    place = os.path.normpath(os.path.join(root, folder))
    if os.path.isabs(folder) or not place.startswith(os.path.normpath(root) + os.sep):
        raise ProblemError("bad-name", "'{}' is not inside the agent's root".format(folder))
    runners.check("onnxruntime")
    owner = lock.acquire(root, CALIBRATION)
    try:
        with exclusive.exclusive("/", exclusive.few_seconds()):
            return _calibrated(place, threads)
    except LibraryError as error:
        raise ProblemError("bad-library", "{}; calibrate the board again with its own profile".format(error))
    finally:
        lock.release(root, owner)


def _calibrated(place: str, threads: int) -> Dict[str, Any]:
    library = Library(os.path.join(place, LIBRARY))
    probes = read_probes(os.path.join(place, PROBES))
    instruction_set = library.instruction_sets()[0]
    import onnxruntime

    others = OtherPrograms()
    seconds = time_probes(library, probes, instruction_set, threads)
    return {
        **seconds,
        "other_cores": others.cores(),
        "cpu": cpu.read(Tree("/")).model,
        "instruction_set": instruction_set,
        "int8_instruction_set": library.int8_instruction_sets()[0] if probes.int8 else None,
        "onnxruntime": onnxruntime.__version__,
        "peak_flops": library.peak_flops(instruction_set),
        "threads": threads,
    }


class OtherPrograms:
    """Counts the cores that other programs keep busy from now on."""

    def __init__(self) -> None:
        self._before = state.cpu_times(Tree("/")).get("")
        self._own_s, self._start = sum(os.times()[:4]), time.perf_counter()

    def cores(self) -> Optional[float]:
        """How many on average; None where /proc/stat does not report it."""
        now, spent_s = state.cpu_times(Tree("/")).get(""), time.perf_counter() - self._start
        if now is None or self._before is None or spent_s <= 0:
            return None
        busy_s = (now.busy - self._before.busy) / state.USER_HZ
        return round(max(0.0, busy_s - (sum(os.times()[:4]) - self._own_s)) / spent_s, 3)


def read_probes(path: str) -> Probes:
    """What the archive holds; raises ProblemError `bad-probes`."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
        raise ProblemError("bad-probes", "the probes {} cannot be read ({}); push them again".format(path, error))
    return Probes(*({name[len(kind) :]: members[name] for name in members if name.startswith(kind)} for kind in KINDS))


def time_probes(
    library: Library, probes: Probes, instruction_set: str = "", threads: int = 1, each_s: float = EACH_S
) -> Dict[str, Any]:
    """The seconds of each probe, one image: of a chain its stages (`native`), of a model its nodes (`dense`) or a run.

    `operators` are those of the nodes, `plain` has the whole runs, `int8` the stages of chains in INT8, which run with
    the fastest instruction set. Models need onnxruntime and numpy.
    """
    measured = measure(library, probes, instruction_set, threads, each_s)
    answer: Dict[str, Any] = {"native": {}, "dense": {}, "plain": {}, "int8": {}, "operators": measured.operators}
    for name, taken in rounds.at_full_speed(measured.turns).items():
        whole, stages, nodes = measured.parts(name, rounds.medians(taken))
        answer["int8" if name in probes.int8 else "native"].update({name: stages} if stages else {})
        answer["dense"].update({name: nodes} if nodes else {})
        answer["plain"].update({name: whole[0]} if whole else {})
    return answer


def measure(
    library: Library, probes: Probes, instruction_set: str = "", threads: int = 1, each_s: float = EACH_S
) -> Measured:
    """The turns that `time_probes` takes medians of, as they were."""
    chains = {name: library.chain(blob, instruction_set) for name, blob in probes.native.items()}
    chains.update((name, library.chain(blob)) for name, blob in probes.int8.items())
    try:
        with tempfile.TemporaryDirectory() as folder:
            profiled = {name: ProfiledModel(model, threads, folder) for name, model in probes.dense.items()}
            runs: Dict[str, List[Run]] = {name: [] for kind in probes for name in kind}
            for name, model in probes.plain.items():
                runs[name].append(TimedModel(model, threads).run)
            for name, taken_apart in profiled.items():
                runs[name].append(taken_apart.run)
            for name, chain in chains.items():
                runs[name].append(_stages(chain, threads))
            taken = rounds.take(runs, each_s * len(runs))
            nodes = {name: model.nodes() for name, model in profiled.items()}
        whole: List[Turn] = []
        left = {name: iter(seconds) for name, (_, seconds) in nodes.items()}
        for name, seconds in taken:
            whole.append((name, seconds + next(left[name]) if name in left else seconds))
        return Measured(whole, list(probes.plain), {name: operators for name, (operators, _) in nodes.items()})
    finally:
        for chain in chains.values():
            chain.close()


def _stages(chain: Chain, threads: int) -> Run:
    import array

    images = array.array("f", bytes(4 * _count(chain.input_shape)))
    for index in range(len(images)):
        images[index] = (index * 7919 % 2003) / 1001.5 - 1.0  # numbers of both signs, none of them denormal
    outputs = array.array("f", bytes(4 * _count(chain.output_shape)))
    return lambda: [seconds for _, seconds in chain.profile(images, outputs, threads)]


def _count(shape: Tuple[int, ...]) -> int:
    channels, height, width = shape
    return channels * height * width
