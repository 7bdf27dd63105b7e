"""Teachers by what a user gives: a network of the zoo, or the folder of a finished training."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.errors import UsageError
from sis_edge.files.hashing import file_sha256
from sis_edge.formation import preset_of
from sis_edge.training import stage
from sis_edge.training.trained import WEIGHTS
from sis_edge.zoo import entry
from sis_edge.zoo.finished import finished

if TYPE_CHECKING:
    from sis_edge.datasets import Dataset
    from sis_edge.training import Recipe
    from sis_edge.training.teacher import Teacher


def find(given: str, dataset: "Dataset") -> "Teacher":
    """The teacher of that name or folder.

    Raises UsageError where there is none, and for one that was trained on other images; RecordError for a damaged one.
    """
    from sis_edge.training.teacher import Teacher

    folder = Path(given)
    if "/" in given and not folder.is_dir():
        raise UsageError(f"there is no folder {given}; a teacher is a network of the zoo or build/.stages/train-*")
    if folder.is_dir():
        training = finished(folder)
        graph, paper = training.graph, preset_of(training.graph)
        what = paper.name if paper else f"{graph.spec.name} with {graph.synapse_count:,} synapses"
        name = f"{what} ({folder.resolve().name})"
        module, sha = stage.load(graph, folder), file_sha256(folder / WEIGHTS)
        found = Teacher(name, module, sha, training.train_images)
        trained_on = training.dataset_sha256
    else:
        known = entry.named(given)
        found = Teacher(known.name, entry.load(known), known.weights_sha256, known.train_images)
        trained_on = known.dataset_sha256
    if trained_on != dataset.sha256:
        raise UsageError(
            f"the teacher {given} was not trained on the images of {dataset.name}; give one that was, or leave out "
            "--teacher"
        )
    return found


def place(recipe: "Recipe") -> str | None:
    """Where a recipe's teacher is found from any folder of this machine; None where it has none."""
    folder = Path(recipe.teacher)
    if recipe.teacher and folder.is_dir():
        return str(folder.resolve())
    return recipe.teacher or None


def checked(given: str, dataset: "Dataset", weights_sha256: str) -> "Teacher":
    """The teacher again, on whatever machine a training runs; raises UsageError where its weights are others."""
    found = find(given, dataset)
    if found.weights_sha256 != weights_sha256:
        raise UsageError(f"the weights of the teacher {given} are not those that it had; start again with it")
    return found


def settled(recipe: "Recipe", dataset: "Dataset", held_out: int = 0) -> "tuple[Recipe, Teacher | None]":
    """The recipe with its teacher's name and weights, and the teacher; None where it has none.

    Raises UsageError as `find`, and for a teacher that was trained on some of the last `held_out` training images: what
    it says of the others would give those away.
    """
    if not recipe.teacher:
        return recipe, None
    found = find(recipe.teacher, dataset)
    free = len(dataset.train) - held_out
    if found.train_images > free:
        raise UsageError(
            f"the teacher {recipe.teacher} was trained on {found.train_images:,} images, and the last {held_out:,} of "
            f"{len(dataset.train):,} are held out here; give one that was trained on the first {free:,}, such as a "
            "sweep of it leaves in FOLDER/.stages"
        )
    return replace(recipe, teacher=found.name, teacher_sha256=found.weights_sha256), found
