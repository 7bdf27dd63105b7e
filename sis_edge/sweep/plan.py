"""Which structures a sweep compares, and the trials that they need: each different training once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from sis_edge.errors import UsageError
from sis_edge.files import stages
from sis_edge.formation import PRESETS, Formation, form, preset
from sis_edge.formation.matching import matched
from sis_edge.formation.theta import drawn_by
from sis_edge.registries import DISTRIBUTIONS, GRANULARITIES, NETWORKS
from sis_edge.spec import nin
from sis_edge.sweep.trial import Task
from sis_edge.training import stage
from sis_edge.training.changes import DEFAULT, apart, changed
from sis_edge.zoo import teachers

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset, OwnData
    from sis_edge.training import Recipe
    from sis_edge.training.recipe import Precision

HELD_OUT_FRACTION = 10
"""By default a tenth of the training images is held out."""


@dataclass(frozen=True)
class Budget:
    """How many synapses may exist: a preset, or two densities.

    `name` is for tables, `formation` has the densities. Every structure comes as near as it can to `synapses`; None:
    the densities stay as they are.
    """

    name: str
    formation: Formation
    synapses: int | None = None


@dataclass(frozen=True)
class Structure:
    """One line of a sweep's table: everything but the seed.

    `recipe` is what it changes in the data set's recipe, `besides` what of this the sweep's other recipes do not.
    """

    budget: str
    formation: Formation
    recipe: str = DEFAULT
    besides: str = ""

    @property
    def name(self) -> str:
        """In words, for messages."""
        words = (self.budget, self.formation.units, self.formation.distribution, self.besides)
        return ", ".join(filter(None, words))


@dataclass(frozen=True)
class SweepPlan:
    """What to compare: every budget in every granularity of CL (`block:16` for blocks of 16) and every distribution,
    by every recipe, with every seed.

    `recipes` are changes of the data set's recipe, as text (`training/changes.py`). A seed is for the graph, weight
    initialisation and data order. `epochs` and `precision` of None mean the recipe's own and the fastest here;
    `held_out` of None is a tenth of the training images. `own` are images of the user's own, which have the name
    `dataset`. `thetas` are more distributions, of the user's own, by their names: arrays as in `formation/theta.py`.
    """

    dataset: str
    budgets: tuple[Budget, ...]
    granularities: tuple[str, ...]
    distributions: tuple[str, ...]
    seeds: tuple[int, ...]
    folder: Path
    epochs: int | None = None
    precision: "Precision | None" = None
    train_limit: int | None = None
    held_out: int | None = None
    data_dir: Path | None = None
    own: "OwnData | None" = None
    recipes: tuple[str, ...] = (DEFAULT,)
    thetas: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class PreparedSweep:
    """The tasks, each training once; for each structure the keys of its trials; what is left out, and why.

    `recipe` is the data set's, `recipes` are those that are compared, by their text.
    """

    tasks: tuple[Task, ...]
    structures: tuple[tuple[Structure, tuple[str, ...]], ...]
    left_out: tuple[str, ...]
    recipe: "Recipe"
    recipes: "dict[str, Recipe]"
    held_out: int
    train_images: int


def budgets(presets: Sequence[str], t_c: Sequence[float], t_p: Sequence[float]) -> tuple[Budget, ...]:
    """Presets at their exact counts, or every pair of densities; raises UsageError for neither or both."""
    if bool(presets) == bool(t_c or t_p):
        raise UsageError("a sweep needs either --preset NAME,NAME or densities such as --t-c 0.25,0.5,1 --t-p 0.25,1")
    if others := [name for name in presets if name in NETWORKS and name not in PRESETS]:
        raise UsageError(
            f"a sweep takes networks of the paper ({', '.join(PRESETS)}), and {others[0]} is another; "
            f"`sis-edge build --network {others[0]} --t-c 0.25 --t-p 0.5` trains it dense and at one pair of densities"
        )
    if presets:
        return tuple(Budget(name, preset(name).formation(), preset(name).synapses) for name in presets)
    return tuple(
        Budget(f"{conv:g}, {micro:g}", Formation(t_c=conv, t_p=micro))
        for conv in (t_c or [1.0])
        for micro in (t_p or [1.0])
    )


def prepare(plan: SweepPlan, dataset: "Dataset") -> PreparedSweep:
    """Form every graph once, and name the trials.

    Structures that cannot be formed are left out with the reason, and so are those with the same graphs as another
    (dense is dense in every granularity). Raises UsageError for unknown names, for too few images, and where no
    structure is left.
    """
    for name in plan.distributions:
        DISTRIBUTIONS.checked(name)
        if name in plan.thetas:
            raise UsageError(f"distribution '{name}' is also the name of a file of likelihoods; rename the file")
    side = nin().side
    if dataset.size != (side, side):
        raise UsageError(
            f"nin takes images of {side} x {side}, {dataset.name} has {dataset.size[0]} x {dataset.size[1]}; resize "
            f"them with --resize {side}"
        )
    recipe = _recipe(plan, dataset)
    held_out, train_images = _split(plan, len(dataset.train))
    changes = {text: changed(recipe, text) for text in plan.recipes}
    recipes = {text: teachers.settled(found, dataset, held_out)[0] for text, found in changes.items()}
    places = {text: teachers.place(found) for text, found in changes.items()}
    tasks: dict[str, Task] = {}
    structures: dict[tuple[str, ...], Structure] = {}
    left_out = []
    for budget, structure in _structures(plan):
        try:
            structure = _matched(structure, budget, dataset)
            of_structure = [
                _task(plan, structure, seed, dataset, recipes[structure.recipe], held_out, train_images)
                for seed in plan.seeds
            ]
            of_structure = [replace(task, teacher=places[structure.recipe]) for task in of_structure]
        except UsageError as error:
            left_out.append(f"{structure.name}: {error}")
            continue
        keys = tuple(task.key for task in of_structure)
        if keys in structures:
            left_out.append(f"{structure.name}: the same graphs as {structures[keys].name}")
            continue
        structures[keys] = structure
        tasks |= {task.key: task for task in of_structure}
    if not structures:
        raise UsageError(f"nothing to train: {'; '.join(left_out) or 'the sweep has no seed or no structure'}")
    return PreparedSweep(
        tuple(tasks.values()),
        tuple((structure, keys) for keys, structure in structures.items()),
        tuple(left_out),
        recipe,
        recipes,
        held_out,
        train_images,
    )


def _recipe(plan: SweepPlan, dataset: "Dataset") -> "Recipe":
    from sis_edge.training import default_recipe
    from sis_edge.training.precision import fastest_precision

    precision = plan.precision or fastest_precision()
    return default_recipe(plan.dataset, flip=dataset.flip, precision=precision, epochs=plan.epochs, size=dataset.size)


def _split(plan: SweepPlan, available: int) -> tuple[int, int]:
    """How many of the training images are held out, and how many are trained on."""
    held_out = available // HELD_OUT_FRACTION if plan.held_out is None else plan.held_out
    if not 1 <= held_out <= available - 2:
        raise UsageError(
            f"cannot hold out {held_out:,} of {available:,} training images; --held-out must be from 1 to "
            f"{available - 2:,}"
        )
    return held_out, min(available - held_out, plan.train_limit or available)


def _structures(plan: SweepPlan) -> list[tuple[Budget, Structure]]:
    units = [_units(word) for word in plan.granularities]
    _, besides = apart(plan.recipes)
    return [
        (budget, Structure(budget.name, replace(budget.formation, **unit, distribution=name), recipe, besides[recipe]))
        for budget in plan.budgets
        for unit in units
        for name in (*plan.distributions, *plan.thetas)
        for recipe in plan.recipes
    ]


def _units(word: str) -> dict[str, Any]:
    """The fields of a formation that `kernel` or `block:16` stands for; raises UsageError for any other text."""
    conv, colon, size = word.partition(":")
    has_blocks = GRANULARITIES.find(conv).has_blocks
    if not colon:
        return {"conv": conv}
    if not has_blocks or not size.isdecimal():
        raise UsageError(f"unknown granularity '{word}'; only block takes a width, as in block:16 (16 filters)")
    return {"conv": conv, "block": int(size)}


def _matched(structure: Structure, budget: Budget, dataset: "Dataset") -> Structure:
    if budget.synapses is None:
        return structure
    return replace(structure, formation=matched(nin(len(dataset.classes)), structure.formation, budget.synapses))


def _task(
    plan: SweepPlan,
    structure: Structure,
    seed: int,
    dataset: "Dataset",
    recipe: "Recipe",
    held_out: int,
    train_images: int,
) -> Task:
    spec, theta = nin(len(dataset.classes)), plan.thetas.get(structure.formation.distribution)
    formation = drawn_by(spec, replace(structure.formation, seed=seed), theta)
    graph = form(spec, formation)
    if recipe.rewire:
        stage.check_rewiring(recipe, graph)
    decided_by = stage.inputs(graph, dataset.sha256, train_images, recipe, seed, held_out=held_out)
    return Task(
        stages.key(decided_by),
        formation,
        graph.digest(),
        plan.dataset,
        dataset.sha256,
        plan.data_dir,
        recipe,
        seed,
        plan.train_limit,
        held_out,
        plan.own,
        theta=theta,
    )
