"""The network: masks, initial weights, and the compact network that computes the same as the whole one."""

import math
import statistics
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from small import SPEC

from sis_edge.formation import Formation, SynapticGraph, form, preset
from sis_edge.formation.compaction import LayerPlan, compact, whole
from sis_edge.models import SisLayer, SisNet, kernels
from sis_edge.spec import nin


def layers(network: SisNet) -> list[SisLayer]:
    return [layer for layer in network.layers if isinstance(layer, SisLayer)]


@pytest.mark.parametrize("name", ["cifar10-sis1", "cifar10-sis3", "svhn-sis2"])
@pytest.mark.parametrize("plan_of", [compact, whole])
def test_initial_weights_have_the_deviation_of_their_real_fan_in(name: str, plan_of: object) -> None:
    assert callable(plan_of)
    plans: tuple[LayerPlan, ...] = plan_of(form(nin(), preset(name).formation()))
    for plan, layer in zip(plans, layers(SisNet(plans, seed=3)), strict=True):
        weight = layer.weight.detach().numpy()
        mask = np.ones(weight.shape, bool) if plan.mask is None else plan.mask
        assert not weight[~mask].any()
        gain = 1 if plan.spec.is_class_layer else 2
        scaled = []
        for filter_weight, filter_mask in zip(weight, mask, strict=True):
            existing = filter_weight[filter_mask]
            if existing.size:
                assert existing.all()
                scaled.append(existing * math.sqrt(existing.size / gain))
        scores = np.concatenate(scaled)
        # The deviation of n standard normal numbers is 1 within some 4 / sqrt(2 n).
        assert scores.std() == pytest.approx(1, abs=4 / math.sqrt(2 * scores.size))
        assert abs(scores.mean()) < 4 / math.sqrt(scores.size)
        # Each filter on its own, not only all of them together.
        per_filter = np.array([part.std() for part in scaled if part.size >= 400])
        assert ((per_filter > 0.85) & (per_filter < 1.15)).all()


def image_like(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_signals_neither_fade_nor_grow_at_the_start() -> None:
    plans = compact(form(nin(), preset("svhn-sis3").formation()))
    network = SisNet(plans).train()
    assert 0.05 < float(network(image_like(16)).detach().std()) < 5


def test_a_seed_gives_the_same_weights_and_another_gives_others() -> None:
    plans = compact(form(SPEC, Formation(t_c=0.5)))
    one, again, other = (SisNet(plans, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["layers.0.weight"], other["layers.0.weight"])


def test_shapes_and_types() -> None:
    network = SisNet(compact(form(nin(), preset("svhn-sis3").formation()))).eval()
    x = image_like(5)
    for kind in (torch.float32, torch.bfloat16):
        y = network(x.to(kind))
        assert y.shape == (5, 10)
        assert y.dtype == kind
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    exact, rough = network(x).detach(), network(x.bfloat16()).float().detach()
    assert 0 < float((exact - rough).abs().max()) < 0.1 * float(exact.abs().max())


def test_bfloat16_gradients_reach_float32_weights_and_spare_what_does_not_exist() -> None:
    plans = compact(form(SPEC, Formation(t_c=0.5)))
    network = SisNet(plans)
    network(image_like(4).bfloat16()).float().sum().backward()
    for plan, layer in zip(plans, layers(network), strict=True):
        assert layer.weight.grad is not None
        assert layer.weight.grad.dtype == torch.float32
        if plan.mask is not None:
            assert not layer.weight.grad[~torch.from_numpy(plan.mask)].any()
            assert layer.weight.grad.any()


def scatter(small: SisNet, graph: SynapticGraph) -> SisNet:
    """The compact network's weights and statistics at their places in the whole one."""
    large = SisNet(whole(graph), seed=7)  # weights of its own at every place that is not written
    with torch.no_grad():
        for plan, source, target in zip(compact(graph), layers(small), layers(large), strict=True):
            filters, inputs = torch.from_numpy(plan.filters), torch.from_numpy(plan.inputs)
            rows = target.weight[filters]
            rows[:, inputs] = source.weight
            target.weight[filters] = rows
            if source.bias is not None:
                assert target.bias is not None
                target.bias[filters] = source.bias
            if source.norm is not None:
                assert target.norm is not None
                for name in ("weight", "bias", "running_mean", "running_var"):
                    getattr(target.norm, name)[filters] = getattr(source.norm, name)
                    gone = np.setdiff1d(np.arange(target.spec.filters), plan.filters)
                    getattr(target.norm, name)[torch.from_numpy(gone)] = 3.0  # what a dead neuron had must not matter
    return large


@pytest.mark.parametrize("conv", ["kernel", "neuron", "block", "synapse"])
@pytest.mark.parametrize("micro", ["neuron", "kernel"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_compact_network_computes_what_the_whole_one_does(conv: str, micro: str, seed: int) -> None:
    graph = form(SPEC, Formation(t_c=0.3, t_p=0.4, seed=seed, conv=conv, micro=micro, block=3))
    small = SisNet(compact(graph), seed)
    sizes = [sum(p.numel() for p in network.parameters()) for network in (small, SisNet(whole(graph)))]
    assert sizes[0] < sizes[1] or micro == "kernel"
    numbers = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(small.parameters(), lr=0.2, momentum=0.9)
    for _ in range(5):  # so that normalisation is not trivial
        x, y = torch.randn(8, 3, 32, 32, generator=numbers), torch.randint(0, 4, (8,), generator=numbers)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(small(x), y).backward()
        optimizer.step()
    large = scatter(small, graph)
    x = torch.randn(6, 3, 32, 32, generator=numbers)
    with torch.no_grad():
        assert torch.allclose(small.eval()(x), large.eval()(x), atol=1e-5, rtol=1e-5)
        # In training, too: both normalise over the same values.
        assert torch.allclose(small.train()(x), large.train()(x), atol=1e-4, rtol=1e-4)


def test_a_sparse_network_has_the_same_gradients_with_our_kernels_as_with_torchs() -> None:
    """For most images: a ReLU whose input is zero but for rounding may be open by one and shut by the other."""
    plans = compact(form(nin(), preset("svhn-sis3").formation()))
    furthest = []
    for seed in range(3):
        x = torch.randn(8, 3, 24, 24, generator=torch.Generator().manual_seed(seed))
        x = x.contiguous(memory_format=torch.channels_last)
        gradients = []
        for dtype in (torch.float32, torch.float64):
            network = SisNet(plans).train().to(dtype)
            with kernels.used(1) if dtype == torch.float32 else nullcontext():
                logits = network(x.to(dtype))
                logits.square().sum().backward()
            gradients.append([logits.detach().double(), *(p.grad.double() for p in network.parameters())])
        pairs = zip(*gradients, strict=True)
        furthest.append(max(float((ours - true).norm() / true.norm().clamp(min=1e-3)) for ours, true in pairs))
    assert statistics.median(furthest) < 1e-4


def test_what_only_a_pointwise_layer_reads_is_normalised_there() -> None:
    network = SisNet(compact(form(nin(), preset("cifar10-sis1").formation())))
    handing_on = [layer.spec.name for layer in layers(network) if layer.hands_on]
    assert handing_on == ["C1", "MP1a", "C2", "MP2a", "C3", "MP3a"]
