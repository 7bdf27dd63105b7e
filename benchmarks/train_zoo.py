"""Train the zoo's networks, those of train_zoo.toml, each with its seeds, on all training images.

    python benchmarks/train_zoo.py FOLDER                        train what is not finished, one for each core
    python benchmarks/train_zoo.py FOLDER --workers 1            one after another, each on all cores
    python benchmarks/train_zoo.py FOLDER --only cifar10-sis3    the networks whose names contain this word
    python benchmarks/train_zoo.py FOLDER --list                 what there is, and what is finished
    python benchmarks/train_zoo.py FOLDER --add                  take what is finished into the zoo of this checkout

An interrupted run goes on at the last epoch. Test images have no part in any choice: the entry of a network is its
first seed, whatever the accuracy, and the other seeds are repeats. Recipes are chosen before, on held-out training
images: `sis-edge sweep --recipe`.
"""

import argparse
import json
import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sis_edge import datasets, profiles
from sis_edge.build.networks import plan_described, plan_network
from sis_edge.files import stages
from sis_edge.formation import SynapticGraph
from sis_edge.networks.find import find
from sis_edge.training import stage
from sis_edge.training.changes import changed
from sis_edge.zoo import add as adding
from sis_edge.zoo import teachers
from sis_edge.zoo.entry import FOLDER

PLAN = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Training:
    """One training: a network of the zoo with one of its seeds; it is the paper's of `preset`, or another `network`."""

    name: str
    seed: int
    recipe: str
    preset: str = ""
    network: str = ""
    t_c: float = 1
    profile: str = "x86-64"
    dataset: str = "cifar10"
    limit: int | None = None
    is_entry: bool = True

    @property
    def graph(self) -> SynapticGraph:
        """The network's synapses."""
        settings = profiles.load(self.profile).networks
        if self.network:
            *_, planned = plan_described(find(self.network), settings, self.t_c, t_p=1)
        else:
            planned = plan_network(self.preset, settings)
        return planned.graph

    def __str__(self) -> str:
        return f"{self.name}, seed {self.seed}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where finished trainings and checkpoints are kept")
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--plan", type=Path, default=PLAN, help="another list than train_zoo.toml")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="trainings at once; default: cores")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    every = [training for training in read(options.plan) if options.only in training.name]
    if options.one is not None:
        train(every[options.one], options.folder)
    elif options.list:
        for training in every:
            print(f"{training}: {finished(training, options.folder) or 'not finished'}")
    elif options.add:
        add(every, options.folder)
    else:
        return train_all(every, options)
    return 0


def read(plan: Path) -> list[Training]:
    """The trainings of a list, in its order: first seeds first."""
    listed = tomllib.loads(plan.read_text(encoding="utf-8"))
    usual = {"recipe": listed.get("recipe", "default"), "seeds": listed.get("seeds", [0])}
    found = [
        (place, Training(**fields, seed=seed, is_entry=place == 0))
        for fields in ({**usual, **entry} for entry in listed["training"])
        for place, seed in enumerate(fields.pop("seeds"))
    ]
    return [training for _, training in sorted(found, key=lambda each: each[0])]


def train_all(every: list[Training], options: argparse.Namespace) -> int:
    """Each in a process of its own with its share of the cores; returns 1 if one failed."""
    threads = max(1, (os.cpu_count() or 1) // options.workers)

    def run(number: int) -> int:
        command = [sys.executable, __file__, str(options.folder), "--only", options.only, "--plan", str(options.plan)]
        share = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
        return subprocess.run([*command, "--one", str(number)], env={**os.environ, **share}).returncode

    with ThreadPoolExecutor(options.workers) as pool:
        return int(any(list(pool.map(run, range(len(every))))))


def train(training: Training, folder: Path) -> stages.Outcome:
    """Train it, or go on with it; nothing where it is finished."""
    from sis_edge.training import default_recipe

    data = datasets.load(training.dataset)
    seen = data.train.first(training.limit)
    recipe = default_recipe(training.dataset, flip=data.flip, precision="fp32", size=data.size)
    recipe, teacher = teachers.settled(changed(recipe, training.recipe), data)

    def progress(done: int, total: int, loss: float) -> None:
        if done == total or done % 100 == 0:
            print(f"{training}: {done:,} of {total:,} steps, loss {loss:.3f}", flush=True)

    trained = stage.run(
        folder,
        training.graph,
        data,
        seen,
        recipe.fitting([training.graph.spec]),
        seed=training.seed,
        measure=lambda network: {},
        progress=progress,
        teacher=teacher,
    )
    _note(training, folder, trained.folder)
    return trained


def add(every: list[Training], folder: Path, target: Path = FOLDER) -> None:
    """Replace the entries whose training is finished, each with the repeats that are finished too."""
    for training in every:
        trained = finished(training, folder)
        if trained is None:
            continue
        into = adding.add if training.is_entry else adding.repeat
        entry = into(training.name, trained, datasets.load(training.dataset), target)
        accuracy = entry.accuracy if training.is_entry else entry.repeats[-1].accuracy
        print(f"{training}: {accuracy:.4f} on {entry.test_images:,} test images")


def finished(training: Training, folder: Path) -> Path | None:
    """The folder of the finished training; None where it is not finished."""
    note = _notes(folder) / f"{training}.json"
    if not note.exists():
        return None
    known = json.loads(note.read_text(encoding="utf-8"))
    return folder / known["stage"] if known["of"] == _identity(training) else None


def _note(training: Training, folder: Path, trained: Path) -> None:
    """Remember which stage is whose: its name is a hash over all that decides it."""
    _notes(folder).mkdir(parents=True, exist_ok=True)
    known = {"of": _identity(training), "stage": trained.name}
    (_notes(folder) / f"{training}.json").write_text(json.dumps(known), encoding="utf-8")


def _notes(folder: Path) -> Path:
    return folder / "finished"


def _identity(training: Training) -> list[object]:
    """A training that was changed in the list is another one."""
    return [training.graph.digest(), training.dataset, training.recipe, training.seed, training.limit]


if __name__ == "__main__":
    sys.exit(main())
