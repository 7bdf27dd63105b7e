"""`benchmarks/recipe_factors.py`: eight trainings tell seven changes apart."""

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
def test_eight_trainings_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    changes = ["crop_pad=0", "sides=24", "momentum=0.8", "flip=true", "label_smoothing=0", "hold=0.2", "peak_lr=0.02"]
    sweep = ["--dataset", "digits", "--preset", "svhn-sis3", "--limit", "64", "--held-out", "200"]
    monkeypatch.setattr(sys, "argv", ["recipe_factors", str(tmp_path), "epochs=1", *changes, "--", *sweep])
    assert recipe_factors.main() == 0
    table = capfd.readouterr().out.splitlines()[-7:]
    assert sorted(line.split()[0] for line in table) == sorted(changes)
    gains = [float(line.split()[1]) for line in table]
    assert gains == sorted(gains, reverse=True)
    accuracies = recipe_factors.trainings(
        tmp_path, [recipe_factors.recipe("epochs=1", changes, row) for row in recipe_factors.DESIGN]
    ).mean(axis=(1, 2))
    on = np.array([change == "peak_lr=0.02" for change in changes]) @ recipe_factors.DESIGN.T > 0
    of_rate = 100 * (accuracies[on].mean() - accuracies[~on].mean())
    assert dict(zip((line.split()[0] for line in table), gains, strict=True))["peak_lr=0.02"] == pytest.approx(
        of_rate, abs=0.006
    )
