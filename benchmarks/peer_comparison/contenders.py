"""What is compared: a network in a form, run by a runtime; what was measured of it, and whether it counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

REFERENCE_ROW = "ONNX Runtime fp32"
REFERENCE_NETWORK = "nin"

# What logits may differ from ONNX Runtime's in fp32, as a share of the range of those, and the share of images that
# must have the same class. Beyond, a runtime computes something else than the network that was asked for.
TOLERANCES = {"fp32": (1e-3, 0.998), "bf16": (0.02, 0.98), "int8": (0.1, 0.95)}


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
    """How logits agree with ONNX Runtime's in fp32 of the same network, and with the labels."""

    images: int
    difference: float
    agreement: float
    accuracy: float

    def problem(self, precision: str) -> str | None:
        """Why these outputs are wrong, or None."""
        difference, agreement = TOLERANCES[precision]
        if not self.difference <= difference:  # not a number is wrong too
            return f"wrong outputs: they differ by {self.difference:.2g} of the logits' range (limit {difference:g})"
        if self.agreement < agreement:
            return f"wrong outputs: {self.agreement:.1%} of the images have the same class (limit {agreement:.1%})"
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


def check(logits: NDArray[Any], reference: NDArray[Any], labels: NDArray[Any]) -> OutputCheck:
    """Compare logits [N, classes] with the reference's; raises ValueError where the shapes differ."""
    if logits.shape != reference.shape:
        raise ValueError(f"outputs of shape {logits.shape}, expected {reference.shape}")
    classes = logits.argmax(axis=1)
    return OutputCheck(
        images=len(labels),
        difference=float(np.abs(logits - reference).max() / np.ptp(reference)),
        agreement=float((classes == reference.argmax(axis=1)).mean()),
        accuracy=float((classes == labels).mean()),
    )
