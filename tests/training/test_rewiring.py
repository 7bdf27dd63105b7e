"""Rewiring: which units move, that no count changes, and that an interruption changes no bit."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch.callbacks import Callback
from small import RECIPE, SPEC, dataset

from sis_edge.datasets import Dataset
from sis_edge.errors import UsageError
from sis_edge.formation import REWIRED, Formation, SynapticGraph, form
from sis_edge.formation.compaction import compact, live_neurons, whole
from sis_edge.models import SisNet
from sis_edge.training import Recipe, stage
from sis_edge.training.evaluate import logits
from sis_edge.training.moves import choose
from sis_edge.training.rewiring import Rewiring, fitting
from sis_edge.training.train import train
from training.test_train import STEPS, fail, same

MOVING = replace(RECIPE, optimizer="muon", peak_lr=0.05, other_lr=0.1, rewire=0.5, rewire_every=2, rewire_until=0.9)
KERNELS = Formation(t_c=0.4, t_p=0.75)
SYNAPSES = Formation(t_c=0.4, t_p=0.4, conv="synapse", micro="synapse")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


def run(folder: Path, data: Dataset, formation: Formation, recipe: Recipe = MOVING, stop: int | None = None) -> Path:
    return stage.run(
        folder,
        form(SPEC, formation),
        data,
        data.train,
        recipe,
        seed=5,
        measure=lambda network: {"logits": logits(network, data, data.test).tolist()},
        progress=lambda done, total, loss: fail() if done == stop else None,
    ).folder


@given(
    filters=st.integers(2, 6),
    inputs=st.integers(2, 6),
    unit=st.sampled_from(["kernel", "synapse"]),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_the_least_go_and_the_steepest_come(filters: int, inputs: int, unit: Any, share: float, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    shape = (filters, inputs, 3, 3) if unit == "synapse" else (filters, inputs, 1, 1)
    exist = numbers.random(shape) < 0.5
    mask = torch.from_numpy(np.broadcast_to(exist, (filters, inputs, 3, 3)).copy())
    weight = torch.from_numpy(numbers.standard_normal(mask.shape)) * mask
    gradient = torch.from_numpy(numbers.standard_normal(mask.shape))
    move = choose(weight, gradient, mask, unit, share)
    after = (mask & ~move.dropped) | move.grown
    assert int(after.sum()) == int(mask.sum())
    assert not (move.dropped & move.grown).any()
    assert (move.dropped <= mask).all()
    assert not (move.grown & mask).any()
    for dim in (0, 1):  # each neuron that had a unit has one, and one that had none has none
        others = tuple(at for at in range(4) if at != dim)
        assert torch.equal(
            mask.any(dim=others[2]).any(dim=others[1]).any(dim=others[0]),
            after.any(dim=others[2]).any(dim=others[1]).any(dim=others[0]),
        )
    size, steep = weight.abs(), gradient.abs()
    if unit == "kernel":
        size, steep = size.sum(dim=(2, 3), keepdim=True), steep.sum(dim=(2, 3), keepdim=True)
    there = torch.from_numpy(exist)
    if move.dropped.any():
        best = torch.zeros_like(there)
        for dim in (0, 1):
            others = tuple(at for at in range(4) if at != dim)
            best |= torch.where(there, size, -1.0) == torch.where(there, size, -1.0).amax(dim=others, keepdim=True)
        kept = there & ~move.dropped & ~best
        assert not kept.any() or float(size[move.dropped].max()) <= float(size[kept].min())
        pairs = there.any(dim=3, keepdim=True).any(dim=2, keepdim=True)
        free = ~there & pairs.any(dim=1, keepdim=True) & pairs.any(dim=0, keepdim=True) & ~move.grown
        assert not free.any() or float(steep[move.grown].min()) >= float(steep[free].max())


def test_units_grow_where_the_gradient_of_what_does_not_exist_is_greatest(data: Dataset, tmp_path: Path) -> None:
    """Against a gradient by hand: of the loss by all weights, those that are 0 because they do not exist, too."""
    graph = form(SPEC, KERNELS)
    network = SisNet(compact(graph), seed=5)
    rewiring = Rewiring(network, graph, replace(MOVING, rewire_every=STEPS + 1))
    (at, layer, mask, _), *_ = rewiring._units
    before = mask.clone()
    seen: dict[str, Any] = {}

    class Look(Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_index: int) -> None:
            if trainer.global_step == STEPS + 1:
                wide = copy.deepcopy(network)
                wide.layers[at].mask = None  # type: ignore[union-attr]
                images, labels = batch
                loss = torch.nn.functional.cross_entropy(wide(images), labels, label_smoothing=MOVING.label_smoothing)
                seen["gradient"] = torch.autograd.grad(loss, wide.layers[at].weight)[0]  # type: ignore[arg-type]

        def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
            if trainer.global_step == STEPS + 1:
                seen["mask"], seen["momentum"] = mask.clone(), optimizer.state[layer.weight]["momentum"].clone()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sis_edge.training.train._Reporter", lambda progress: Look())
        train(network, data, data.train, MOVING, seed=5, folder=tmp_path, progress=print, rewiring=rewiring)  # type: ignore[arg-type]
    grown = seen["mask"] & ~before
    assert grown.any()
    steep = seen["gradient"].abs().sum(dim=(2, 3), keepdim=True).expand_as(grown)
    free = (
        ~before & ~grown & before.any(dim=(0, 2, 3)).view(1, -1, 1, 1) & before.flatten(1).any(dim=1).view(-1, 1, 1, 1)
    )
    assert not free.any() or float(steep[grown].min()) >= float(steep[free].max())
    assert not seen["momentum"][~seen["mask"]].any()


@pytest.mark.parametrize("formation", [KERNELS, SYNAPSES])
@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_every_layer_keeps_its_count_and_its_living_neurons(
    data: Dataset, tmp_path: Path, formation: Formation, ema_decay: float
) -> None:
    before = form(SPEC, formation)
    folder = run(tmp_path, data, formation, replace(MOVING, ema_decay=ema_decay))
    after = stage.graph_of(folder)
    assert after.digest() != before.digest()
    moved = 0
    for old, new, was, lives in zip(
        before.layers, after.layers, live_neurons(before), live_neurons(after), strict=True
    ):
        assert old.synapse_count == new.synapse_count
        assert np.array_equal(old.neurons, new.neurons)
        assert np.array_equal(was, lives)
        moved += int((old.synapses & ~new.synapses).sum())
    assert moved > 20
    if formation is KERNELS:  # whole kernels
        (conv,) = (layer.synapses for layer in after.layers if layer.spec.name == "C2")
        assert np.array_equal(conv.any(axis=(2, 3)), conv.all(axis=(2, 3)))
    assert after.formation == replace(before.formation, distribution=REWIRED)
    network = stage.load(after, folder)
    for layer, plan in zip(network.layers, compact(after), strict=True):
        if plan.mask is not None:
            assert not layer.weight.detach()[~torch.from_numpy(plan.mask)].any()  # type: ignore[union-attr, operator]


def test_the_stored_network_is_the_one_that_was_measured_compact_or_whole(data: Dataset, tmp_path: Path) -> None:
    import json

    folder = run(tmp_path, data, KERNELS)
    after = stage.graph_of(folder)
    measured = torch.tensor(json.loads((folder / "done.json").read_text())["summary"]["logits"])
    network = stage.load(after, folder)
    assert torch.allclose(logits(network, data, data.test), measured, atol=1e-5)
    wide = SisNet(whole(after)).eval()
    with torch.no_grad():
        for big, small, plan in zip(wide.layers, network.layers, compact(after), strict=True):
            within = np.ix_(plan.filters, plan.inputs)
            big.weight.zero_()  # type: ignore[union-attr, operator]
            big.weight[within] = small.weight  # type: ignore[union-attr, operator, index]
            state = small.state_dict()
            for name, value in big.state_dict().items():
                if name != "weight" and value.dim():
                    value[torch.from_numpy(plan.filters)] = state[name]
    assert torch.allclose(logits(wide, data, data.test), measured, atol=1e-4)


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
@pytest.mark.parametrize("stop", [STEPS + 3, 2 * STEPS + 1])
def test_a_cut_training_goes_on_to_the_same_graph_and_bits(
    data: Dataset, tmp_path: Path, stop: int, ema_decay: float
) -> None:
    recipe = replace(MOVING, ema_decay=ema_decay)
    undisturbed = run(tmp_path / "whole", data, KERNELS, recipe)
    with pytest.raises(RuntimeError, match="power cut"):
        run(tmp_path / "cut", data, KERNELS, recipe, stop)
    cut = run(tmp_path / "cut", data, KERNELS, recipe)
    graphs = [stage.graph_of(folder) for folder in (undisturbed, cut)]
    assert graphs[0].digest() == graphs[1].digest()
    assert same(*(stage.load(graphs[0], folder).state_dict() for folder in (undisturbed, cut)))


def test_fewer_and_fewer_move_and_none_after_the_last_step() -> None:
    graph = form(SPEC, KERNELS)
    rewiring = Rewiring(SisNet(compact(graph)), graph, Recipe(rewire=0.4, rewire_every=10, rewire_until=0.5))
    shares = [rewiring.share(step, 100) for step in range(100)]
    assert {step for step, share in enumerate(shares) if share} == {10, 20, 30, 40}
    assert shares[10] > shares[20] > shares[30] > shares[40] > 0
    assert shares[20] == pytest.approx(0.4 * (1 + np.cos(np.pi * 0.4)) / 2)


@pytest.mark.parametrize(
    "formation",
    [Formation(), Formation(t_p=0.5), Formation(t_c=0.5, conv="neuron"), Formation(t_c=0.5, conv="block", block=4)],
)
def test_where_nothing_can_move_it_is_said(data: Dataset, tmp_path: Path, formation: Formation) -> None:
    graph = form(SPEC, formation)
    assert fitting(MOVING, graph).rewire == 0
    with pytest.raises(UsageError, match="nothing in small can be rewired: its layers are dense or of whole neurons"):
        run(tmp_path, data, formation)
    assert fitting(MOVING, form(SPEC, KERNELS)) == MOVING


def test_a_rewired_graph_cannot_be_formed_again_and_is_read_from_its_file(data: Dataset, tmp_path: Path) -> None:
    after = stage.graph_of(run(tmp_path, data, KERNELS))
    with pytest.raises(UsageError, match="unknown distribution 'rewired'"):
        form(SPEC, after.formation)
    after.save(tmp_path / "again.npz")
    assert SynapticGraph.load(tmp_path / "again.npz").digest() == after.digest()
