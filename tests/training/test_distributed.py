"""A training on two processes: every image in one of their shares, the weights by hand, and one of them that writes."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from command import environment
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from small import RECIPE, dataset, images

from sis_edge import datasets, profiles
from sis_edge.build import pipeline
from sis_edge.cli import run as command
from sis_edge.datasets import Dataset, ImageSet
from sis_edge.errors import DatasetError, DiskError, SisEdgeError, UsageError
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet, kernels
from sis_edge.spec import nin
from sis_edge.training import Recipe, default_recipe
from sis_edge.training import stage as training_stage
from sis_edge.training.batches import Batches, normalise
from sis_edge.training.distributed import DistributedGroup, TrainingJob, join
from sis_edge.training.train import CHECKPOINT, TrainingModule

FORMATION = Formation(t_c=0.05, t_p=0.1, conv="neuron")
LIMIT, EPOCHS = 256, 5


def shares(data: Dataset, recipe: Recipe, world: int, epoch: int = 0) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
    return [
        list(Batches(data, data.train, recipe, seed=3, epoch=epoch, rank=rank, world=world)) for rank in range(world)
    ]


@given(count=st.integers(8, 70), size=st.integers(8, 80), world=st.integers(2, 4), epoch=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_shares_are_equal_and_together_the_batches_of_one(count: int, size: int, world: int, epoch: int) -> None:
    part = ImageSet(images(count).images, np.arange(count, dtype=np.int64))
    data = Dataset.of("count", part, part, classes=("a",), flip=False, source="")
    recipe = Recipe(batch_size=size // world * world, crop_pad=0, flip=False)
    (alone,) = shares(data, recipe, 1, epoch)
    order = [label for _, some in alone for label in some.tolist()]
    each = min(count, recipe.batch_size) // world
    found = shares(data, recipe, world, epoch)
    for at, batch in enumerate(zip(*found, strict=True)):
        assert [len(some) for _, some in batch] == [each] * world
        labels = [label for _, some in batch for label in some.tolist()]
        assert sorted(labels) == sorted(order[at * each * world : (at + 1) * each * world])
        for pixels, some in batch:
            assert torch.equal(pixels, normalise(torch.from_numpy(part.images[some.numpy()]), data))
    assert len(found[0]) == len(alone)


def test_a_share_is_the_same_each_time_and_no_two_are_cropped_alike() -> None:
    same = ImageSet(np.repeat(images(1).images, 64, axis=0), np.zeros(64, np.int64))
    data = Dataset.of("same", same, same, classes=("a",), flip=False, source="")
    first, second = shares(data, RECIPE, 2)
    again, _ = shares(data, RECIPE, 2)
    assert all(torch.equal(one, two) for (one, _), (two, _) in zip(first, again, strict=True))
    assert not any(torch.equal(one, two) for (one, _), (two, _) in zip(first, second, strict=True))
    later, _ = shares(data, RECIPE, 2, epoch=1)
    assert not torch.equal(first[0][0], later[0][0])


def test_batches_that_cannot_be_shared() -> None:
    data = dataset()
    with pytest.raises(
        UsageError, match=r"a batch of 16 images cannot be split over 9 processes \(each needs at least 2 images\)"
    ):
        Batches(data, data.train, RECIPE, seed=0, epoch=0, rank=0, world=9)


def test_one_device_is_no_other_training(tmp_path: Path) -> None:
    assert join(1, 1) is None
    graph = form(nin(), FORMATION)
    before = training_stage.inputs(graph, "0" * 64, 9, Recipe(), 0)
    assert set(before) == {"version", "graph", "dataset", "train_images", "recipe", "seed"}


@pytest.mark.parametrize("option", ["--devices", "--num-nodes"])
def test_none_is_no_number_of_devices(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["build", "--profile", "local", option, "0"]) == 2
    assert f"{option} is '0', and must be 1 or more" in capsys.readouterr().err


def test_the_zoo_needs_no_devices(tmp_path: Path) -> None:
    group = DistributedGroup(2, 1, None)  # type: ignore[arg-type]
    plan = pipeline.BuildPlan(profiles.load("local"), "digits", ("nin",), tmp_path, "b", weights="zoo", group=group)
    with pytest.raises(UsageError, match="--devices 2 --num-nodes 1 is of a training, and --from-zoo trains nothing"):
        pipeline.build(plan)


class RecordedFabric:
    """Fabric's part in a group, for one rank of it: what rank 0 broadcasts, in order, or how it is lost."""

    def __init__(self, rank: int, *sent: object) -> None:
        self.global_rank = rank
        self.sent = list(sent)

    def broadcast(self, own: object) -> object:
        if self.global_rank == 0:
            self.sent.append(own)
            return own
        received = self.sent.pop(0)
        if isinstance(received, Exception):
            raise received
        return received


def group_of(fabric: RecordedFabric) -> DistributedGroup:
    return DistributedGroup(2, 1, fabric)  # type: ignore[arg-type]


def job_in(folder: Path, dataset_sha256: str) -> TrainingJob:
    recipe = default_recipe("digits", flip=False, precision="fp32", epochs=1)
    return TrainingJob(form(nin(), FORMATION), "digits", dataset_sha256, 64, recipe, 0, folder)


def test_a_rank_with_other_images_is_refused(tmp_path: Path) -> None:
    group = group_of(RecordedFabric(1, job_in(tmp_path, "0" * 64)))
    with pytest.raises(DatasetError, match="the images of digits on rank 1 differ from those on rank 0; fetch them"):
        training_stage.follow(group, None)


def test_a_rank_that_does_not_see_the_checkpoint_is_refused(tmp_path: Path) -> None:
    away = tmp_path / "not-here" / CHECKPOINT
    group = group_of(RecordedFabric(1, job_in(tmp_path, datasets.load("digits").sha256), str(away)))
    with pytest.raises(DiskError, match=f"rank 1 cannot see {away}; to resume from a checkpoint"):
        training_stage.follow(group, None)


def test_a_rank_ends_with_rank_zero(tmp_path: Path) -> None:
    taken: list[TrainingJob] = []
    job = job_in(tmp_path, "0" * 64)
    group_of(RecordedFabric(1, job, job, None)).follow(taken.append)
    assert taken == [job, job]
    with pytest.raises(SisEdgeError, match="rank 1 stopped because another rank was lost"):
        group_of(RecordedFabric(1, job, RuntimeError("[gloo] Connection closed by peer"))).follow(taken.append)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        group_of(RecordedFabric(1, RuntimeError("a bug of ours"))).follow(taken.append)


def test_rank_zero_announces_each_training_and_the_end(tmp_path: Path) -> None:
    fabric, job = RecordedFabric(0), job_in(tmp_path, "0" * 64)
    group = group_of(fabric)
    with group.leading(), group.training(job):
        assert fabric.sent == [job]
    assert fabric.sent == [job, None]
    with (
        pytest.raises(SisEdgeError, match="a training process was lost; run the same command again to resume"),
        group.leading(),
        group.training(job),
    ):
        raise RuntimeError("[gloo] Connection closed by peer")
    assert fabric.sent == [job, None, job]  # the others have lost each other, too: nobody would hear it


class Ranks:
    """What a module asks of lightning's trainer."""

    def __init__(self, world: int) -> None:
        self.world_size, self.global_rank, self.current_epoch = world, 0, 0


def by_hand(data: Dataset, recipe: Recipe, world: int) -> SisNet:
    """Each rank's loss on its share with its own statistics, the gradients averaged: in one process, with our loops."""
    part = ImageSet(data.train.images[:LIMIT], data.train.labels[:LIMIT])
    modules = [
        TrainingModule(SisNet(compact(form(nin(), FORMATION)), 0).train(), data, part, recipe, seed=0)
        for _ in range(world)
    ]
    first, ranks = modules[0], Ranks(world)
    for module in modules:
        module.trainer = ranks  # type: ignore[assignment]
        for its, ours in zip(module.parameters(), first.parameters(), strict=True):
            its.data = ours.data  # one set of weights; each its own statistics
    made = first.configure_optimizers()
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    for epoch in range(recipe.epochs):
        of = [list(Batches(data, part, recipe, seed=0, epoch=epoch, rank=rank, world=world)) for rank in range(world)]
        for at, batch in enumerate(zip(*of, strict=True)):
            for module, share in zip(modules, batch, strict=True):
                module.zero_grad()
                (module.training_step(share, at) / world).backward()
            for module in modules[1:]:
                for its, ours in zip(module.parameters(), first.parameters(), strict=True):
                    assert ours.grad is not None
                    assert its.grad is not None
                    ours.grad += its.grad
            optimizer.step()
            schedule.step()
    return first.network


AUDIT = """
import os, sys
place, mine = os.environ["WATCHED"], os.environ.get("LOCAL_RANK", "0")
def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        changes = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.truncate", "os.utime", "os.symlink", "os.link"):
        path, changes = arguments[0], True
    else:
        return
    if changes and isinstance(path, (str, bytes)) and os.path.abspath(os.fsdecode(path)).startswith(place):
        with open(f"{os.environ['WATCH_LOG']}/{mine}-{os.getpid()}", "a") as log:
            print(event, os.fsdecode(path), file=log)
sys.addaudithook(watch)
"""


@pytest.mark.slow
def test_two_processes_train_on_every_image_and_one_writes(tmp_path: Path) -> None:
    """Killed in mid-training, and gone on with: to the weights by hand."""
    graph, place, log = tmp_path / "mine.npz", tmp_path / "build", tmp_path / "log"
    form(nin(), FORMATION).save(graph)
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook/sitecustomize.py").write_text(AUDIT)
    log.mkdir()
    small = ["--epochs", str(EPOCHS), "--limit", str(LIMIT), "--precision", "fp32", "--build-dir", str(place)]
    words = ["build", "--profile", "jetson-nano", "--dataset", "digits", "--networks", str(graph), *small]
    start = [sys.executable, "-m", "sis_edge", *words, "--devices", "2"]
    watched = environment(
        PYTHONPATH=os.pathsep.join(filter(None, [str(tmp_path / "hook"), os.environ.get("PYTHONPATH")])),
        WATCHED=str(place),
        WATCH_LOG=str(log),
        GLOO_SOCKET_IFNAME="lo",
        CUDA_VISIBLE_DEVICES="",
    )
    with ExitStack() as stack:
        first = stack.enter_context(subprocess.Popen(start, env=watched, stderr=subprocess.DEVNULL))
        stack.callback(first.kill)
        while not (checkpoints := list(place.glob(f".stages/train-*/{CHECKPOINT}"))) and first.poll() is None:
            time.sleep(0.02)
        assert checkpoints
        others = psutil.Process(first.pid).children()
        first.kill()
        assert len(others) == 1
        _, alive = psutil.wait_procs(others, timeout=100)
        assert alive == []
    assert checkpoints[0].exists()

    done = subprocess.run(start, env=watched, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    (stage,) = place.glob(".stages/train-*")
    inputs = json.loads((stage / "done.json").read_text())
    assert inputs["inputs"]["ranks"] == 2

    recipe = default_recipe("digits", flip=False, precision="fp32", epochs=EPOCHS)
    data = datasets.load("digits")
    torch.set_num_threads(1)
    with kernels.used(1):
        two, one = by_hand(data, recipe, 2).state_dict(), by_hand(data, recipe, 1).state_dict()
    weights = load_file(stage / "weights.safetensors")
    assert weights.keys() == two.keys()
    assert all(torch.allclose(weights[name], two[name], atol=1e-5) for name in two)
    assert not all(torch.allclose(weights[name], one[name], atol=1e-2) for name in two)
    assert inputs["summary"]["host_accuracy"] > 0.3

    wrote = {path.name: path.read_text() for path in log.iterdir()}
    assert {name.partition("-")[0] for name in wrote} == {"0"}
    assert any("done.json" in text for text in wrote.values())
