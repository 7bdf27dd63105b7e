"""Drops from our own dense NiN: paired where both entries say which images they get wrong."""

import pytest

from sis_edge import zoo
from sis_edge.bundles.wrong_images import pack
from sis_edge.cli import run
from sis_edge.results.rows.accuracy import OTHER_IMAGES, REFERENCE
from sis_edge.results.statistics import paired_difference, paired_p_value, proportion_difference
from sis_edge.zoo.drops import ONLY_COUNTED, drop_from_dense, reference_of, words
from sis_edge.zoo.entry import ZooEntry, named


def of(name: str, wrong: range | None, images: int = 1000, **changes: object) -> ZooEntry:
    missed = 0 if wrong is None else len(wrong)
    answers = {"wrong_images": None if wrong is None else pack(wrong), "accuracy": 1 - missed / images}
    return named(name).model_copy(update={**answers, "test_images": images, **changes})


DENSE, SPARSE = of("nin", range(80)), of("cifar10-sis1", range(20, 130))


def test_the_same_images_are_compared_one_by_one() -> None:
    """50 images are lost, 20 won."""
    drop = drop_from_dense(SPARSE, [DENSE, SPARSE])
    assert drop.estimate.value == pytest.approx(0.03)
    assert drop.interval.value == paired_difference(50, 20, 1000)
    assert drop.p_value.value == paired_p_value(50, 20)
    assert ", McNemar's p = 0.0003, the same" in words(SPARSE, [DENSE, SPARSE])
    assert words(SPARSE, [DENSE, SPARSE]).startswith("3.00 points from our own dense NiN, nin (95% interval 1.")
    assert words(SPARSE, [DENSE, SPARSE]).endswith("the same 1,000 test images)")


def test_without_the_images_the_interval_is_that_of_two_samples() -> None:
    counted = SPARSE.model_copy(update={"wrong_images": None})
    drop = drop_from_dense(counted, [DENSE, counted])
    assert drop.interval.value == proportion_difference((920, 1000), (890, 1000))
    assert (drop.p_value.value, drop.p_value.reason) == (None, ONLY_COUNTED)
    assert "not paired, 1,000 test images" in words(counted, [DENSE, counted])


def test_what_cannot_be_compared_says_why() -> None:
    assert drop_from_dense(DENSE, [DENSE]).estimate.reason == REFERENCE
    assert drop_from_dense(SPARSE, [SPARSE]).estimate.reason == "the zoo has no dense NiN on cifar10"
    other = DENSE.model_copy(update={"dataset_sha256": "0" * 64})
    assert drop_from_dense(SPARSE, [other, SPARSE]).estimate.reason == OTHER_IMAGES
    assert words(DENSE, [DENSE]) == f"none: {REFERENCE}"


def test_every_entry_of_ours_has_a_paired_drop_and_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    entries = zoo.entries()
    drops = {entry.name: drop_from_dense(entry, entries) for entry in entries}
    assert drops["cifar10-sis1"].is_paired.value is True
    for name, reference in (("cifar10-sis1", "nin-17"), ("cifar10-sis3", "nin")):
        assert run(["zoo", "show", name]) == 0
        assert f"points from our own dense NiN, {reference} (95%" in " ".join(capsys.readouterr().out.split())
    for entry in entries:
        own = reference_of(entry, entries)
        assert drops[entry.name].estimate.value == (
            None if own is None else pytest.approx(own.accuracy - entry.accuracy)
        )
        assert own is None or (own.is_dense and (own.dataset, own.architecture) == (entry.dataset, entry.architecture))
    without = {entry.name for entry in entries if reference_of(entry, entries) is None and not entry.is_dense}
    assert without == {"resnet20-sis-82k"}, "dense ResNet-20 was not trained"


def test_of_several_dense_networks_a_drop_is_from_the_one_trained_alike() -> None:
    """Else from the one trained longest."""
    short, long = ({**DENSE.recipe, "epochs": epochs, "precision": "fp32"} for epochs in (17, 30))
    older, newer = (
        of("nin", range(80), recipe=short).model_copy(update={"name": "nin-17"}),
        of("nin", range(60), recipe=long),
    )
    known = [newer, older]
    for recipe, name in (
        (short, "nin-17"),
        (long, "nin"),
        ({**short, "epochs": 12}, "nin"),
        ({**long, "hold": 0.3}, "nin"),
        ({**short, "hold": 0.3}, "nin"),
        ({**short, "precision": "bf16"}, "nin-17"),
    ):
        entry = of("cifar10-sis1", range(20, 130), recipe=recipe)
        for order in (known, known[::-1]):
            found = reference_of(entry, order)
            assert found is not None
            assert found.name == name
            assert drop_from_dense(entry, order).estimate.value == pytest.approx(0.05 if name == "nin" else 0.03)
        assert f"from our own dense NiN, {name} (95%" in words(entry, known)


def test_a_dense_network_of_another_data_set_is_none_to_compare_with() -> None:
    """Also where it was trained longest, or alike."""
    for recipe in (SPARSE.recipe, {**SPARSE.recipe, "epochs": 99}):
        other = DENSE.model_copy(update={"dataset": "fashion_mnist", "recipe": recipe})
        assert reference_of(SPARSE, [other, DENSE, SPARSE]) is DENSE
        assert reference_of(SPARSE, [other, SPARSE]) is None


def test_each_architecture_has_a_dense_network_of_its_own() -> None:
    residual = SPARSE.model_copy(update={"architecture": "resnet20"})
    assert drop_from_dense(residual, [DENSE, residual]).estimate.reason == "the zoo has no dense resnet20 on cifar10"
    dense = of("nin", range(50), architecture="resnet20", preset=None)
    drop = drop_from_dense(residual, [DENSE, dense, residual])
    assert drop.interval.value == paired_difference(80, 20, 1000)
    assert "points from our own dense resnet20, nin (" in words(residual, [dense, residual])
    assert drop_from_dense(SPARSE, [dense, DENSE, SPARSE]).interval.value == paired_difference(50, 20, 1000)
