"""What the steps of one build share: the plan, its data and recipe, the engine of native kernels, who is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sis_edge.build.plan import BuildPlan, OnStep, Step
from sis_edge.exporting import sparse
from sis_edge.training.changes import changed
from sis_edge.zoo import ZooEntry, teachers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sis_edge.datasets import Dataset, ImageSet
    from sis_edge.formation import SynapticGraph
    from sis_edge.training import Recipe
    from sis_edge.training.teacher import Teacher


@dataclass(frozen=True)
class BuildContext:
    """A build at work. `taken` are the networks that come from the zoo; `train_images` those that are trained on.

    `teacher` is the one that the recipe names.

    The first `golden_images` test images go with their logits, to compare with what the board computes.
    """

    most_golden_images: ClassVar[int] = 32

    plan: BuildPlan
    taken: dict[str, ZooEntry]
    engine: sparse.Engine | None
    dataset: "Dataset"
    train_images: "ImageSet"
    recipe: "Recipe"
    on_step: OnStep
    teacher: "Teacher | None" = None

    def recipe_of(self, graph: "SynapticGraph") -> "Recipe":
        """The recipe of a network of this graph: without rewiring where nothing can move."""
        if not self.recipe.rewire:
            return self.recipe
        from sis_edge.training.rewiring import fitting

        return fitting(self.recipe, graph)

    @property
    def golden_images(self) -> int:
        """How many golden images there are: all test images where those are few."""
        return min(self.most_golden_images, len(self.dataset.test))

    @property
    def root(self) -> Path:
        """Where finished steps are kept."""
        return self.plan.stages

    @property
    def test_images(self) -> "ImageSet":
        """The test images that go into the bundle."""
        return self.dataset.test.first(self.plan.test_images)

    def golden(self, count: int | None = None) -> "NDArray[np.float32]":
        """The first test images as a network takes them, float32 [count, 3, s, s]."""
        return self.normalised(self.dataset.test.first(count or self.golden_images))

    def normalised(self, images: "ImageSet") -> "NDArray[np.float32]":
        """Images as a network takes them, float32 [N, 3, s, s]."""
        import numpy as np
        import torch

        from sis_edge.training.batches import normalise

        inputs: NDArray[np.float32] = normalise(torch.from_numpy(np.array(images.images)), self.dataset).numpy()
        return inputs


def load_images(plan: BuildPlan, taken: dict[str, ZooEntry], on_step: OnStep) -> "Dataset":
    """The data set, as much of it as is needed; raises DatasetError as it does."""
    on_step(Step("", "data", 0, 1, plan.dataset))
    dataset = plan.data or _images(plan, needs_all=len(taken) < len(plan.networks))
    on_step(Step("", "data", 1, 1, plan.dataset))
    return dataset


def begin(
    plan: BuildPlan, taken: dict[str, ZooEntry], engine: sparse.Engine | None, on_step: OnStep, dataset: "Dataset"
) -> BuildContext:
    """Settle the recipe; raises UsageError for one that does not fit."""
    from sis_edge.training import default_recipe
    from sis_edge.training.precision import fastest_precision

    recipe = default_recipe(
        plan.dataset,
        flip=dataset.flip,
        precision=plan.precision or fastest_precision(),
        epochs=plan.epochs,
        size=dataset.size,
    )
    recipe = changed(recipe, plan.recipe, teacher=plan.teacher, rewires=plan.rewires)
    recipe, teacher = teachers.settled(recipe, dataset)
    recipe = recipe.fitting(network.graph.spec for network in plan.networks)
    return BuildContext(plan, taken, engine, dataset, dataset.train.first(plan.train_limit), recipe, on_step, teacher)


def save_array(path: Path, array: "NDArray[Any]") -> None:
    """Write an array, a part at a time where it is mapped from a file.

    numpy's own writing to a file leaves out the error number by which a full disk is known.
    """
    import numpy as np

    from sis_edge.datasets.mapped import chunks

    with path.open("wb") as file:
        header = {**np.lib.format.header_data_from_array_1_0(array), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header)
        for part in chunks(array):
            file.write(np.ascontiguousarray(part).data)


def _images(plan: BuildPlan, *, needs_all: bool) -> "Dataset":
    """The data set; only the zoo's sample of it where nothing is trained and the sample has the images to test."""
    from sis_edge import datasets
    from sis_edge.zoo import samples

    if not needs_all and plan.data_dir is None:
        sample = samples.load(plan.dataset)
        if sample is not None and len(sample.test) >= plan.test_images:
            return sample
    return datasets.load(plan.dataset, data_dir=plan.data_dir)
