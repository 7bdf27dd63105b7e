"""What to build, how a build reports where it is, and the key by which a finished one is known. No torch, no data."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sis_edge import zoo
from sis_edge.build.networks import PlannedNetwork
from sis_edge.build.steps import engines
from sis_edge.bundles.manifest import BUNDLE_VERSION
from sis_edge.errors import UsageError
from sis_edge.exporting import sparse
from sis_edge.files import stages
from sis_edge.formation import DENSE
from sis_edge.native.costs import Calibration
from sis_edge.profiles import DeviceProfile
from sis_edge.training.stage import TRAIN_VERSION
from sis_edge.zoo import ZooEntry

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset
    from sis_edge.training.distributed import DistributedGroup
    from sis_edge.training.recipe import Precision

EXPORT_VERSION = 1
NATIVE_VERSION = 2
VARIANTS_VERSION = 5
INT8_NATIVE_VERSION = 1
HALF_NATIVE_VERSION = 1

StepName = Literal["data", "kernels", "form", "train", "export", "native", "variants", "engines", "bundle"]


@dataclass(frozen=True)
class Step:
    """Where a build is: `done` of `total` in a step of a network; `note` is for people."""

    network: str
    stage: StepName
    done: int
    total: int
    note: str = ""


OnStep = Callable[[Step], None]


@dataclass(frozen=True)
class BuildPlan:
    """What to build; `train_limit` trains on that many images only.

    `epochs` and `precision` of None mean the recipe's own and the fastest here. `weights`: "zoo" takes trained networks
    that come with sis-edge, "train" trains, "either" trains what the zoo lacks. `calibration` gives the board's for
    the choice of what computes each layer, where the profile wants native kernels; None leaves that to the structure.
    `exact` leaves out Winograd's algorithm. `reference` names the network that all are compared with (None: the dense
    NiN, if it is among them). `data` is the data set in memory, where it is not to be loaded by its name. `group` are
    the processes that train a network, of which this one is rank 0; None: this process alone. `recipe` are changes of
    the data set's recipe as text (`training/changes.py`); `teacher` is a network of the zoo or the folder of a finished
    training, whose outputs are learned too. `rewires` moves kernels or synapses during training.
    """

    profile: DeviceProfile
    dataset: str
    networks: tuple[PlannedNetwork, ...]
    folder: Path
    name: str
    seed: int = 0
    epochs: int | None = None
    train_limit: int | None = None
    test_images: int = 500
    data_dir: Path | None = None
    precision: "Precision | None" = None
    weights: Literal["zoo", "train", "either"] = "train"
    calibration: Callable[[], Calibration | None] = lambda: None
    exact: bool = False
    reference: str | None = None
    data: "Dataset | None" = None
    group: "DistributedGroup | None" = None
    recipe: str | None = None
    teacher: str | None = None
    rewires: bool = False

    @property
    def target(self) -> Path:
        """The bundle's folder."""
        return self.folder / self.name

    @property
    def stages(self) -> Path:
        """Where finished steps are kept."""
        return self.folder / ".stages"

    @property
    def reference_name(self) -> str | None:
        """The network that all are compared with; None where there is none."""
        names = [network.name for network in self.networks]
        if self.reference is not None and self.reference not in names:
            raise UsageError(f"the reference {self.reference} is not one of the networks: {', '.join(names)}")
        dense = [network.name for network in self.networks if network.preset and network.preset.name == DENSE]
        return self.reference or next(iter(dense), None)


def from_zoo(plan: BuildPlan) -> dict[str, ZooEntry]:
    """For each network that the zoo has and the plan wants from there its entry, by the network's name."""
    asked: dict[str, object] = {"--seed": plan.seed or None, "--epochs": plan.epochs, "--limit": plan.train_limit}
    asked |= {"--precision": plan.precision, "--recipe": plan.recipe, "--teacher": plan.teacher}
    asked |= {"--rewire": plan.rewires or None}
    given = [name for name, value in asked.items() if value is not None]
    if plan.weights == "train" or (plan.weights == "either" and given):
        return {}
    if plan.weights == "zoo" and plan.group:
        given.append(plan.group.name)
    if given:
        raise UsageError(f"{given[0]} is of a training, and --from-zoo trains nothing; leave one of them out")
    untrained = [network for network in plan.networks if network.trained is None]
    entries = {network.name: zoo.find(network.graph, plan.dataset) for network in untrained}
    missing = [network for network in untrained if entries[network.name] is None]
    if plan.weights == "zoo" and missing:
        raise UsageError(
            f"the zoo has no {missing[0].name} in granularity {missing[0].graph.formation.units}, trained on "
            f"{plan.dataset}; `sis-edge zoo list` shows what it has, --train trains it here"
        )
    return {name: entry for name, entry in entries.items() if entry is not None}


def build_key(plan: BuildPlan, taken: dict[str, ZooEntry], engine: sparse.Engine | None) -> str:
    """The key of the bundle that this plan makes: the hash of all that decides it."""
    return stages.key(
        {
            "versions": [
                BUNDLE_VERSION,
                TRAIN_VERSION,
                EXPORT_VERSION,
                NATIVE_VERSION,
                VARIANTS_VERSION,
                INT8_NATIVE_VERSION,
            ],
            **({"half_native": HALF_NATIVE_VERSION} if plan.profile.wants_native_half else {}),
            "profile": plan.profile.name,
            "variants": [asdict(spec) for spec in plan.profile.variant_specs],
            "sparse": engine and engine.key,
            "exact": plan.exact,
            "engines": engines.settings(plan.profile),
            "dataset": plan.dataset if plan.data is None else [plan.dataset, plan.data.sha256],
            "graphs": {network.name: network.graph.digest() for network in plan.networks},
            "reference": plan.reference_name,
            "own": {network.name: network.trained.weights_sha256 for network in plan.networks if network.trained},
            "zoo": {name: entry.weights_sha256 for name, entry in taken.items()},
            "seed": plan.seed,
            "epochs": plan.epochs,
            "train_limit": plan.train_limit,
            "test_images": plan.test_images,
            "precision": plan.precision,
            **(plan.group.key if plan.group else {}),
            **_given(recipe=plan.recipe, teacher=plan.teacher, rewires=plan.rewires),
        }
    )


def _given(**settings: object) -> dict[str, object]:
    """Settings that a key has only where they are given: it was there before they were."""
    return {name: value for name, value in settings.items() if value}
