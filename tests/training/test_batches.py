"""Batches: what is random comes from (seed, epoch); crops and mirrors against a loop over pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import RECIPE, dataset, images

from sis_edge.datasets import Dataset, ImageSet
from sis_edge.errors import UsageError
from sis_edge.training import Recipe
from sis_edge.training.batches import Batches, augment, normalise, resize


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


def epoch_of(data: Dataset, seed: int, epoch: int, recipe: Recipe = RECIPE) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(Batches(data, data.train, recipe, seed=seed, epoch=epoch))


def same(one: list[tuple[torch.Tensor, torch.Tensor]], two: list[tuple[torch.Tensor, torch.Tensor]]) -> bool:
    return all(torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(one, two, strict=True))


def test_an_epoch_is_the_same_each_time_and_no_two_are_alike(data: Dataset) -> None:
    first = epoch_of(data, 0, 0)
    assert same(first, epoch_of(data, 0, 0))
    assert not same(first, epoch_of(data, 0, 1))
    assert not same(first, epoch_of(data, 1, 0))
    batches = Batches(data, data.train, RECIPE, seed=0, epoch=0)
    assert same(list(batches), list(batches))


def test_the_global_random_state_neither_moves_batches_nor_is_moved(data: Dataset) -> None:
    first = epoch_of(data, 0, 0)
    torch.manual_seed(77)
    state = torch.get_rng_state()
    assert same(first, epoch_of(data, 0, 0))
    assert torch.equal(state, torch.get_rng_state())


@given(count=st.integers(2, 70), size=st.integers(2, 80))
@settings(max_examples=40, deadline=None)
def test_every_image_comes_at_most_once_and_only_a_smaller_last_batch_is_left_out(count: int, size: int) -> None:
    part = ImageSet(images(count).images, np.arange(count, dtype=np.int64))
    data = Dataset.of("count", part, part, classes=("a",), flip=False, source="")
    batches = Batches(data, part, Recipe(batch_size=size, crop_pad=0, flip=False), seed=0, epoch=0)
    labels = [label for _, some in batches for label in some.tolist()]
    assert len(labels) == len(set(labels)) == count - count % min(size, count)
    assert [len(some) for _, some in batches] == [min(size, count)] * len(batches)
    for pixels, some in batches:
        assert torch.equal(pixels, normalise(torch.from_numpy(part.images[some.numpy()]), data))


@given(count=st.integers(1, 9), pad=st.integers(0, 5), flip=st.booleans(), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_crops_and_mirrors_are_windows_of_the_reflected_image(count: int, pad: int, flip: bool, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    source = numbers.integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
    source[0, :, 0, 0], source[0, :, 7, 7] = 0, 255
    generator = torch.Generator().manual_seed(seed)
    answer, said = augment(torch.from_numpy(source), Recipe(crop_pad=pad, flip=flip), generator)
    assert answer.dtype == torch.uint8
    assert answer.shape == source.shape
    # The same draws, and then one pixel at a time.
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.randint(0, 2 * pad + 1, (2, count, 1), generator=generator)
    mirrored = (torch.rand(count, 1, generator=generator) < 0.5) if flip else torch.zeros(count, 1, dtype=torch.bool)
    assert torch.equal(said, mirrored[:, 0])
    for n in range(count):
        for row in range(8):
            for column in range(8):
                y = row + int(offsets[0, n]) - pad
                x = (7 - column if mirrored[n] else column) + int(offsets[1, n]) - pad
                y, x = (at if 0 <= at <= 7 else -at if at < 0 else 14 - at for at in (y, x))
                assert answer[n, :, row, column].tolist() == source[n, :, y, x].tolist()


def test_every_offset_and_both_sides_are_drawn_alike() -> None:
    ramp = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).expand(4000, 3, 8, 8)
    answer, _ = augment(ramp, Recipe(crop_pad=2), torch.Generator().manual_seed(0))
    mirrored = answer[:, 0, 4, 4] < answer[:, 0, 4, 3]
    assert float(mirrored.double().mean()) == pytest.approx(0.5, abs=0.04)
    rows = answer[:, 0, 4, 4] // 8
    assert torch.bincount(rows.long(), minlength=7)[2:7].tolist() == pytest.approx([800] * 5, abs=120)


def test_without_crops_and_mirrors_nothing_changes() -> None:
    source = torch.from_numpy(images(5).images)
    assert torch.equal(augment(source, Recipe(crop_pad=0, flip=False), torch.Generator())[0], source)


def test_normalised_training_images_have_mean_0_and_deviation_1(data: Dataset) -> None:
    x = normalise(torch.from_numpy(data.train.images), data)
    assert x.dtype == torch.float32
    assert x.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert x.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_the_ends_of_the_pixel_range() -> None:
    ends = ImageSet(np.array([0, 255], np.uint8).repeat(3 * 32 * 32).reshape(2, 3, 32, 32), np.array([0, 1]))
    data = Dataset("ends", ends, ends, ("a", "b"), (0.5, 0.25, 0.0), (0.5, 0.25, 1.0), False, "0", "")
    x = normalise(torch.from_numpy(ends.images), data)
    assert x[:, :, 5, 5].tolist() == [[-1, -1, 0], [1, 3, 1]]


def test_each_side_has_an_equal_share_of_the_epochs(data: Dataset) -> None:
    recipe = Recipe(epochs=7, batch_size=64, sides=(8, 16, 32))
    sides = [recipe.side(epoch) for epoch in range(7)]
    assert sides == [8, 8, 8, 16, 16, 32, 32]
    for epoch, side in enumerate(sides):
        pixels, labels = next(iter(Batches(data, data.train, recipe, seed=0, epoch=epoch)))
        assert pixels.shape == (64, 3, side, side)
        _, same = next(iter(Batches(data, data.train, Recipe(batch_size=64), seed=0, epoch=epoch)))
        assert torch.equal(labels, same)
    short = Recipe(epochs=2, sides=(8, 16, 32))  # fewer epochs than sides: the last ones
    assert [short.side(0), short.side(1), short.side(2)] == [16, 32, 32]
    assert Recipe(epochs=1, sides=(8, 16, 32)).side(0) == 32
    assert Recipe().side(3) is None


def test_a_smaller_image_is_made_of_all_pixels_of_the_larger() -> None:
    source = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert resize(source, None) is source
    assert resize(source, 32) is source
    half = resize(source, 16)
    assert half.shape == (3, 3, 16, 16)
    assert half.mean().item() == pytest.approx(source.mean().item(), abs=0.01)
    for row, column in ((9, 12), (10, 13)):  # a neighbouring pixel of any parity moves it
        moved = source.clone()
        moved[:, :, row, column] += 1
        assert bool((resize(moved, 16)[:, :, row // 2, column // 2] > half[:, :, row // 2, column // 2]).all())


def test_a_quarter_of_the_side_is_made_of_all_pixels_too() -> None:
    source = torch.zeros(1, 3, 32, 32)
    for row in range(8, 12):
        for column in range(12, 16):
            moved = source.clone()
            moved[:, :, row, column] = 1
            assert float(resize(moved, 8)[0, 0, 2, 3]) > 0.01, (row, column)


@pytest.mark.parametrize("side", [0, 3, 18])
def test_sides_that_cannot_be_pooled_twice_are_refused(side: int) -> None:
    with pytest.raises(UsageError, match=f"{side} x {side}"):
        Recipe(sides=(side, 32))


def mirrored(recipe: Recipe, epoch: int, *, seed: int = 0, **share: int) -> dict[int, bool]:
    """Which images an epoch mirrors, by their numbers; what a teacher says of them is of the same side."""
    count = 40
    part = ImageSet(images(count).images, np.arange(count, dtype=np.int64))
    data = Dataset.of("count", part, part, classes=("a",), flip=True, source="")
    straight = normalise(torch.from_numpy(part.images), data)
    taught = torch.arange(2.0).view(2, 1, 1).expand(2, count, 1)
    found = {}
    for pixels, labels, said in Batches(data, part, recipe, seed=seed, epoch=epoch, taught=taught, **share):
        for image, label, side in zip(pixels, labels.tolist(), said[:, 0].tolist(), strict=True):
            found[label] = bool(side)
            assert torch.equal(image, straight[label].flip(2) if side else straight[label])
    return found


def test_alternating_flips_show_every_image_both_ways_in_two_epochs() -> None:
    recipe = Recipe(batch_size=10, crop_pad=0, alternating_flip=True)
    first, second, third = (mirrored(recipe, epoch) for epoch in range(3))
    assert len(first) == 40
    assert 5 < sum(first.values()) < 35
    assert second == {number: not side for number, side in first.items()}
    assert third == first
    assert mirrored(recipe, 0, seed=1) != first
    assert mirrored(recipe, 1, rank=0, world=2) | mirrored(recipe, 1, rank=1, world=2) == second
    by_chance = Recipe(batch_size=10, crop_pad=0)
    assert mirrored(by_chance, 1) != {number: not side for number, side in mirrored(by_chance, 0).items()}
