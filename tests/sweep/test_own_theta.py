"""A distribution of one's own beside those that have a name."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sis_edge import datasets
from sis_edge.cli import run
from sis_edge.errors import UsageError
from sis_edge.registries import DISTRIBUTIONS
from sis_edge.sweep.executors import ExecutorOptions, executor
from sis_edge.sweep.plan import prepare
from sis_edge.sweep.running import run as run_sweep
from sis_edge.sweep.work import run as run_trial

from .plans import plan_in

pytestmark = pytest.mark.usefixtures("own_distributions")

CENTRE = {"C2": np.eye(192, 96) + 0.01}
OTHER = {"C2": np.full((192, 96), 0.5), "C3": np.eye(192) + 0.1}


def test_a_theta_is_one_more_distribution_with_graphs_of_its_own(tmp_path: Path) -> None:
    wanted = plan_in(tmp_path, granularities=("kernel", "neuron"), thetas={"centre": CENTRE, "other": OTHER})
    found = prepare(wanted, datasets.load("digits"))
    assert [structure.name for structure, _ in found.structures] == [
        "0.05, 0.1, kernel, uniform",
        "0.05, 0.1, kernel, centre",
        "0.05, 0.1, kernel, other",
        "0.05, 0.1, neuron, uniform",
    ]
    assert len({task.graph_sha256 for task in found.tasks}) == len(found.tasks) == 8
    assert {task.formation.distribution for task in found.tasks if task.theta} == {"centre", "other"}
    assert all(task.formation.distribution_sha256 for task in found.tasks if task.theta)
    assert ["0.05, 0.1, neuron, centre: theta of layer C2 decides nothing: its granularity is neuron" in line
            for line in found.left_out] == [True, False]  # fmt: skip
    changed = replace(wanted, thetas={"centre": {"C2": CENTRE["C2"] * 2}, "other": OTHER})
    again = {task.key for task in prepare(changed, datasets.load("digits")).tasks}
    assert len(again & {task.key for task in found.tasks}) == 6, "other numbers are another trial"


def test_a_name_of_both_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="distribution 'uniform' is also the name of a file of likelihoods"):
        prepare(plan_in(tmp_path, thetas={"uniform": CENTRE}), datasets.load("digits"))


def test_a_worker_that_never_saw_it_forms_the_same_graph(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, granularities=("kernel",), seeds=(3,), thetas={"centre": CENTRE})
    (_, task) = prepare(plan, datasets.load("digits")).tasks
    assert task.formation.distribution == "centre"
    DISTRIBUTIONS._targets.pop("centre")  # as in a process that has just begun
    DISTRIBUTIONS._registered.discard("centre")
    trial = run_trial(task, tmp_path / "stages")
    assert trial.graph_sha256 == task.graph_sha256
    assert trial.formation["distribution"] == "centre"
    assert trial.formation["distribution_sha256"] == task.formation.distribution_sha256


@pytest.mark.slow
def test_in_processes(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, granularities=("kernel",), thetas={"centre": CENTRE})
    quiet = executor(ExecutorOptions(jobs=2), lambda task, done, total, loss: None, lambda message: None)
    found = run_sweep(plan, quiet)
    assert not found.failures
    assert len(found.trials) == 4


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("centre.npz", **CENTRE)
    words = ["sweep", "--dataset", "digits", "--t-c", "0.05", "--t-p", "0.1", "--epochs", "1", "--limit", "64"]
    assert run([*words, "--held-out", "100", "--precision", "fp32", "--theta", "centre.npz"]) == 0
    assert "centre" in capsys.readouterr().out
    lines = json.loads(Path("sweeps/digits/results.json").read_text())["lines"]
    assert [line["formation"]["distribution"] for line in lines] == ["uniform", "centre"]
    assert run([*words, "--theta", "centre.npz", "--theta", "other/centre.npz"]) == 2
    assert "two files of --theta have the name centre" in capsys.readouterr().err
    assert run([*words, "--theta", "none.npz"]) == 2
    assert "there is no file none.npz" in capsys.readouterr().err
