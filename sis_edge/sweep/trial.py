"""One trial: a task for any machine, and its outcome.

History of TRIAL_VERSION:
    1   first version
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sis_edge.bundles.manifest import Provenance, Sha256
from sis_edge.files.atomic import write_text
from sis_edge.formation import Formation

if TYPE_CHECKING:
    from sis_edge.datasets import OwnData
    from sis_edge.training import Recipe

TRIAL_VERSION = 1


@dataclass(frozen=True)
class Task:
    """What to run: train this formation, and count the errors on the images held out.

    `key` is that of the training's stage. `train_limit` trains on that many images only; the last `held_out` training
    images are never among them. `seed` is for weight initialisation and data order. `own` are images of the user's own,
    which have the name `dataset`. `teacher` is where the recipe's teacher is found: a name in the zoo or a folder.
    `theta` are the arrays of the formation's distribution, where it is the user's own (`formation/theta.py`).
    """

    key: str
    formation: Formation
    graph_sha256: str
    dataset: str
    dataset_sha256: str
    data_dir: Path | None
    recipe: "Recipe"
    seed: int
    train_limit: int | None
    held_out: int
    own: "OwnData | None" = None
    teacher: str | None = None
    theta: Mapping[str, NDArray[Any]] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """In words, for messages."""
        formation = self.formation
        densities = f"t_c {formation.t_c:g}, t_p {formation.t_p:g}"
        options = "".join(f", {words}" for words in self.recipe.options())
        return f"{densities}, {formation.units}, {formation.distribution}{options}, seed {self.seed}"


class Trial(BaseModel):
    """A trial's result. `wrong` are the indices, among the images held out, of the misclassified ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trial_version: int
    key: Sha256
    formation: dict[str, Any]
    graph_sha256: Sha256
    conv_synapses: int = Field(ge=0)
    micro_synapses: int = Field(ge=0)
    macs_live: int = Field(gt=0)
    dataset: str
    dataset_sha256: Sha256
    recipe: dict[str, Any]
    seed: int
    train_images: int = Field(ge=1)
    held_out: int = Field(ge=1)
    wrong: tuple[int, ...]
    provenance: Provenance

    @property
    def synapses(self) -> int:
        """All synapses."""
        return self.conv_synapses + self.micro_synapses

    @property
    def accuracy(self) -> float:
        """Top-1 on the images held out."""
        return 1 - len(self.wrong) / self.held_out


@dataclass(frozen=True)
class Failure:
    """Why a trial has no result; `details` is a traceback where the reason alone does not explain it."""

    reason: str
    details: str = ""


def save(trial: Trial, folder: Path) -> Path:
    """Write `<folder>/<key>.json`, whole or not at all; raises DiskError."""
    return write_text(_file(trial.key, folder), trial.model_dump_json(indent=1) + "\n")


def load(key: str, folder: Path) -> Trial | None:
    """The trial of that key; None where it is missing, damaged or of another version: it is run again."""
    try:
        trial = Trial.model_validate_json(_file(key, folder).read_bytes())
    except (OSError, ValidationError):
        return None
    return trial if (trial.trial_version, trial.key) == (TRIAL_VERSION, key) else None


def _file(key: str, folder: Path) -> Path:
    return folder / f"{key[:20]}.json"
