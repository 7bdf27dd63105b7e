"""The optimiser: orthogonal steps of the length asked for, nothing where no synapse is, weights of constant length."""

import pytest
import torch
from small import SPEC

from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 50), (50, 8), (20, 20)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 17
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() > 0.3
    assert values.max() < 1.4
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(orthogonal(matrix).flatten(), (left @ right).flatten(), dim=0) > 0.95


def test_a_step_turns_what_exists_and_keeps_its_length() -> None:
    network = SisNet(compact(form(SPEC, Formation(t_c=0.4, t_p=0.75))), seed=1)
    optimizer = Muon(network, lr=0.1, other_lr=0.01, momentum=0.9)
    before = [layer.weight.detach().clone() for layer in network.layers]
    network(torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))).logsumexp(dim=1).sum().backward()
    optimizer.step()
    for layer, old in zip(network.layers, before, strict=True):
        if layer.mask is not None:
            assert torch.equal(layer.weight[layer.mask == 0], torch.zeros_like(layer.weight[layer.mask == 0]))
        if layer.norm is not None:
            length = len(old) ** 0.5
            assert float(layer.weight.detach().norm()) == pytest.approx(length, rel=1e-5)
            old = old * length / old.norm()
            assert float((layer.weight.detach() - old).norm()) / length == pytest.approx(0.1, rel=0.2)
        else:  # Nesterov: the gradient, and the momentum that it has become part of
            assert torch.allclose(layer.weight, old - 0.01 * (1 + 0.9) * layer.weight.grad, atol=1e-7)


def test_a_step_is_masked_before_it_is_scaled() -> None:
    network = SisNet(compact(form(SPEC, Formation(t_c=0.4))), seed=1)
    optimizer = Muon(network, lr=0.1, other_lr=0.01, momentum=0.9)
    layer = next(layer for layer in network.layers if layer.mask is not None and layer.norm is not None)
    step = torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(0))
    exists = orthogonal(step.flatten(1)).view_as(step) * layer.mask
    length = len(layer.weight) ** 0.5
    expected = layer.weight.detach() - 0.1 * length * exists / exists.norm()
    with torch.no_grad():
        optimizer._turn(layer.weight, step, 0.1)
    assert torch.allclose(layer.weight.detach(), expected * length / expected.norm(), atol=1e-6)


def test_no_gradient_no_step() -> None:
    network = SisNet(compact(form(SPEC, Formation(t_c=0.4, t_p=0.75))), seed=1)
    optimizer = Muon(network, lr=0.1, other_lr=0.01, momentum=0.9)
    before = [p.detach().clone() for p in network.parameters()]
    assert optimizer.step(lambda: 2.5) == 2.5
    assert all(torch.equal(one, two) for one, two in zip(before, network.parameters(), strict=True))
