"""One network of the zoo, and how it is read."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sis_edge.bundles.manifest import Sha256, WrongImages
from sis_edge.errors import RecordError, unknown
from sis_edge.files.hashing import file_sha256
from sis_edge.files.shipped import zoo_folder
from sis_edge.formation import DENSE, PRESETS, SynapticGraph
from sis_edge.text.foreign import one_line

if TYPE_CHECKING:
    from sis_edge.models import SisNet

ZOO_VERSION = 1
FOLDER = zoo_folder()


class Repeat(BaseModel):
    """The same training with another seed: its accuracy on the same test images. Its weights are not kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int
    accuracy: float = Field(ge=0, le=1)


class ZooEntry(BaseModel):
    """A trained network: its structure in numbers, how it was trained, and its accuracy.

    `accuracy` is top-1 on `test_images` test images of the data set, measured once, with the weights of the last epoch
    as they are stored here; `dataset_sha256` is that of the data set's images and labels. `seed` is for weight
    initialisation and data order, `graph_seed` for the formation. `preset` is the paper's network with exactly these
    synapses. `architecture` names the dense network that it was formed from. `repeats` have the same graph, recipe
    and images. `wrong_images` are the test images that it gets wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    zoo_version: int
    name: str
    preset: str | None
    granularity: str
    distribution: str
    t_c: float
    t_p: float
    graph_seed: int
    graph_sha256: Sha256
    synapses: int = Field(gt=0)
    macs: int = Field(gt=0)
    dataset: str
    dataset_sha256: Sha256
    recipe: dict[str, Any]
    recipe_words: str
    seed: int
    train_images: int = Field(ge=1)
    accuracy: float = Field(ge=0, le=1)
    test_images: int = Field(ge=1)
    weights_sha256: Sha256
    packages: dict[str, str]
    repeats: tuple[Repeat, ...] = ()
    wrong_images: WrongImages | None = None
    architecture: str = DENSE

    @property
    def paper_accuracy(self) -> float | None:
        """The paper's accuracy for these synapses on this data set; None where it has no such figure."""
        return PRESETS[self.preset].paper_accuracy.get(self.dataset) if self.preset in PRESETS else None

    @property
    def teacher(self) -> str | None:
        """The network whose outputs it learned, too; None: it had no teacher."""
        return self.recipe.get("teacher") or None

    @property
    def accuracies(self) -> tuple[float, ...]:
        """The accuracy of every training, that of the weights in the zoo first."""
        return (self.accuracy, *(repeat.accuracy for repeat in self.repeats))

    @property
    def dense_name(self) -> str:
        """What it was formed from, for people."""
        return f"dense {'NiN' if self.architecture == DENSE else self.architecture}"

    @property
    def is_dense(self) -> bool:
        """Whether all synapses of its architecture exist."""
        return self.t_c == self.t_p == 1

    def is_trained_as(self, other: "ZooEntry") -> bool:
        """Whether the recipes are the same, in whatever precision they were computed."""
        own, others = ({**entry.recipe, "precision": None} for entry in (self, other))
        return own == others and self.train_images == other.train_images

    def file(self, suffix: str, folder: Path | None = None) -> Path:
        """One of the entry's files: `.json`, `.npz` or `.safetensors`."""
        return (folder or FOLDER) / f"{self.name}{suffix}"


def entries(folder: Path | None = None) -> list[ZooEntry]:
    """Every network of the zoo, the one with the most synapses first; raises RecordError for a damaged entry."""
    every = [_read(path) for path in sorted((folder or FOLDER).glob("*.json"))]
    return sorted(every, key=lambda entry: (entry.dataset, -entry.synapses, entry.name))


def find(graph: SynapticGraph, dataset: str, folder: Path | None = None) -> ZooEntry | None:
    """The network of exactly this graph trained on that data set, if the zoo has any.

    Of several it is one with a dense network's recipe, so that what is compared was trained alike; else the one
    trained longest.
    """
    digest = graph.digest()
    on_data = [entry for entry in entries(folder) if entry.dataset == dataset]
    same = [entry for entry in on_data if entry.graph_sha256 == digest]
    dense = [entry for entry in on_data if entry.is_dense and entry.architecture == graph.spec.name]

    def preference(entry: ZooEntry) -> tuple[bool, int]:
        return any(entry.is_trained_as(other) for other in dense), int(entry.recipe["epochs"])

    return max(same, key=preference, default=None)


def named(name: str, folder: Path | None = None) -> ZooEntry:
    """The network of that name; raises UsageError with the known names."""
    found = {entry.name: entry for entry in entries(folder)}
    if name not in found:
        raise unknown("network in the zoo", name, found, "sis-edge zoo list")
    return found[name]


def load(entry: ZooEntry, folder: Path | None = None) -> "SisNet":
    """The network with its weights, ready to evaluate; raises RecordError where a file is damaged or missing."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from sis_edge.zoo import weights

    path = entry.file(".safetensors", folder)
    try:
        if file_sha256(path) != entry.weights_sha256:
            raise RecordError(f"{path} is damaged: its SHA-256 is not that of its entry; install sis-edge again")
        return weights.unpack(load_file(path), graph(entry, folder))
    except (OSError, SafetensorError, KeyError) as error:
        raise RecordError(f"{path} cannot be read ({error}); install sis-edge again") from None


def graph(entry: ZooEntry, folder: Path | None = None) -> SynapticGraph:
    """The entry's graph; raises RecordError where it is not the one that was trained."""
    stored = SynapticGraph.load(entry.file(".npz", folder))
    if stored.digest() != entry.graph_sha256:
        raise RecordError(f"{entry.file('.npz', folder)} is not the graph that was trained; install sis-edge again")
    return stored


def _read(path: Path) -> ZooEntry:
    try:
        entry = ZooEntry.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RecordError(
            f"{path} is damaged ({one_line('.'.join(map(str, first['loc'])))}: {one_line(first['msg'])}); "
            "install sis-edge again"
        ) from None
    if not isinstance(entry.recipe.get("epochs"), int):
        raise RecordError(f"{path} is damaged (recipe.epochs is missing or not a number); install sis-edge again")
    if entry.zoo_version != ZOO_VERSION or entry.name != path.stem:
        raise RecordError(
            f"{path} has zoo version {entry.zoo_version} (expected {ZOO_VERSION}) and the name {one_line(entry.name)}; "
            "install sis-edge again"
        )
    return entry
