"""What is compared: a network in a form, run by a runtime; what was measured of it, and whether it counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

REFERENCE_ROW = "ONNX Runtime fp32"
REFERENCE_NETWORK = "nin"
REFERENCE_RUNTIME = "ONNX Runtime"

# What logits may differ from ONNX Runtime's in fp32, as a share of the range of those, and the share of images that
# must have the same class: beyond, something else than this network was computed. INT8 may lose that much by rounding
# (accuracy is reported beside it), but two runtimes with the same INT8 file must agree more closely.
TOLERANCES = {"fp32": (1e-3, 0.998), "bf16": (0.02, 0.98), "int8": (0.2, 0.95)}
SAME_FILE = 0.02


@dataclass(frozen=True)
class Contender:
    """One form of one network in one runtime; `row` is its line in the table, for every network the same."""

    network: str
    row: str
    runtime: str
    precision: str
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ours: bool = False

    @property
    def name(self) -> str:
        """Unique among contenders."""
        return f"{self.network}: {self.row}"

    @property
    def is_reference(self) -> bool:
        """Whether its outputs are what others with its file must give."""
        return self.row.startswith(REFERENCE_RUNTIME)

    @property
    def process(self) -> str:
        """Which worker process runs it: ours has one of its own, so that its library cannot touch others."""
        return f"{self.runtime}, ours" if self.ours else self.runtime


@dataclass(frozen=True)
class Turn:
    """Runs of one contender in one round: seconds of each by the wall clock and by the process's CPU time."""

    round: int
    process: int
    start_s: float
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]


@dataclass(frozen=True)
class OutputCheck:
    """How logits agree with ONNX Runtime's in fp32 of the same network, and with the labels.

    `same_file` is the difference from ONNX Runtime's with the same INT8 file, None where it has no such file.
    """

    images: int
    difference: float
    agreement: float
    accuracy: float
    same_file: float | None = None

    def problem(self, precision: str) -> str | None:
        """Why these outputs are wrong, or None."""
        limit, least = TOLERANCES[precision]
        if not self.difference <= limit:  # not a number is wrong too
            return f"wrong outputs: they differ by {self.difference:.2g} of the logits' range (limit {limit:g})"
        if self.agreement < least:
            return f"wrong outputs: {self.agreement:.1%} of the images have the same class (limit {least:.1%})"
        if self.same_file is not None and not self.same_file <= SAME_FILE:
            return (
                f"wrong outputs: they differ by {self.same_file:.2g} of the logits' range from ONNX Runtime's with the "
                f"same file (limit {SAME_FILE:g})"
            )
        return None


@dataclass
class Result:
    """All that is known of a contender; `problem` says why it could not be measured, None where it could."""

    contender: Contender
    problem: str | None = None
    check: OutputCheck | None = None
    turns: list[Turn] = field(default_factory=list)

    @property
    def why_not(self) -> str | None:
        """Why its time does not count: it could not be measured, or its outputs are wrong. None where it counts."""
        if self.problem is not None:
            return self.problem
        return "outputs were not checked" if self.check is None else self.check.problem(self.contender.precision)

    def rounds(self, clock: str) -> dict[int, tuple[float, ...]]:
        """Latencies [s] by round, by the clock `wall` or `cpu`."""
        return {turn.round: turn.wall_s if clock == "wall" else turn.cpu_s for turn in self.turns}

    @property
    def waited_share(self) -> float | None:
        """Share of the wall time in which its process did not run: others had its core. None without turns."""
        wall_s = sum(sum(turn.wall_s) for turn in self.turns)
        return 1 - sum(sum(turn.cpu_s) for turn in self.turns) / wall_s if wall_s else None


def check(
    logits: NDArray[Any], fp32: NDArray[Any], labels: NDArray[Any], same_file: NDArray[Any] | None = None
) -> OutputCheck:
    """Compare logits [N, classes] with ONNX Runtime's; raises ValueError where the shapes differ."""
    if logits.shape != fp32.shape:
        raise ValueError(f"outputs of shape {logits.shape}, expected {fp32.shape}")
    classes, span = logits.argmax(axis=1), np.ptp(fp32)
    return OutputCheck(
        images=len(labels),
        difference=float(np.abs(logits - fp32).max() / span),
        agreement=float((classes == fp32.argmax(axis=1)).mean()),
        accuracy=float((classes == labels).mean()),
        same_file=None if same_file is None else float(np.abs(logits - same_file).max() / span),
    )
