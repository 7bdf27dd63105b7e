"""Cutout and colours against a loop over images."""

import pytest
import torch
from small import RECIPE, dataset

from sis_edge.datasets import Dataset
from sis_edge.training.augmentation import colour, cutout
from sis_edge.training.batches import Batches
from sis_edge.training.changes import changed


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


def drawn(count: int = 40, side: int = 12) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("side", [1, 4, 5, 30])
def test_a_square_of_each_image_is_grey_and_nothing_else_changes(side: int) -> None:
    images = drawn()
    answer = cutout(images, side, torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    rows, columns = (torch.randint(0, 12, (40, 1), generator=generator)[:, 0].tolist() for _ in range(2))
    for image, before, row, column in zip(answer, images, rows, columns, strict=True):
        wanted = before.clone()
        top, left = row - side // 2, column - side // 2
        wanted[:, max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = 0
        assert torch.equal(image, wanted)
    assert len(set(zip(rows, columns, strict=True))) > 20


def test_colours_move_brightness_contrast_and_saturation_within_their_limits() -> None:
    images = drawn()
    answer = colour(images, 0.2, torch.Generator().manual_seed(3))
    draws = (2 * torch.rand(3, 40, 1, 1, 1, generator=torch.Generator().manual_seed(3)) - 1) * 0.2
    for image, before, (bright, contrast, saturation) in zip(answer, images, draws.view(3, 40).T.tolist(), strict=True):
        assert float(image.mean() - before.mean()) == pytest.approx(bright, abs=1e-5)
        assert abs(bright) <= 0.2
        grey, was = image.mean(dim=0), before.mean(dim=0)
        assert float(grey.std() / was.std()) == pytest.approx(1 + contrast, abs=1e-4)
        tint, had = image - grey, before - was
        assert float(tint.std() / had.std()) == pytest.approx((1 + contrast) * (1 + saturation), abs=1e-4)
    assert torch.allclose(colour(images, 0.0, torch.Generator()), images, atol=1e-6)


@pytest.mark.parametrize("text", ["cutout=9", "colour=0.3"])
def test_a_recipe_s_changes_come_from_seed_and_epoch_and_leave_crops_as_they_were(data: Dataset, text: str) -> None:
    def first(recipe_text: str, epoch: int) -> torch.Tensor:
        recipe = changed(RECIPE, recipe_text)
        return next(iter(Batches(data, data.train, recipe, seed=0, epoch=epoch)))[0]

    plain, one = first("default", 0), first(text, 0)
    assert torch.equal(one, first(text, 0))
    assert not torch.equal(one, plain)
    assert not torch.equal(one, first(text, 1))
    if text.startswith("cutout"):
        assert torch.equal(one[one != 0], plain[one != 0])
