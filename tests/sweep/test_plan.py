"""Which trainings a sweep needs: each once, and nothing left out in silence."""

from pathlib import Path

import pytest

from sis_edge import datasets
from sis_edge.datasets import Dataset
from sis_edge.errors import UsageError
from sis_edge.formation import form, preset
from sis_edge.spec import nin
from sis_edge.sweep.plan import budgets, prepare
from sis_edge.training import stage

from .plans import plan_in


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load("digits")


def test_every_combination_with_every_seed(digits: Dataset, tmp_path: Path) -> None:
    wanted = plan_in(
        tmp_path,
        budgets=budgets((), (0.25, 0.5), (0.5, 1.0)),
        granularities=("kernel", "block"),
        distributions=("uniform", "erk"),
        seeds=(0, 1, 7),
    )
    found = prepare(wanted, digits)
    assert len(found.structures) == 2 * 2 * 2 * 2
    assert len(found.tasks) == 3 * 16
    assert not found.left_out
    assert {task.seed for task in found.tasks} == {0, 1, 7}
    assert all(task.formation.seed == task.seed for task in found.tasks)
    assert len({task.graph_sha256 for task in found.tasks}) == len(found.tasks)
    assert sorted(key for _, keys in found.structures for key in keys) == sorted(task.key for task in found.tasks)


def test_graphs_that_are_the_same_are_trained_once(digits: Dataset, tmp_path: Path) -> None:
    """Dense is dense in every granularity; its seeds still differ by weights and order."""
    wanted = plan_in(tmp_path, budgets=budgets(("nin", "cifar10-sis1"), (), ()), granularities=("kernel", "block"))
    found = prepare(wanted, digits)
    assert [structure.name for structure, _ in found.structures] == [
        "nin, kernel, uniform",
        "cifar10-sis1, kernel, uniform",
        "cifar10-sis1, block:8, uniform",
    ]
    assert len(found.tasks) == 6
    assert found.left_out == ("nin, block:8, uniform: the same graphs as nin, kernel, uniform",)


def test_what_cannot_be_formed_is_left_out_with_the_reason(digits: Dataset, tmp_path: Path) -> None:
    wanted = plan_in(
        tmp_path, budgets=budgets((), (0.3, 0.5), ()), granularities=("nm", "kernel"), distributions=("uniform", "erk")
    )
    found = prepare(wanted, digits)
    assert [structure.name for structure, _ in found.structures] == [
        "0.3, 1, kernel, uniform",
        "0.3, 1, kernel, erk",
        "0.5, 1, nm, uniform",
        "0.5, 1, kernel, uniform",
        "0.5, 1, kernel, erk",
    ]
    reasons = " ".join(found.left_out)
    assert "0.3, 1, nm, uniform: granularity nm cannot keep the share 0.3" in reasons
    assert "0.5, 1, nm, erk: distribution erk is of granularity" in reasons
    assert len(found.left_out) == 3


def test_presets_keep_the_paper_s_counts(digits: Dataset, tmp_path: Path) -> None:
    wanted = plan_in(tmp_path, budgets=budgets(("svhn-sis3",), (), ()), granularities=("kernel", "synapse"))
    for task in prepare(wanted, digits).tasks:
        assert form(nin(), task.formation).synapse_count == preset("svhn-sis3").synapses


def test_units_that_cannot_hit_a_preset_s_count_come_nearest_to_it(digits: Dataset, tmp_path: Path) -> None:
    wanted = plan_in(tmp_path, budgets=budgets(("svhn-sis3",), (), ()), granularities=("neuron", "nm"), seeds=(0, 5))
    found = prepare(wanted, digits)
    for structure, keys in found.structures:
        graphs = [form(nin(), task.formation) for task in found.tasks if task.key in keys]
        assert len(graphs) == 2
        for graph in graphs:
            assert graph.synapse_count == pytest.approx(preset("svhn-sis3").synapses, rel=0.05), structure.name
    fixed = prepare(plan_in(tmp_path, budgets=budgets((), (0.25,), (0.25,)), granularities=("neuron", "nm")), digits)
    assert {task.formation.t_c for task in fixed.tasks} == {0.25}  # a density that was given stays


def test_blocks_of_several_widths(digits: Dataset, tmp_path: Path) -> None:
    wanted = plan_in(
        tmp_path, budgets=budgets((), (0.5,), ()), granularities=("block", "block:8", "block:16"), seeds=(0,)
    )
    found = prepare(wanted, digits)
    assert [(structure.formation.units, structure.formation.block) for structure, _ in found.structures] == [
        ("block:8", 8),
        ("block:16", 16),
    ]
    assert found.left_out == ("0.5, 1, block:8, uniform: the same graphs as 0.5, 1, block:8, uniform",)


@pytest.mark.parametrize("word", ["kernel:8", "block:", "block:x", "block:-8"])
def test_units_that_say_nothing(digits: Dataset, tmp_path: Path, word: str) -> None:
    with pytest.raises(UsageError, match=f"unknown granularity '{word}'; only block takes a width"):
        prepare(plan_in(tmp_path, granularities=(word,)), digits)


def test_the_key_is_a_build_s_but_for_the_images_held_out(digits: Dataset, tmp_path: Path) -> None:
    found = prepare(plan_in(tmp_path), digits)
    task = found.tasks[0]
    build = stage.inputs(form(nin(), task.formation), digits.sha256, 64, found.recipe, task.seed)
    sweep = stage.inputs(form(nin(), task.formation), digits.sha256, 64, found.recipe, task.seed, held_out=100)
    assert sweep == build | {"held_out": 100}


@pytest.mark.parametrize(
    ("changes", "other"),
    [({"epochs": 3}, True), ({"held_out": 101}, True), ({"train_limit": 65}, True), ({"data_dir": Path()}, False)],
)
def test_whatever_moves_a_result_is_another_trial(
    digits: Dataset, tmp_path: Path, changes: dict[str, object], other: bool
) -> None:
    one, two = prepare(plan_in(tmp_path), digits), prepare(plan_in(tmp_path, **changes), digits)
    same = {task.key for task in one.tasks} & {task.key for task in two.tasks}
    assert bool(same) != other


def test_recipes_are_compared_like_structures_and_the_usual_one_keeps_its_keys(digits: Dataset, tmp_path: Path) -> None:
    plain = prepare(plan_in(tmp_path, granularities=("kernel",)), digits)
    found = prepare(plan_in(tmp_path, granularities=("kernel",), recipes=("default", "cutout=8", "epochs=3")), digits)
    assert [structure.name for structure, _ in found.structures] == [
        "0.05, 0.1, kernel, uniform",
        "0.05, 0.1, kernel, uniform, cutout=8",
        "0.05, 0.1, kernel, uniform, epochs=3",
    ]
    assert found.structures[0][1] == plain.structures[0][1]
    recipes = {task.key: task.recipe for task in found.tasks}
    assert [(recipes[keys[0]].cutout, recipes[keys[0]].epochs) for _, keys in found.structures] == [
        (0, 2),
        (8, 2),
        (0, 3),
    ]
    assert "cutout 8" in next(task.name for task in found.tasks if task.recipe.cutout)
    same = prepare(plan_in(tmp_path, granularities=("kernel",), recipes=("default", "cutout=0")), digits)
    assert len(same.tasks) == 2
    assert "cutout=0: the same graphs as" in same.left_out[0]


def test_a_structure_in_which_nothing_can_move_is_left_out_of_rewiring(digits: Dataset, tmp_path: Path) -> None:
    found = prepare(plan_in(tmp_path, recipes=("default", "rewire=0.3")), digits)
    assert [structure.name for structure, _ in found.structures] == [
        "0.05, 0.1, neuron, uniform",
        "0.05, 0.1, kernel, uniform",
        "0.05, 0.1, kernel, uniform, rewire=0.3",
    ]
    assert found.left_out[0].startswith("0.05, 0.1, neuron, uniform, rewire=0.3: nothing in nin can be rewired")


def test_a_tenth_is_held_out(digits: Dataset, tmp_path: Path) -> None:
    found = prepare(plan_in(tmp_path, held_out=None, train_limit=None), digits)
    assert (found.held_out, found.train_images) == (129, 1297 - 129)


@pytest.mark.parametrize("held_out", [0, -1, 1296, 5000])
def test_too_many_or_no_images_held_out(digits: Dataset, tmp_path: Path, held_out: int) -> None:
    with pytest.raises(UsageError, match=r"of 1,297 training images; --held-out must be from 1 to 1,295"):
        prepare(plan_in(tmp_path, held_out=held_out), digits)


def test_nothing_to_train(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing to train: 0\.3, 1, nm, uniform: granularity nm cannot keep"):
        prepare(plan_in(tmp_path, budgets=budgets((), (0.3,), ()), granularities=("nm",)), digits)
    with pytest.raises(UsageError, match="nothing to train: the sweep has no seed or no structure"):
        prepare(plan_in(tmp_path, granularities=()), digits)


def test_a_name_that_is_wrong_is_no_structure_that_is_left_out(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown distribution 'ekr'; did you mean erk"):
        prepare(plan_in(tmp_path, distributions=("uniform", "ekr")), digits)


def test_presets_or_densities() -> None:
    assert [budget.name for budget in budgets(("nin", "svhn-sis3"), (), ())] == ["nin", "svhn-sis3"]
    assert [budget.name for budget in budgets((), (0.25, 1.0), (0.5,))] == ["0.25, 0.5", "1, 0.5"]
    assert [budget.formation.t_c for budget in budgets((), (), (0.5,))] == [1.0]
    for words in (((), (), ()), (("nin",), (0.5,), ())):
        with pytest.raises(UsageError, match="a sweep needs either --preset NAME,NAME or densities"):
            budgets(*words)
    with pytest.raises(UsageError, match="resnet20 is another; `sis-edge build --network resnet20"):
        budgets(("nin", "resnet20"), (), ())
