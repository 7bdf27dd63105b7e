"""What is said of a difference, against sweeps whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sis_edge.bundles.provenance import provenance
from sis_edge.formation import Formation
from sis_edge.sweep.plan import PreparedSweep, Structure
from sis_edge.sweep.running import SweepResult
from sis_edge.sweep.summary import Summary, half_width, pooled_spread, summarise
from sis_edge.sweep.trial import TRIAL_VERSION, Trial
from sis_edge.training import Recipe

from .plans import plan_in

RECIPE = Recipe(precision="fp32")

IMAGES = 400
PROVENANCE = provenance()


def swept(correct: dict[str, NDArray[np.bool_]], budgets: dict[str, str] | None = None) -> SweepResult:
    """A sweep that classified those images right: a bool [seeds, images] for each distribution's name."""
    lines, trials = [], {}
    for at, (name, rows) in enumerate(correct.items()):
        formation = Formation(distribution=name)
        keys = []
        for seed, row in enumerate(rows):
            key = f"{at:032x}{seed:032x}"
            keys.append(key)
            trials[key] = Trial(
                trial_version=TRIAL_VERSION,
                key=key,
                formation=formation.as_dict(),
                graph_sha256="0" * 64,
                conv_synapses=1000 * (at + 1),
                micro_synapses=10,
                macs_live=5,
                dataset="digits",
                dataset_sha256="0" * 64,
                recipe=RECIPE.as_dict(),
                seed=seed,
                train_images=64,
                held_out=row.size,
                wrong=tuple(int(place) for place in np.flatnonzero(~row)),
                provenance=PROVENANCE,
            )
        lines.append((Structure((budgets or {}).get(name, "1, 1"), formation), tuple(keys)))
    images = next(iter(correct.values())).shape[1]
    return SweepResult(
        plan_in(Path("s")), PreparedSweep((), tuple(lines), (), RECIPE, {"default": RECIPE}, images, 64), trials, (), 0
    )


def rows(numbers: np.random.Generator, seeds: int, accuracy: float, spread: float) -> NDArray[np.bool_]:
    """Images of one common difficulty, classified right by networks whose accuracy varies with the seed."""
    ease = np.sqrt(0.8) * COMMON + np.sqrt(0.2) * numbers.standard_normal((seeds, IMAGES))
    level = np.clip(accuracy + spread * numbers.standard_normal((seeds, 1)), 0.01, 0.99)
    return ease < stats.norm.ppf(level)


COMMON = np.random.default_rng(5).standard_normal(IMAGES)


@pytest.mark.parametrize(("spread", "least", "most"), [(0.0, 0.93, 1.0), (0.03, 0.90, 1.0)])
def test_equal_structures_differ_significantly_at_most_as_often_as_promised(
    monkeypatch: pytest.MonkeyPatch, spread: float, least: float, most: float
) -> None:
    numbers = np.random.default_rng(1)
    inside = []
    for _ in range(400):
        monkeypatch.setattr(f"{__name__}.COMMON", numbers.standard_normal(IMAGES))
        correct = [rows(numbers, 3, 0.85, spread) for _ in range(4)]
        width = half_width(correct[0], correct[1], pooled_spread(correct))
        inside.append(abs(correct[0].mean() - correct[1].mean()) <= width)
    assert least <= np.mean(inside) <= most


def test_a_real_difference_is_seen_and_more_seeds_see_a_smaller_one() -> None:
    numbers = np.random.default_rng(2)
    few = [rows(numbers, 3, accuracy, 0.01) for accuracy in (0.80, 0.92)]
    many = [rows(numbers, 12, accuracy, 0.01) for accuracy in (0.80, 0.92)]
    assert abs(few[0].mean() - few[1].mean()) > half_width(few[0], few[1], pooled_spread(few))
    assert half_width(many[0], many[1], pooled_spread(many)) < half_width(few[0], few[1], pooled_spread(few))


def test_the_interval_by_hand() -> None:
    one = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool)  # 0.75, 0.5
    two = np.array([[1, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)  # 0.25, 0.25
    spread, freedom = pooled_spread([one, two]) or (0.0, 0)
    assert freedom == 2
    assert spread == pytest.approx(np.sqrt((0.125**2 * 2) / 2))
    by_image = np.array([0, 1, 0.5, 0])
    expected = stats.t.ppf(0.975, 2) * np.sqrt(by_image.var(ddof=1) / 4 + spread**2 * (1 / 2 + 1 / 2))
    assert half_width(one, two, (spread, freedom)) == pytest.approx(expected)
    assert half_width(one[:1], two[:1], None) == pytest.approx(
        1.959964 * np.sqrt(np.array([0, 1, 1, 0]).var(ddof=1) / 4)
    )


def test_lines_are_means_over_seeds_and_best_first() -> None:
    correct = {
        "uniform": np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool),
        "erk": np.array([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=bool),
    }
    best, other = summarise(swept(correct)).lines
    assert (best.structure.formation.distribution, best.is_best) == ("erk", True)
    assert (best.accuracy, best.difference, best.half_width) == (0.875, 0, 0)
    assert other.accuracy == 0.375
    assert other.spread == pytest.approx(np.std([0.5, 0.25], ddof=1))
    assert other.difference == pytest.approx(-0.5)
    assert other.synapses == 1010
    assert other.inside_noise  # four images carry nothing


def summary_of(budgets: dict[str, str], seeds: int = 2) -> Summary:
    numbers = np.random.default_rng(3)
    accuracies = {"uniform": 0.9, "erk": 0.5, "centred": 0.89}
    return summarise(swept({name: rows(numbers, seeds, one, 0.01) for name, one in accuracies.items()}, budgets))


def test_lines_of_one_budget_are_compared_among_themselves() -> None:
    found = summary_of({"uniform": "a", "erk": "b", "centred": "b"})
    assert [(line.structure.formation.distribution, line.is_best) for line in found.lines] == [
        ("uniform", True),
        ("centred", True),
        ("erk", False),
    ]
    assert not found.lines[2].inside_noise
    assert found.notes[0] == (
        "Best of 2 (the best of several is overestimated by chance): b, kernel, centred; "
        "significantly worse: 1 of the other 1."
    )


def test_budgets_of_one_line_are_compared_with_each_other() -> None:
    found = summary_of({"uniform": "a", "erk": "b", "centred": "c"})
    assert [line.is_best for line in found.lines] == [True, False, False]
    assert [line.inside_noise for line in found.lines] == [True, False, True]
    assert found.notes[0].endswith("uniform; significantly worse: 1 of the other 2.")


def test_one_seed_each_says_what_is_not_known() -> None:
    found = summary_of({}, seeds=1)
    assert found.pooled_spread is None
    assert all(line.spread is None for line in found.lines)
    assert any("One seed each: the interval covers the images only" in note for note in found.notes)


def test_a_line_without_a_trial_is_no_line() -> None:
    full = swept({"uniform": np.ones((2, 4), dtype=bool), "erk": np.zeros((2, 4), dtype=bool)})
    kept = {key: trial for key, trial in full.trials.items() if trial.formation["distribution"] == "uniform"}
    found = summarise(replace(full, trials=kept))
    assert [line.structure.formation.distribution for line in found.lines] == ["uniform"]
    assert summarise(replace(full, trials={})).lines == ()
