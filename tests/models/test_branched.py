"""Networks with branches: what is cut was silent, whatever formed them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from branched import BRANCHED, random_network
from torch import Tensor

from sis_edge.errors import UsageError
from sis_edge.exporting.compact import cut, fold
from sis_edge.formation import Formation, SynapticGraph, form
from sis_edge.formation.compaction import compact, live_neurons, whole
from sis_edge.models import SisLayer, SisNet
from sis_edge.models.sisnet import shortcut
from sis_edge.networks.sides import takes
from sis_edge.registries import NETWORKS
from sis_edge.spec import LayerSpec, NetworkSpec, nin
from sis_edge.training import default_recipe


def lived_in(network: SisNet, seed: int) -> SisNet:
    """Weights, statistics, scales and offsets of a network that has seen images, without a training."""
    numbers = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in (*network.named_parameters(), *network.named_buffers()):
            if value.dtype == torch.float32:
                value.copy_(torch.rand(value.shape, generator=numbers) + ("var" in name) - 0.5 * ("weight" not in name))
    return network.eval()


def copied(large: SisNet, graph: SynapticGraph) -> SisNet:
    """The compact network with the whole one's weights and statistics."""
    small = SisNet(compact(graph)).eval()
    with torch.no_grad():
        for plan, source, target in zip(compact(graph), large.layers, small.layers, strict=True):
            assert isinstance(source, SisLayer)
            assert isinstance(target, SisLayer)
            filters = torch.from_numpy(plan.filters)
            kept = source.weight[filters]
            target.weight.copy_(kept if plan.spec.groups > 1 or source.spec.groups > 1 else kept[:, plan.inputs])
            for name, value in target.named_parameters():
                if name != "weight":
                    value.copy_(source.get_parameter(name)[filters])
            for name, value in target.named_buffers():
                if name.startswith("norm.running"):
                    value.copy_(source.get_buffer(name)[filters])
    return small


def formed(spec: NetworkSpec, formation: Formation) -> SynapticGraph | None:
    try:
        return form(spec, formation)
    except UsageError as error:
        assert "no path" in str(error)  # noqa: PT017
        return None


def formation_of(spec: NetworkSpec, seed: int) -> Formation:
    numbers = np.random.default_rng(seed)
    units = ["kernel", "neuron", "synapse"]
    depthwise = [layer.name for layer in spec.layers if layer.is_depthwise and numbers.integers(2)]
    return Formation(
        t_c=float(numbers.uniform(0.3, 0.9)),
        t_p=float(numbers.uniform(0.3, 0.9)),
        seed=seed,
        conv=str(numbers.choice(units)),
        micro=str(numbers.choice(units)),
        layer_shares=dict.fromkeys(depthwise, 0.6),
    )


def outputs(network: SisNet, spec: NetworkSpec) -> Tensor:
    x = torch.randn(3, spec.channels, spec.side, spec.side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return network(x)


def test_compact_and_whole_give_equal_outputs_in_random_networks() -> None:
    smaller = checked = 0
    for seed in range(50):
        spec = random_network(seed)
        graph = formed(spec, formation_of(spec, seed))
        if graph is None:
            continue
        large = lived_in(SisNet(whole(graph)), seed)
        small = copied(large, graph)
        expected = outputs(large, spec)
        assert torch.allclose(outputs(small, spec), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())), seed
        assert all(plan.macs <= layer.macs for plan, layer in zip(compact(graph), graph.layers, strict=True))
        smaller += sum(
            plan.filters.size < layer.spec.filters for plan, layer in zip(compact(graph), graph.layers, strict=True)
        )
        checked += 1
    assert checked > 20
    assert smaller > 10  # something was cut


@pytest.mark.parametrize("seed", range(2))
def test_a_live_neuron_is_one_that_moves_an_output_and_no_other_is(seed: int) -> None:
    """Each channel is disturbed where it leaves its layer: outputs move if and only if it is heard."""
    spec = replace(BRANCHED, layers=tuple(replace(layer, activation="none") for layer in BRANCHED.layers))
    graph = form(spec, Formation(t_c=0.3, t_p=0.5, seed=seed, micro="kernel", layer_shares={"depth": 0.6}))
    network = lived_in(SisNet(whole(graph)), seed)
    expected = outputs(network, spec)
    for layer, alive in zip(network.layers, live_neurons(graph), strict=True):
        results: list[Tensor] = []
        layer.register_forward_hook(lambda module, inputs, result, kept=results: kept.append(result))
        outputs(network, spec)
        emits = results[0].abs().amax(dim=(0, 2, 3)) > 0
        for channel in range(alive.size):

            def disturb(module: object, inputs: object, result: Tensor, channel: int = channel) -> Tensor:
                changed = result.clone()
                changed[:, channel] += 1
                return changed

            with_hook = layer.register_forward_hook(disturb)
            is_heard = not torch.equal(outputs(network, spec), expected)
            with_hook.remove()
            assert alive[channel] == (is_heard and bool(emits[channel])), (layer.spec.name, channel)


def test_cutting_the_whole_network_gives_the_compact_one() -> None:
    graph = form(BRANCHED, Formation(t_c=0.3, t_p=0.5, seed=1, layer_shares={"depth": 0.6}))
    large = lived_in(SisNet(whole(graph)), 1)
    small = fold(copied(large, graph))
    for one, two in zip(cut(fold(large), compact(graph)).layers, small.layers, strict=True):
        assert one.weight.shape == two.weight.shape == one.spec.weight_shape
        assert np.array_equal(one.bias, two.bias)
        assert np.array_equal(one.weight[two.weight != 0], two.weight[two.weight != 0])


def test_the_shortcut_takes_every_second_pixel_and_fills_channels_up() -> None:
    x = torch.arange(2 * 2 * 5 * 5, dtype=torch.float32).reshape(2, 2, 5, 5)
    y = shortcut(x, LayerSpec("a", "CL", 2, 5, 3, 5, stride=2), LayerSpec("b", "CL", 3, 2, 3, 5))
    assert torch.equal(y[:, :2], x[:, :, [0, 2, 4]][:, :, :, [0, 2, 4]])
    assert y.shape == (2, 5, 3, 3)
    assert not y[:, 2:].any()


def test_a_dense_network_against_torch_s_own_modules() -> None:
    """The definition, written a second time in torch's modules."""
    network = lived_in(SisNet(whole(form(BRANCHED, Formation()))), 5)
    stem, a1, a2, depth, point, group, wide, fc = network.layers
    functional = torch.nn.functional
    x = torch.randn(3, 3, 13, 13, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        first = functional.relu(stem.norm(functional.conv2d(x, stem.weight, padding=1)))
        y = functional.relu(a1.norm(functional.conv2d(first, a1.weight, padding=1)))
        summed = functional.relu(a2.norm(functional.conv2d(y, a2.weight, padding=1)) + first)
        y = depth.norm(functional.conv2d(summed, depth.weight, padding=1, stride=2, groups=8)).clamp(0, 6)
        y = point.norm(functional.conv2d(y, point.weight))
        y[:, :8] += summed[:, :, ::2, ::2]
        y = functional.relu(functional.conv2d(y, group.weight, group.bias, padding=1, groups=2))
        y = functional.relu(wide.norm(functional.conv2d(functional.avg_pool2d(y, 2), wide.weight)))
        y = y.mean(dim=(2, 3)) @ fc.weight[:, :, 0, 0].T + fc.bias
    assert torch.allclose(outputs(network, BRANCHED), y, rtol=1e-5, atol=1e-4)


def test_networks_take_images_of_another_side_or_are_known_not_to() -> None:
    """What progressive resizing stands on: no training stops in the middle at an image that does not fit."""
    known = set()
    four = LayerSpec("four", "CL", 8, 8, 3, 32, stride=4, adds="stem")
    last = LayerSpec("fc", "MP", 8, 4, 1, 1, is_class_layer=True, global_pool=True)
    shortcut_by_four = NetworkSpec("by four", 3, 32, (LayerSpec("stem", "CL", 3, 8, 3, 32), four, last))
    assert takes(shortcut_by_four, 24)
    for spec in (shortcut_by_four, *map(random_network, range(40))):
        try:
            network = SisNet(compact(form(spec, Formation()))).eval()
        except UsageError:  # a layer that no other reads
            continue
        for side in (3, 4, 6, 7, 24, spec.side):
            fits = takes(spec, side)
            known.add(fits)
            if fits:
                assert network(torch.zeros(1, 3, side, side)).shape == (1, 4)
        assert takes(spec, spec.side)
    assert known == {True, False}


def test_a_map_that_is_flattened_does_not_fit_smaller_images() -> None:
    """LeNet on CIFAR-10: its first hidden layer reads 5 x 5 pixels, and a smaller image leaves 3 x 3."""
    lenet = NetworkSpec(
        "lenet",
        3,
        32,
        (
            LayerSpec("c1", "CL", 3, 6, 5, 32, padding=0, pool=2),
            LayerSpec("c2", "CL", 6, 16, 5, 14, padding=0, pool=2),
            LayerSpec("f1", "MP", 16, 120, 5, 5, padding=0),
            LayerSpec("f2", "MP", 120, 10, 1, 1, is_class_layer=True),
        ),
    )
    recipe = default_recipe("cifar10", flip=True, precision="fp32")
    assert recipe.sides
    assert recipe.fitting([nin(), NETWORKS["resnet20"](), NETWORKS["mobilenet-small"](10, 32)]) == recipe
    assert recipe.fitting([nin(), lenet]).sides == ()
