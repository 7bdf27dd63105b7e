"""A network with native nodes, next to the plain one: for which layers, with which library, checked where it runs.

The choice is the cost model's where the board was calibrated, and the structure's where it was not.
"""

import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sis_edge.bundles.sparse_form import LayerChoice, SparseForm, SparseNetwork, WinogradError
from sis_edge.errors import ExportError, UsageError
from sis_edge.files.stages import Outcome
from sis_edge.formation import Formation, SynapticGraph, form
from sis_edge.formation.compaction import compact
from sis_edge.native import branched, build, choice, costs
from sis_edge.native.choice import Choice
from sis_edge.native.costs import Calibration
from sis_edge.native.predict import predict
from sis_edge.profiles import DeviceProfile
from sis_edge.spec import is_chain
from sis_edge.text.limits import with_limit

MODEL = "sparse.onnx"
NO_NATIVE_LAYER = "they are expected to be faster for no layer"
NOT_CALIBRATED = "not calibrated; `sis-edge calibrate --host HOST` measures the board"
BY_STRUCTURE = "chosen by structure: a calibration knows chains of plain convolutions only"


@dataclass(frozen=True)
class Engine:
    """What native nodes are made with for a board: its library, or in `absent` the reason why not."""

    architecture: str
    library: Path | None
    calibration: Calibration | None
    absent: str | None

    @property
    def key(self) -> dict[str, Any]:
        """What it decides by, for the key of a build."""
        return {
            "library": None if self.library is None else self.library.parent.name,
            "calibration": None if self.calibration is None else self.calibration.digest,
        }


@dataclass(frozen=True)
class Plan:
    """A choice for each layer, and the seconds of one inference: None where nothing was measured.

    `dense_s` is the dense network's, `compact_s` this one's where ONNX Runtime computes all of its layers, `int8_s`
    where the INT8 kernels do. `calibration` is what it was chosen by; None where the structure decided, and
    `basis` says in words why.
    """

    choices: tuple[Choice, ...]
    dense_s: float | None = None
    compact_s: float | None = None
    chosen_s: float | None = None
    int8_s: float | None = None
    calibration: Calibration | None = None
    basis: str = NOT_CALIBRATED

    @property
    def blocks(self) -> list[int]:
        """What `to_sparse_onnx` wants to know of each layer."""
        return choice.blocks(self.choices)

    @property
    def winograd(self) -> list[bool]:
        """Which layers use Winograd's algorithm."""
        return choice.winograd(self.choices)


def engine(profile: DeviceProfile, calibrate: Callable[[], Calibration | None]) -> Engine:
    """The engine for a profile's board; it may compile for some seconds, and without a compiler says so.

    A calibration of another architecture than the library's counts as none.
    """
    architecture = profile.machine
    try:
        library = build.library(architecture)
    except (UsageError, ExportError) as error:
        return Engine(architecture, None, None, str(error).splitlines()[0])
    calibration = calibrate()
    if calibration is not None and calibration.library.partition("-")[0] != architecture:
        calibration = None
    return Engine(architecture, library, calibration, None)


def plan(engine: Engine, graph: SynapticGraph, exact: bool = False) -> Plan:
    """What computes each layer of the graph's compact network; `exact` leaves out Winograd's algorithm.

    The cost model knows chains of the paper's layers; in other networks the structure decides.
    """
    calibration = engine.calibration
    if not is_chain(graph.spec.layers):
        return Plan(branched.choose(compact(graph)), basis=BY_STRUCTURE)
    if calibration is None:
        return Plan(choice.choose_by_structure(compact(graph), compact(form(graph.spec, Formation())), exact))
    prediction = predict(costs.fit(calibration), graph, exact)
    return Plan(
        prediction.chosen.choices,
        prediction.dense_s,
        prediction.compact_s,
        prediction.chosen.seconds,
        prediction.int8_s,
        calibration,
        calibration.basis,
    )


def check(
    folder: Path,
    plain: Path,
    engine: Engine,
    images: NDArray[np.float32],
    labels: Sequence[int] | NDArray[Any],
) -> dict[str, Any]:
    """Compare the network in `folder` with the plain one on normalised images.

    Where this machine cannot run it, what could not be seen is None. Raises ExportError where it answers otherwise than
    the plain one.
    """
    from sis_edge.exporting import parity, variants

    assert engine.library is not None, "a network with native nodes was written for a library"
    if engine.architecture != platform.machine():
        unchecked = f"this machine is a {platform.machine()}, the library is for {engine.architecture}"
        return {"host_accuracy": None, "agreement": None, "unchecked": unchecked}
    logits = parity.run_onnx(folder / MODEL, images, library=engine.library)
    agreement = parity.compare(parity.run_onnx(plain, images), logits)
    if not agreement.max_abs_difference <= parity.TOLERANCE:
        difference, allowed = with_limit(agreement.max_abs_difference, parity.TOLERANCE, ".2g")
        raise ExportError(
            f"{folder / MODEL} differs from the plain network by up to {difference} (allowed {allowed}); "
            "keep the file and report it: nothing was bundled"
        )
    return {"host_accuracy": variants.accuracy(logits, labels), "agreement": asdict(agreement), "unchecked": None}


def form_of(
    name: str, engine: Engine, plan: Plan, checked: Outcome | None, winograd: WinogradError | None = None
) -> SparseForm:
    """What a manifest says of it; `checked` is the stage that `check` was called in, None without a network.

    `winograd` is what Winograd's algorithm changed, None where it was not considered.
    """
    calibration = plan.calibration
    network = None
    if checked is not None:
        network = SparseNetwork(
            model=f"networks/{name}/{MODEL}",
            library=library_name(engine),
            **checked.summary,
        )
    return SparseForm(
        layers=tuple(
            LayerChoice(
                layer=choice.layer.name,
                kernel=choice.layer.kernel,
                inputs=choice.layer.inputs,
                filters=choice.layer.filters,
                share=choice.share,
                chosen=choice.kind,
                block=choice.block,
                dense_s=choice.dense_s,
                native_s=choice.native_s,
                why=choice.why,
                algorithm=choice.algorithm or "direct",
            )
            for choice in plan.choices
        ),
        basis=plan.basis,
        calibration=calibration.digest if calibration else None,
        threads=calibration.threads if calibration else 1,
        doubt=calibration.doubt if calibration else None,
        dense_s=plan.dense_s,
        compact_s=plan.compact_s,
        chosen_s=plan.chosen_s,
        winograd=winograd,
        saved_macs=sum(choice.saved_macs for choice in plan.choices),
        network=network,
        absent=None if network else engine.absent or NO_NATIVE_LAYER,
    )


def put_library(engine: Engine, bundle: Path) -> None:
    """Copy the library to its place in a bundle."""
    assert engine.library is not None, "there is a library where there are networks for it"
    target = bundle / library_name(engine)
    target.parent.mkdir(parents=True)
    shutil.copyfile(engine.library, target)


def library_name(engine: Engine) -> str:
    """The library's path in a bundle."""
    return f"native/{engine.architecture}/{build.LIBRARY}"
