"""The average of weights: what it is made of, and that an interruption changes no bit of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small import RECIPE, dataset

from sis_edge.datasets import Dataset
from sis_edge.training.train import train
from training.test_train import STEPS, fail, new_network, same, trained

AVERAGED = replace(RECIPE, optimizer="muon", peak_lr=0.05, other_lr=0.1, ema_decay=0.6)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


def test_it_is_the_exponential_average_over_the_steps(data: Dataset, tmp_path: Path) -> None:
    network, steps = new_network(), list[dict[str, torch.Tensor]]()

    def look(done: int, total: int, loss: float) -> None:
        steps.append({name: value.clone() for name, value in network.state_dict().items()})

    train(network, data, data.train, AVERAGED, seed=5, folder=tmp_path, progress=look)
    assert len(steps) == 3 * STEPS
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            assert torch.equal(value, steps[-1][name])
            continue
        wanted = steps[0][name]
        for step in steps[1:]:
            wanted = 0.6 * wanted + 0.4 * step[name]
        assert torch.allclose(value, wanted, atol=1e-6), name
        assert not torch.equal(value, steps[-1][name])
    for layer in network.layers:
        if layer.mask is not None:
            assert not layer.weight[layer.mask == 0].any()  # type: ignore[index]


@pytest.mark.parametrize("step", [STEPS + 2, None])
def test_a_cut_training_and_a_finished_one_have_the_same_average(
    data: Dataset, tmp_path: Path, step: int | None
) -> None:
    """`None`: it ends after its last checkpoint, before anything was made of the weights."""
    whole = trained(data, tmp_path / "whole", recipe=AVERAGED)
    if step is None:
        trained(data, tmp_path / "cut", recipe=AVERAGED)
    else:
        with pytest.raises(RuntimeError, match="power cut"):
            trained(data, tmp_path / "cut", lambda done, total, loss: fail() if done == step else None, AVERAGED)
    assert same(whole, trained(data, tmp_path / "cut", recipe=AVERAGED))
    assert not same(whole, trained(data, tmp_path / "last", recipe=replace(AVERAGED, ema_decay=0.0)))
