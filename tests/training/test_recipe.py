"""Recipes: what is off leaves no trace in a key or a file; changes as text; schedules."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from sis_edge.errors import UsageError
from sis_edge.files import stages
from sis_edge.training import Recipe, default_recipe
from sis_edge.training.changes import changed
from sis_edge.training.schedule import factor, schedule

OPTIONS = ("hold=0.2", "cutout=8", "colour=0.1", "ema_decay=0.99", "alternating_flip=true", "teacher=nin", "rewire=0.3")


def test_what_is_off_leaves_the_keys_of_before() -> None:
    """A key that moved would train everything again, and a repeat of a zoo's network would be another training."""
    stored = default_recipe("cifar10", flip=True, precision="fp32").as_dict()
    assert stages.key(stored) == "9f957ad040cc157f3fe386c1717199dcc8a71d209cf6fa07ff269484b09bc29d"
    assert list(stored)[-3:] == ["optimizer", "other_lr", "sides"]


@pytest.mark.parametrize("text", OPTIONS)
def test_what_is_on_is_in_the_key_the_file_and_the_words(text: str) -> None:
    plain = Recipe(sides=(24, 32))
    recipe = changed(plain, text)
    name, value = text.split("=")
    assert set(recipe.as_dict()) > set(plain.as_dict())
    assert stages.key(recipe.as_dict()) != stages.key(plain.as_dict())
    assert recipe.describe().startswith(plain.describe() + ", ")
    assert (value if value != "true" else "alternating") in recipe.describe()
    assert str(getattr(recipe, name)).lower() == value
    as_json = {**recipe.as_dict(), "sides": [24, 32]}
    assert Recipe.of(as_json) == recipe


def test_a_teacher_s_settings_are_in_the_key_even_where_they_are_the_usual_ones() -> None:
    recipe = Recipe(teacher="nin", teacher_sha256="ab")
    assert {"teacher": "nin", "teacher_sha256": "ab", "teacher_weight": 0.5, "temperature": 2.0}.items() <= (
        recipe.as_dict().items()
    )


def test_changes_as_text() -> None:
    recipe = changed(Recipe(), "epochs=4, optimizer=muon,flip=false,sides=16+24+32,peak_lr=0.05")
    assert recipe == Recipe(epochs=4, optimizer="muon", flip=False, sides=(16, 24, 32), peak_lr=0.05)
    assert changed(recipe, "sides=").sides == ()
    assert changed(recipe, " default ") == recipe


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cutuot=8", "unknown recipe setting 'cutuot'; did you mean cutout"),
        ("teacher_sha256=ab", "unknown recipe setting 'teacher_sha256'"),
        ("cutout", "'cutout' sets nothing; write NAME=VALUE, such as cutout=8, or default"),
        ("", "'' sets nothing"),
        ("cutout=8,cutout=4", "recipe setting cutout is given twice in 'cutout=8,cutout=4'"),
        ("cutout=large", "recipe setting cutout is 'large', and must be a whole number"),
        ("colour=x", "recipe setting colour is 'x', and must be a number"),
        ("sides=24;32", "recipe setting sides is '24;32', and must be sides in pixels, such as 24"),
        ("flip=no", "recipe setting flip is 'no', and must be true or false"),
        ("optimizer=adam", "recipe setting optimizer is 'adam', and must be sgd or muon"),
        ("hold=1", "hold = 1 must be from 0"),
        ("ema_decay=1", "ema_decay = 1 must be from 0"),
        ("flip=false,alternating_flip=true", "alternating_flip mirrors images, and flip is false"),
        ("colour=nan", "colour = nan must be from 0"),
        ("warmup=0.3,hold=0.7", "warmup \\+ hold = 1 leave no step"),
        ("cutout=-1", "cutout = -1 is not a side in pixels"),
        ("teacher_weight=0", "teacher_weight = 0 must be above 0"),
        ("temperature=0", "temperature = 0 above 0"),
        ("rewire_every=10", "recipe setting rewire_every does nothing without rewire; add rewire=VALUE"),
        ("temperature=3", "recipe setting temperature does nothing without teacher"),
        ("rewire=1", "rewire = 1 must be from 0"),
        ("rewire_every=0", "rewire_every = 0 must be 1 step or more"),
        ("rewire_until=1.5", "rewire_until = 1.5 above 0 and up to 1"),
    ],
)
def test_changes_that_are_mistakes(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        changed(Recipe(), text)


def test_options_of_their_own_go_with_a_text() -> None:
    recipe = changed(Recipe(), "rewire_every=10,temperature=3", teacher="nin", rewires=True)
    assert (recipe.teacher, recipe.temperature, recipe.rewire, recipe.rewire_every) == ("nin", 3.0, 0.3, 10)
    assert changed(Recipe(), "rewire=0.2", rewires=True).rewire == 0.2
    assert changed(Recipe(), None) == Recipe()
    with pytest.raises(UsageError, match="--teacher nin and --recipe teacher=other exclude each other"):
        changed(Recipe(), "teacher=other", teacher="nin")


@pytest.mark.parametrize("optimizer", ["muon", "sgd"])
def test_a_held_rate_stays_at_its_peak_and_then_falls_to_nothing(optimizer: Any) -> None:
    recipe = Recipe(optimizer=optimizer, warmup=0.1, hold=0.5)
    rates = [factor(recipe, step, 101) for step in range(101)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[10:61] == [1.0] * 51
    assert all(later > before for before, later in pairwise(rates[:11]))
    assert all(later < before for before, later in pairwise(rates[60:]))
    assert rates[80] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0, abs=1e-12)


def test_the_schedule_of_a_held_rate_is_that_factor_of_each_group_s_peak() -> None:
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": weights[:1], "lr": 0.2}, {"params": weights[1:], "lr": 0.1}])
    recipe = Recipe(warmup=0.2, hold=0.3)
    found = schedule(optimizer, recipe, 10)
    for step in range(10):
        assert found.get_last_lr() == pytest.approx([peak * factor(recipe, step, 10) for peak in (0.2, 0.1)])
        optimizer.step()
        found.step()
