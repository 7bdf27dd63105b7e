"""`benchmarks/train_zoo.py`: its list is right, a training is done once, and what is finished comes into a zoo."""

import sys
from pathlib import Path

import pytest
import train_zoo

from sis_edge.registries import DATASETS
from sis_edge.zoo import entry

PLAN = """\
recipe = "epochs=1"
seeds = [0, 1]

[[training]]
name = "small"
preset = "svhn-sis3"
dataset = "digits"
limit = 64
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_every_network_of_the_list_can_be_formed_and_has_its_data() -> None:
    every = train_zoo.read(train_zoo.PLAN)
    assert len({str(training) for training in every}) == len(every)
    for training in every:
        assert DATASETS.find(training.dataset)
        assert training.graph.synapse_count > 0
    first = [training for training in every if training.is_entry]
    assert len(first) == len({training.name for training in every})
    assert every[: len(first)] == first, "first seeds first: what is cut off are repeats"


@pytest.mark.slow
def test_a_list_is_trained_once_and_added(plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, target = tmp_path / "trainings", tmp_path / "zoo"
    first, second = train_zoo.read(plan)
    assert train_zoo.finished(first, folder) is None
    train_zoo.train(first, folder)
    done = train_zoo.finished(first, folder)
    assert done is not None
    assert train_zoo.train(first, folder).was_done
    train_zoo.add([first, second], folder, target)
    assert [(found.name, found.seed, found.repeats) for found in entry.entries(target)] == [("small", 0, ())]
    train_zoo.train(second, folder)
    train_zoo.add([first, second], folder, target)
    (found,) = entry.entries(target)
    assert [repeat.seed for repeat in found.repeats] == [1]
    plan.write_text(PLAN.replace("limit = 64", "limit = 65"))
    assert train_zoo.finished(train_zoo.read(plan)[0], folder) is None, "another training than the finished one"


@pytest.mark.slow
def test_the_command(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["train_zoo.py", str(tmp_path / "trainings"), "--plan", str(plan)]
    monkeypatch.setattr(sys, "argv", [*words, "--workers", "1", "--only", "small"])
    assert train_zoo.main() == 0
    assert "small, seed 1: 2 of 2 steps" in capfd.readouterr().out
    monkeypatch.setattr(sys, "argv", [*words, "--list"])
    assert train_zoo.main() == 0
    assert "not finished" not in capfd.readouterr().out
