"""A finished training, as `build` and `sweep` leave it in their `.stages/train-*`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge.errors import UsageError
from sis_edge.files import stages
from sis_edge.formation import SynapticGraph


@dataclass(frozen=True)
class FinishedTraining:
    """A finished training, read from its folder."""

    folder: Path
    graph: SynapticGraph
    dataset_sha256: str
    recipe: dict[str, Any]
    seed: int
    train_images: int


def finished(trained: Path) -> FinishedTraining:
    """The training of that folder; raises UsageError where it is not finished, or no training."""
    try:
        done = json.loads((trained / stages.DONE).read_text(encoding="utf-8"))
        inputs = done["inputs"]
        return FinishedTraining(
            folder=trained,
            graph=SynapticGraph.load(trained / "graph.npz"),
            dataset_sha256=inputs["dataset"],
            recipe=inputs["recipe"],
            seed=inputs["seed"],
            train_images=inputs["train_images"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{trained} is not a finished training ({error}); give a folder build/.stages/train-*"
        ) from None
