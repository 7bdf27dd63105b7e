"""Which of seven changes of a recipe pay, from eight trainings in which each is on in four and off in four.

    python benchmarks/recipe_factors.py FOLDER epochs=6 crop_pad=2 sides=24+32 ... -- --preset cifar10-sis3 --jobs 2

(FOLDER, the recipe that is changed, seven changes; what comes after `--` goes to `sis-edge sweep`.) Trains the eight
recipes, once, and prints what each change brought: mean accuracy on held-out images of the trainings with it, less that
of those without. So every training counts for every change: an effect is known as well as from four pairs of trainings
of its own. The design is the saturated one of two levels, 2^(7-4) (Box, Hunter and Hunter 2005, chapter 6). What two
changes do together is part of a third one's effect: with changes numbered 1 to 7 as given, that of 4 has 1 with 2, of
5 has 1 with 3, of 6 has 2 with 3, of 7 has 3 with 4, and so on; so confirm what is chosen. A change may be several
settings, as in teacher_weight=0.9,temperature=4.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sis_edge.sweep.running import TRIALS
from sis_edge.sweep.summary import half_width, outcomes
from sis_edge.sweep.trial import Trial
from sis_edge.text.tables import as_text

CHANGES = 7


def main() -> int:
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    of_sweep = sys.argv[at + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for trials and tables")
    parser.add_argument("base", help="the recipe that is changed")
    parser.add_argument("changes", nargs=CHANGES, metavar="change")
    options = parser.parse_args(sys.argv[1:at])
    recipes = [recipe(options.base, options.changes, row) for row in DESIGN]
    each = [word for text in recipes for word in ("--recipe", text)]
    sweep = [sys.executable, "-m", "sis_edge", "sweep", "--folder", str(options.folder), *each, *of_sweep]
    code = subprocess.run(sweep).returncode
    if code:
        return code
    correct = trainings(options.folder, recipes)
    effects = {change: effect(correct, number) for number, change in enumerate(options.changes)}
    order = sorted(effects, key=lambda change: -effects[change][0])
    rows = [(change, *(f"{100 * value:.2f}" for value in effects[change])) for change in order]
    print(as_text(("change", "points", "+-"), rows))
    print("points of accuracy, and half of their 95% interval, which covers the images, not the seeds")
    return 0


def design() -> NDArray[np.int_]:
    """Which training has which change, 1 or -1: [8 trainings, 7 changes]; any two columns are orthogonal."""
    basic = np.array(list(product((-1, 1), repeat=3)))
    a, b, c = basic.T
    return np.stack((a, b, c, a * b, a * c, b * c, a * b * c), axis=1)


DESIGN = design()


def recipe(base: str, changes: Sequence[str], row: Sequence[int]) -> str:
    """The base with the changes that this training has, as `--recipe` takes it."""
    return ",".join((base, *(change for change, level in zip(changes, row, strict=True) if level > 0)))


def trainings(folder: Path, recipes: Sequence[str]) -> NDArray[np.bool_]:
    """Which held-out images the trainings of a sweep had right: bool [recipes, seeds, images]."""
    meant = json.loads((folder / "results.json").read_text(encoding="utf-8"))["recipes"]
    done = [Trial.model_validate_json(path.read_bytes()) for path in sorted((folder / TRIALS).glob("*.json"))]
    return np.stack([outcomes([trial for trial in done if trial.recipe == meant[text]]) for text in recipes])


def effect(correct: NDArray[np.bool_], number: int) -> tuple[float, float]:
    """What a change brought, and half of its 95% interval over images; `correct` is bool [8, seeds, images]."""
    on = DESIGN[:, number] > 0
    having, lacking = (correct[rows].reshape(-1, correct.shape[2]) for rows in (on, ~on))
    return float(having.mean() - lacking.mean()), half_width(having, lacking, None)


if __name__ == "__main__":
    sys.exit(main())
