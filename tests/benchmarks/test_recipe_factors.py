"""`benchmarks/recipe_factors.py`: eight trainings tell seven changes apart."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import recipe_factors


def test_every_change_is_on_in_four_trainings_and_with_every_other_in_two() -> None:
    assert (8 * np.eye(7) == recipe_factors.DESIGN.T @ recipe_factors.DESIGN).all()
    assert (recipe_factors.DESIGN.sum(axis=0) == 0).all()


def test_each_change_has_its_own_effect_whatever_the_others_do() -> None:
    brought = np.array([8, -4, 0, 2, 16, -2, 6])  # images of 1,000
    right = 500 + recipe_factors.DESIGN @ brought // 2
    correct = np.arange(1000) < right[:, None, None]  # [8, 1, 1000]
    found = [recipe_factors.effect(correct, number) for number in range(7)]
    assert [gain for gain, _ in found] == pytest.approx(brought / 1000)
    assert all(half > 0 for _, half in found)


@pytest.mark.slow
def test_eight_trainings_and_what_each_change_brought(tmp_path: Path) -> None:
    changes = ["crop_pad=0", "sides=24", "momentum=0.8", "peak_lr=0.02", "label_smoothing=0", "hold=0.2", "cutout=4"]
    sweep = ["--dataset", "digits", "--preset", "svhn-sis3", "--limit", "64", "--held-out", "200"]
    command = [sys.executable, recipe_factors.__file__, str(tmp_path), "epochs=1", *changes, "--", *sweep]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-8:-1]
    gains = {change: float(gain) for change, gain, _ in map(str.split, table)}
    assert sorted(gains) == sorted(changes)
    assert list(gains.values()) == sorted(gains.values(), reverse=True)

    recipes = [recipe_factors.recipe("epochs=1", changes, row) for row in recipe_factors.DESIGN]
    accuracy = recipe_factors.trainings(tmp_path, recipes).mean(axis=(1, 2))
    with_cutout = np.array(["cutout" in recipe for recipe in recipes])
    brought = 100 * (accuracy[with_cutout].mean() - accuracy[~with_cutout].mean())
    assert gains["cutout=4"] == pytest.approx(brought, abs=0.006)
