"""A formed network that starts with the weights of the torch module that it was read from."""

from typing import TYPE_CHECKING, Any

from sis_edge.errors import UsageError
from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import LayerPlan, compact
from sis_edge.networks.torch_module import read

if TYPE_CHECKING:
    from torch import nn

    from sis_edge.models import SisLayer, SisNet


def from_module(graph: SynapticGraph, module: "nn.Module") -> "SisNet":
    """The network of the graph's live neurons with the module's weights at the synapses that exist, to train on.

    Of a dense graph it computes what the module does. Raises UsageError where the graph was not formed of the module's
    layers, and for layers of several groups that are not depthwise.
    """
    from sis_edge.models import SisLayer, SisNet

    spec = graph.spec
    report = read(module, (spec.channels, spec.side, spec.side), spec.name)
    if report.formed.layers != spec.layers:
        raise UsageError(f"the graph of {spec.name} was not formed of this module: their layers differ")
    norms = {step.becomes: step.name for step in report.steps if step.what.startswith("BatchNorm")}
    plans = compact(graph)
    network = SisNet(plans)
    for plan, dense, layer in zip(plans, spec.layers, network.layers, strict=True):
        assert isinstance(layer, SisLayer)
        if dense.groups > 1 and not dense.is_depthwise:
            raise UsageError(f"layer {dense.name} has {dense.groups} groups; start without the module's weights")
        norm = norms.get(f"in {dense.name}")
        _copy(layer, plan, module.get_submodule(dense.name), None if norm is None else module.get_submodule(norm))
    return network


def _copy(layer: "SisLayer", plan: LayerPlan, source: Any, norm: Any) -> None:
    """One layer's weights; a bias before a normalisation is part of its mean."""
    import torch

    kept = torch.from_numpy(plan.filters)
    with torch.no_grad():
        weight = source.weight.view(source.weight.shape[0], -1, *plan.spec.weight_shape[2:])
        weight = weight[kept] if plan.spec.is_depthwise else weight[kept][:, torch.from_numpy(plan.inputs)]
        layer.weight.copy_(weight if layer.mask is None else weight * layer.mask)
        bias = 0 if source.bias is None else source.bias[kept]
        if layer.norm is None:
            assert layer.bias is not None
            layer.bias.copy_(torch.zeros_like(layer.bias) + bias)
            return
        assert norm is not None
        state = {name: value[kept] if value.dim() else value for name, value in norm.state_dict().items()}
        state["running_mean"] = state["running_mean"] - bias
        # The module's epsilon is not kept with the weights: the scale takes it over.
        variance = state["running_var"]
        state["weight"] = state["weight"] * torch.sqrt((variance + layer.norm.eps) / (variance + norm.eps))
        layer.norm.load_state_dict(state)
